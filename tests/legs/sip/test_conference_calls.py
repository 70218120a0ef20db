"""Calls into our own shared sessions: where they go, and that nobody else can make one."""

from __future__ import annotations

from typing import cast

import pytest
import trio

from runtime.config.settings import SipSettings
from runtime.legs.leg import DialRefused, DialRequest, Leg
from runtime.legs.sip.conference_calls import is_own
from runtime.legs.sip.gateway import SipGateway
from runtime.legs.sip.incoming import RefusedCall
from runtime.legs.sip.leg import SipLeg
from runtime.media.port import MediaPort
from sip.address import BoundAddress, ListenAddress, PeerAddress
from sip.endpoint import Endpoint, EndpointSettings
from sip.message import NameAddr, Uri
from tests.legs.sip.bench import QuietEngine, SipFarEnd
from tests.legs.sip.fakes import offer

HERE = BoundAddress(transport="udp", host="192.0.2.1", port=5060)
EVERYWHERE = BoundAddress(transport="udp", host="0.0.0.0", port=5060)
OVER_TCP = BoundAddress(transport="tcp", host="0.0.0.0", port=5060)


@pytest.mark.parametrize(
    ("host", "port", "transport", "bound", "own"),
    [
        ("192.0.2.1", 5060, "udp", HERE, True),
        ("192.0.2.1", 5061, "udp", HERE, False),
        ("192.0.2.2", 5060, "udp", HERE, False),
        ("127.0.0.1", 5060, "udp", HERE, False),
        ("127.0.0.1", 5060, "udp", EVERYWHERE, True),
        ("192.0.2.1", 5060, "udp", EVERYWHERE, False),
        ("127.0.0.1", 5060, "tcp", EVERYWHERE, False),
        ("127.0.0.1", 5060, "udp", OVER_TCP, False),
    ],
)
def test_only_what_comes_from_our_own_udp_socket_is_our_own(
    host: str, port: int, transport: str, bound: BoundAddress, own: bool
) -> None:
    peer = PeerAddress(transport=transport, host=host, port=port)  # type: ignore[arg-type]
    assert is_own(peer, [bound]) is own


def gateway(*listen: str, refused: list[RefusedCall]) -> SipGateway:
    return SipGateway(
        SipSettings(listen=listen, allow=("192.0.2.0/24",)),
        (),
        cast(MediaPort, QuietEngine()),
        on_refused=refused.append,
        on_fault=print,
    )


async def dial(made: SipGateway, name: str) -> Leg:
    request = DialRequest(
        kind="conference", to=name, callerid="4711", display_name="Ann", session_id="s1",
        headers={"X-A": "1"},
    )  # fmt: skip
    return await made.dialer.dial(request)


@pytest.mark.loopback
async def test_the_call_arrives_though_no_stranger_on_this_machine_may_call() -> None:
    refused: list[RefusedCall] = []
    arrived_send, arrived = trio.open_memory_channel[Leg](9)
    made = gateway("udp://0.0.0.0:0", refused=refused)
    async with trio.open_nursery() as nursery:
        await nursery.start(made.run, arrived_send.send_nowait)
        await dial(made, "the board room")
        with trio.fail_after(20):
            leg = await arrived.receive()
        identity = leg.identity
        assert (identity.number, identity.callerid) == ("the board room", "4711")
        assert (identity.display_name, identity.headers) == ("Ann", {"X-A": "1"})
        assert (identity.own_session, identity.to_conference) == ("s1", True)
        await made.close()
        nursery.cancel_scope.cancel()
    assert refused == []


@pytest.mark.loopback
async def test_who_has_read_the_call_id_is_a_stranger_all_the_same() -> None:
    arrived_send, arrived = trio.open_memory_channel[Leg](9)
    made = gateway("udp://127.0.0.1:0", refused=[])
    async with trio.open_nursery() as nursery:
        [here] = await nursery.start(made.run, arrived_send.send_nowait)
        placed = await dial(made, "board")
        assert isinstance(placed, SipLeg)
        assert placed.session is not None
        with trio.fail_after(20):
            assert (await arrived.receive()).identity.to_conference
            stranger = Endpoint(EndpointSettings(), on_invite=lambda _: SipFarEnd())
            await nursery.start(stranger.run, [ListenAddress.parse("udp://127.0.0.1:0")])
            stranger.invite(
                f"sip:board@{here.host}:{here.port}",
                sdp=offer(),
                from_=NameAddr(uri=Uri(scheme="sip", user="eve", host="127.0.0.1")),
                call_id=placed.session.call_id,
                observer=SipFarEnd(),
            )
            identity = (await arrived.receive()).identity
        assert (identity.own_session, identity.to_conference) == ("", False)
        await made.close()
        nursery.cancel_scope.cancel()


@pytest.mark.loopback
async def test_without_a_listener_for_udp_the_call_is_refused_with_what_to_do() -> None:
    made = gateway("tcp://127.0.0.1:0", refused=[])
    async with trio.open_nursery() as nursery:
        await nursery.start(made.run, lambda _: None)
        with pytest.raises(DialRefused, match="a listener of our own that takes UDP") as caught:
            await dial(made, "room")
        assert caught.value.code == 503
        nursery.cancel_scope.cancel()
