"""All SIP of a runtime, put together from its configuration."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal, cast

import attrs
import pytest
import trio

from runtime.config.settings import RtpSettings, SipSettings, TrunkSettings
from runtime.decisions.numbers import NumberRule
from runtime.legs.leg import Connected, DialRefused, DialRequest, Ended, Leg, Ringing
from runtime.legs.sip.gateway import SipGateway
from runtime.legs.sip.incoming import RefusedCall
from runtime.media.port import MediaPort
from runtime.testing.conformance import Heard, saw
from sip.address import BoundAddress, ListenAddress
from sip.dialog import InviteSession
from sip.endpoint import Endpoint, EndpointSettings, Fault
from sip.message import NameAddr, Uri
from sip.transport import Names
from sip.transport.rfc3263 import Srv
from tests.legs.sip.bench import QuietEngine, SipFarEnd
from tests.legs.sip.fakes import offer
from tests.sip.transport.names import FakeNames

pytestmark = pytest.mark.loopback


@attrs.define
class Site:
    gateway: SipGateway
    address: BoundAddress
    phone: Endpoint
    legs: list[Leg]
    refused: list[RefusedCall]
    faults: list[Fault]

    def call(self, user: str = "100") -> SipFarEnd:
        far = SipFarEnd()
        far.session = self.phone.invite(
            f"sip:{user}@127.0.0.1:{self.address.port}",
            sdp=offer(),
            from_=NameAddr(uri=Uri(user="far", host="127.0.0.1")),
            observer=far,
        )
        return far


@asynccontextmanager
async def site(
    *trunks: TrunkSettings, rtp: RtpSettings | None = None, names: Names | None = None
) -> AsyncIterator[Site]:
    legs: list[Leg] = []
    refused: list[RefusedCall] = []
    faults: list[Fault] = []
    gateway = SipGateway(
        SipSettings(listen=("udp://127.0.0.1:0", "tcp://127.0.0.1:0")),
        trunks,
        cast(MediaPort, QuietEngine()),
        rtp=rtp,
        on_refused=refused.append,
        on_fault=faults.append,
        names=names,
    )
    phone = Endpoint(EndpointSettings(), on_invite=lambda session: None)
    async with trio.open_nursery() as nursery:
        addresses: list[BoundAddress] = await nursery.start(gateway.run, legs.append)
        here = ListenAddress(transport="udp", host="127.0.0.1", port=0)
        await nursery.start(phone.run, [here])
        yield Site(gateway, addresses[0], phone, legs, refused, faults)
        nursery.cancel_scope.cancel()
    assert faults == []


async def test_the_real_ports_are_reported_in_the_order_of_the_configuration() -> None:
    async with site() as made:
        assert made.address.transport == "udp"
        assert made.address.port > 0


async def test_a_call_is_delivered_drained_and_closed() -> None:
    async with site() as made:
        far = made.call()
        with trio.fail_after(10):
            while not made.legs:  # noqa: ASYNC110 - a list has no event
                await trio.sleep(0.005)
        heard = Heard(made.legs[0])
        made.legs[0].answer({})
        await heard.wait_for(Connected)
        assert made.gateway.active_calls == 1
        made.gateway.drain(7)
        late = made.call()
        assert (await saw(late, "rejected")).code == 503
        assert late.last_headers.get("Retry-After") == "7"
        await made.gateway.close()
        await saw(far, "bye")
        assert (await heard.wait_for(Ended)).by == "us"
        await made.gateway.close()


async def test_numbers_go_to_the_configured_trunk() -> None:
    invited: list[str] = []
    async with site() as carrier:
        trunk = TrunkSettings(
            name="carrier", uri=f"sip:127.0.0.1:{carrier.address.port}", user="acme"
        )
        async with site(trunk) as made:
            leg = await made.gateway.dialer.dial(DialRequest(kind="pstn", to="+44 20 7946 0000"))
            with trio.fail_after(10):
                while not carrier.legs:  # noqa: ASYNC110 - a list has no event
                    await trio.sleep(0.005)
            invited.append(carrier.legs[0].identity.number)
            assert carrier.legs[0].identity.callerid == "acme"
            leg.hangup({})
    assert invited == ["+442079460000"]


async def test_a_call_from_a_server_that_only_srv_records_name_is_its_trunks() -> None:
    names = FakeNames(
        srvs={
            "_sip._tcp.carrier.example": [
                Srv(priority=1, weight=0, port=5070, target="sbc.carrier.example")
            ]
        },
        a={"sbc.carrier.example": ["127.0.0.1"]},
    )
    rules = (NumberRule(strip="0", add="+44"),)
    carrier = TrunkSettings(name="carrier", uri="sip:carrier.example", numbers_in=rules)
    async with site(carrier, names=names) as made:
        made.call("02079460000")
        with trio.fail_after(10):
            while not made.legs:  # noqa: ASYNC110 - a list has no event
                await trio.sleep(0.005)
        [leg] = made.legs
        assert (leg.identity.number, leg.identity.client_type) == ("+442079460000", "pstn")


@pytest.mark.parametrize(("redirects", "outcome"), [("trunk", "180"), ("never", "302")])
async def test_a_trunk_may_send_a_call_on_within_itself(
    redirects: Literal["never", "trunk"], outcome: str
) -> None:
    """The trunk is a telephone that sends every call but that for the desk on to the desk."""

    def take(session: InviteSession) -> SipFarEnd:
        far = SipFarEnd(session)
        uri = session.request.request_uri
        if uri.user == "desk":
            session.provisional(180)
        else:
            session.reject(302, headers=[("Contact", f"<sip:desk@127.0.0.1:{uri.port}>")])
        return far

    carrier = Endpoint(EndpointSettings(), on_invite=take)
    async with trio.open_nursery() as nursery:
        here = ListenAddress(transport="udp", host="127.0.0.1", port=0)
        [address] = await nursery.start(carrier.run, [here])
        uri = f"sip:127.0.0.1:{address.port}"
        async with site(TrunkSettings(name="carrier", uri=uri, redirects=redirects)) as made:
            leg = await made.gateway.dialer.dial(DialRequest(kind="pstn", to="123"))
            heard = Heard(leg)
            if outcome == "180":
                await heard.wait_for(Ringing)
                leg.hangup({})
            ended = await heard.wait_for(Ended)
            assert ended.code == (487 if outcome == "180" else 302)
            assert ("redirects are not followed" in ended.reason) == (outcome == "302")
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("everybody", "trunk", "taken"),
    [
        ("off", None, True),
        ("required", None, False),
        ("required", "off", True),
        ("off", "required", False),
        ("optional", "required", False),
    ],
)
async def test_the_trunks_wish_for_encryption_goes_before_everybodys(
    everybody: Literal["off", "optional", "required"],
    trunk: Literal["off", "required"] | None,
    taken: bool,
) -> None:
    """The caller offers no encryption, and calls from the trunk's address."""
    carrier = TrunkSettings(name="carrier", uri="sip:127.0.0.1", srtp=trunk)
    async with site(carrier, rtp=RtpSettings(srtp=everybody)) as made:
        far = made.call()
        if taken:
            with trio.fail_after(10):
                while not made.legs:  # noqa: ASYNC110 - a list has no event
                    await trio.sleep(0.005)
        else:
            assert (await saw(far, "rejected")).code == 488
            assert "encryption is required here" in made.refused[0].reason


async def test_without_a_trunk_a_number_is_refused() -> None:
    async with site() as made:
        with pytest.raises(DialRefused) as caught:
            await made.gateway.dialer.dial(DialRequest(kind="pstn", to="+442079460000"))
        assert caught.value.code == 403


@pytest.mark.parametrize("uri", ["tel:+44", "carrier"])
def test_a_bad_trunk_is_a_fault_of_the_configuration(uri: str) -> None:
    with pytest.raises(ValueError, match="trunk carrier"):
        SipGateway(
            SipSettings(),
            [TrunkSettings(name="carrier", uri=uri)],
            cast(MediaPort, QuietEngine()),
            on_refused=lambda refused: None,
            on_fault=lambda fault: None,
        )
