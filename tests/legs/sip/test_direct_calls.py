"""Direct calls over SIP: what one peer says about its audio is what the other one hears of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import attrs
import pytest
import trio

from runtime.config.settings import RtpSettings, TrunkSettings
from runtime.legs.leg import (
    Connected,
    DialRefused,
    DialRequest,
    Ended,
    Headers,
    Held,
    Leg,
    Resumed,
    Ringing,
    Trace,
)
from runtime.legs.sip.leg import SipLeg
from runtime.testing.conformance import Heard, saw, until
from runtime.testing.direct_conformance import DirectBench, DirectConformance
from sip.dialog import InviteSession, events
from sip.endpoint import Endpoint, EndpointSettings
from sip.message import NameAddr, Uri
from tests.legs.sip.bench import SipFarEnd
from tests.legs.sip.fakes import offer
from tests.legs.sip.office import PATIENCE_S, Dialled, Office, office

pytestmark = pytest.mark.loopback


def said_by(port: int, extra: str = "a=sendrecv", version: int = 1) -> bytes:
    """What a phone says, as it is passed on."""
    text = offer(port=port, host="127.0.0.1", extra=extra).decode()
    return text.replace("o=peer 1 1 ", f"o=peer 1 {version} ").encode()


@attrs.define
class Phone(SipFarEnd):
    """A peer that decides itself about re-INVITEs."""

    offers: list[bytes | None] = attrs.field(factory=list)
    """Every offer inside the call."""
    failures: list[tuple[int, str]] = attrs.field(factory=list)
    """Of its own re-INVITEs."""
    given: list[bytes] = attrs.field(factory=list)
    """Offers that it has asked for."""
    acks: list[bytes | None] = attrs.field(factory=list)
    reply: bytes | int | None = None
    """To offers inside the call: a description, a status, or nothing yet."""

    def on_sip_event(self, session: InviteSession, event: events.SessionEvent) -> None:
        super().on_sip_event(session, event)
        match event:
            case events.ReinviteReceived(sdp=sdp):
                self.offers.append(sdp)
                if isinstance(self.reply, bytes):
                    session.answer_reinvite(self.reply)
                elif self.reply is not None:
                    session.reject_reinvite(self.reply)
            case events.ReinviteFailed(status=status, reason=reason):
                self.failures.append((status, reason))
            case events.ReinviteOffered(sdp=sdp):
                self.given.append(sdp)
            case events.Acknowledged(sdp=sdp):
                self.acks.append(sdp)
            case _:
                pass

    def take_change(self, sdp: bytes) -> None:
        """See on_sip_event()."""

    async def refused(self) -> tuple[int, str]:
        await until(lambda: bool(self.failures))
        return self.failures[-1]

    async def got(self) -> bytes:
        await until(lambda: bool(self.given))
        return self.given[-1]

    async def offered(self, count: int = 1) -> bytes | None:
        await until(lambda: len(self.offers) == count)
        return self.offers[-1]

    async def answered(self, count: int = 1) -> bytes:
        await until(lambda: len(self.descriptions) == count)
        return self.descriptions[-1]


@attrs.define
class Willing(Phone):
    """One that takes every offer, and has a stream of its own."""

    port: int = 4_000
    said: int = 1

    def on_sip_event(self, session: InviteSession, event: events.SessionEvent) -> None:
        super().on_sip_event(session, event)
        if isinstance(event, events.ReinviteReceived):
            held = b"a=sendonly" in (event.sdp or b"")
            self.saw("hold" if held else "resume", event.headers)
            session.answer_reinvite(self.next("a=recvonly" if held else "a=sendrecv"))

    def next(self, direction: str = "a=sendrecv") -> bytes:
        self.said += 1
        return said_by(self.port, direction, self.said)

    async def answer(self, headers: Headers) -> None:
        self.call.accept(self.next(), headers=headers.items())

    async def hold(self) -> None:
        await self.reinvite(self.next("a=sendonly"))

    async def resume(self) -> None:
        await self.reinvite(self.next())


@attrs.define
class PairBench:
    """Runs runtime/testing/direct_conformance.py."""

    made: Office
    calls: list[Phone]

    async def incoming(self, number: str, headers: Headers) -> tuple[Leg, Phone]:
        ann, leg = await arrival(self.made, said_by(4_000), Willing())
        return leg, ann

    async def direct(self, caller: Leg) -> tuple[Leg, Phone]:
        before = len(self.calls)
        leg = await self.made.gateway.dialer.dial(request_for(caller))
        await until(lambda: len(self.calls) > before)
        return leg, self.calls[-1]


@asynccontextmanager
async def pair_bench() -> AsyncIterator[PairBench]:
    async with office() as made:
        yield PairBench(made, await calls_of_bob(made, willing=True))


class TestDirectLegs(DirectConformance):
    def bench(self) -> AbstractAsyncContextManager[DirectBench]:
        return pair_bench()


@attrs.define
class Pair:
    """A caller and the user bob, each with a leg."""

    made: Office
    ann: Phone
    bob: Phone
    caller: Dialled
    callee: Dialled

    def names(self) -> tuple[list[str], list[str]]:
        return self.caller.names(), self.callee.names()


async def calls_of_bob(made: Office, *, willing: bool = False) -> list[Phone]:
    """Bob registers a phone; what reaches it."""
    calls: list[Phone] = []

    def on_invite(session: InviteSession) -> Phone:
        calls.append(Willing(session, port=5_000) if willing else Phone(session))
        return calls[-1]

    desk = await made.desk(on_invite)
    await made.register(desk.contact)
    return calls


async def arrival(made: Office, sdp: bytes | None, phone: Phone | None = None) -> tuple[Phone, Leg]:
    """Ann calls the gateway."""
    ann = phone or Phone()
    endpoint = Endpoint(EndpointSettings(), on_invite=lambda session: ann)
    await made.nursery.start(endpoint.run, [made.somewhere])
    ann.session = endpoint.invite(
        f"sip:bob@{made.address.host}:{made.address.port}",
        sdp=sdp,
        from_=NameAddr(uri=Uri(scheme="sip", user="ann", host="127.0.0.1")),
        observer=ann,
    )
    with trio.fail_after(PATIENCE_S):
        return ann, await made.arrived.receive()


def request_for(leg: Leg) -> DialRequest:
    return DialRequest(kind="user", to="bob", callerid="4711", direct_for=leg)


@asynccontextmanager
async def ringing(
    sdp: bytes | None = said_by(4_000),
    rtp: RtpSettings | None = None,
    trunks: Sequence[TrunkSettings] = (),
) -> AsyncIterator[Pair]:
    """Ann's call waits, and bob's phone was called for it."""
    async with office(rtp=rtp, trunks=trunks) as made:
        calls = await calls_of_bob(made)
        ann, leg = await arrival(made, sdp)
        callee = Dialled(await made.gateway.dialer.dial(request_for(leg)))
        await until(lambda: bool(calls))
        yield Pair(made, ann, calls[0], Dialled(leg), callee)


@asynccontextmanager
async def talking() -> AsyncIterator[Pair]:
    """Both are connected, directly."""
    async with ringing() as pair:
        pair.bob.call.accept(said_by(5_000))
        await pair.callee.wait_for(Connected)
        pair.caller.leg.answer_directly(pair.callee.leg, {})
        await pair.caller.wait_for(Connected)
        yield pair


async def test_each_gets_the_description_of_the_other_and_nothing_of_ours() -> None:
    async with ringing() as pair:
        assert pair.bob.call.remote_offer == said_by(4_000)
        await pair.bob.ring({})
        await pair.callee.wait_for(Ringing)
        pair.caller.leg.ring({})
        await saw(pair.ann, "180")
        pair.bob.call.accept(said_by(5_000))
        await pair.callee.wait_for(Connected)
        pair.caller.leg.answer_directly(pair.callee.leg, {"X-Agent": "7"})
        assert await pair.ann.answered() == said_by(5_000)
        assert (await saw(pair.ann, "answered")).headers == {"X-Agent": "7"}
        await pair.caller.wait_for(Connected)
        assert pair.names() == (["Connected"], ["Ringing", "Connected"])


async def test_the_engine_is_told_of_no_stream_and_gets_its_ports_back() -> None:
    async with talking() as pair:
        [media] = pair.made.engine.legs
        assert media.streams == []
        assert media.closed


async def test_keys_that_can_be_read_on_the_way_are_mentioned() -> None:
    key = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40
    ann, bob = (said_by(port, key).replace(b"/AVP", b"/SAVP") for port in (4_000, 5_000))
    async with ringing(ann, RtpSettings(srtp="optional")) as pair:
        lines: list[Trace] = []
        pair.caller.leg.trace(lines.append)
        pair.bob.call.accept(bob)
        await pair.callee.wait_for(Connected)
        pair.caller.leg.answer_directly(pair.callee.leg, {})
        assert await pair.ann.answered() == bob
        told = "SRTP keys of calls with peers without trunk can be read on the way"
        assert any(told in line.what for line in lines)


async def test_early_descriptions_of_ringing_phones_are_not_passed_on() -> None:
    async with ringing() as pair:
        pair.bob.call.provisional(183, sdp=said_by(5_000))
        await pair.callee.wait_for(Ringing)
        assert pair.names() == ([], ["Ringing"])
        pair.callee.leg.hangup({})


@pytest.mark.parametrize("who", ["ann", "bob"])
async def test_a_hold_of_either_peer_is_asked_of_the_other_and_told_once(who: str) -> None:
    async with talking() as pair:
        one, other = (pair.ann, pair.bob) if who == "ann" else (pair.bob, pair.ann)
        leg = pair.caller if who == "ann" else pair.callee
        port, other_port = (4_000, 5_000) if who == "ann" else (5_000, 4_000)
        answers = len(one.descriptions)
        hold, held = said_by(port, "a=sendonly", 2), said_by(other_port, "a=recvonly", 2)
        other.reply = held
        one.call.reinvite(hold)
        assert await one.answered(answers + 1) == held
        assert other.offers == [hold]
        await leg.wait_for(Held)
        back, again = said_by(port, version=3), said_by(other_port, version=3)
        other.reply = again
        one.call.reinvite(back)
        assert await one.answered(answers + 2) == again
        assert other.offers == [hold, back]
        await leg.wait_for(Resumed)
        assert leg.names()[-5:] == ["Connected", "Reinvited", "Held", "Reinvited", "Resumed"]


async def test_a_refusal_goes_back_with_its_status_and_nothing_changes() -> None:
    async with talking() as pair:
        pair.bob.reply = 488
        pair.ann.call.reinvite(said_by(4_002, version=2))
        status, _ = await pair.ann.refused()
        assert status == 488
        assert pair.names() == (["Connected", "Reinvited"], ["Connected", "ReinviteRejected"])


async def test_a_refresh_of_the_session_timer_does_not_reach_the_other() -> None:
    async with talking() as pair:
        pair.ann.call.reinvite(said_by(4_000))
        assert await pair.ann.answered(2) == said_by(5_000)
        assert pair.bob.offers == []


async def test_of_two_offers_that_meet_the_later_one_has_to_wait() -> None:
    async with talking() as pair:
        pair.ann.call.reinvite(said_by(4_002, version=2))
        await pair.bob.offered()
        pair.ann.reply = said_by(4_002, version=3)
        pair.bob.call.answer_reinvite(said_by(5_000, version=2))
        pair.bob.call.reinvite(said_by(5_002, version=3))
        assert await pair.ann.answered(2) == said_by(5_000, version=2)
        assert await pair.bob.answered(1) == said_by(4_002, version=3)
        assert await pair.ann.offered() == said_by(5_002, version=3)


async def test_a_peer_that_asks_for_an_offer_gets_what_the_other_said() -> None:
    async with ringing(None) as pair:
        assert pair.bob.call.remote_offer is None
        pair.bob.call.accept(said_by(5_000))
        await pair.callee.wait_for(Connected)
        pair.caller.leg.answer_directly(pair.callee.leg, {})
        await saw(pair.ann, "answered")
        assert pair.ann.descriptions == [said_by(5_000)]
        pair.ann.call.ack_with(said_by(4_000))
        await pair.caller.wait_for(Connected)
        await until(lambda: bool(pair.bob.acks))
        assert pair.bob.acks == [said_by(4_000)]


async def test_a_peer_that_asks_for_an_offer_inside_the_call_gets_a_new_one() -> None:
    async with talking() as pair:
        pair.ann.call.reinvite(said_by(4_000, "a=sendonly", 2))
        await pair.bob.offered()
        pair.bob.call.answer_reinvite(said_by(5_000, "a=recvonly", 2))
        await pair.caller.wait_for(Held)
        pair.bob.reply = said_by(5_002, version=3)
        pair.ann.call.ask_for_offer()
        assert await pair.ann.got() == said_by(5_002, version=3)
        assert pair.bob.offers[-1] is None
        pair.ann.call.answer_offer(said_by(4_002, version=3))
        assert await pair.bob.answered() == said_by(4_002, version=3)
        await pair.caller.wait_for(Resumed)
        pair.ann.call.reinvite(said_by(4_002, version=3))
        assert await pair.ann.answered(3) == said_by(5_002, version=3)


async def test_who_makes_no_offer_when_asked_keeps_the_call_as_it_is() -> None:
    async with talking() as pair:
        pair.bob.reply = 488
        pair.ann.call.ask_for_offer()
        assert (await pair.ann.refused())[0] == 488
        pair.bob.reply = offer(host="224.1.2.3")
        pair.ann.call.ask_for_offer()
        await until(lambda: len(pair.ann.failures) == 2)
        # it cannot be passed on, so that bob is answered with what held before
        assert await pair.bob.answered() == said_by(4_000)
        pair.bob.reply = said_by(5_000, version=2)
        pair.ann.call.reinvite(said_by(4_000, version=2))
        assert await pair.ann.answered(2) == said_by(5_000, version=2)


async def test_who_leaves_with_an_offer_in_hand_leaves_the_other_as_it_was() -> None:
    async with talking() as pair:
        pair.bob.reply = said_by(5_002, version=2)
        pair.ann.call.ask_for_offer()
        await pair.ann.got()
        await pair.ann.bye()
        await pair.caller.wait_for(Ended)
        assert await pair.bob.answered() == said_by(4_000)
        pair.callee.leg.hangup({})
        await saw(pair.bob, "bye")


async def test_an_offer_that_is_given_up_is_undone_on_the_other_side() -> None:
    async with talking() as pair:
        pair.ann.call.reinvite(said_by(4_002, version=2))
        await pair.bob.offered()
        leg = pair.caller.leg
        assert isinstance(leg, SipLeg)
        assert leg.session is not None
        leg.session.reject_reinvite(500, why="as after 30 s")
        pair.bob.reply = said_by(5_000, version=3)
        pair.bob.call.answer_reinvite(said_by(5_000, version=2))
        assert await pair.bob.offered(2) == said_by(4_000)


@pytest.mark.parametrize("who", ["ann", "bob"])
async def test_a_bye_of_either_ends_its_own_leg_and_the_other_refuses_offers(who: str) -> None:
    async with talking() as pair:
        gone, left = (pair.ann, pair.bob) if who == "ann" else (pair.bob, pair.ann)
        legs = (pair.caller, pair.callee) if who == "ann" else (pair.callee, pair.caller)
        await gone.bye()
        await legs[0].wait_for(Ended)
        assert legs[1].names() == ["Connected"]
        left.call.reinvite(said_by(6_000, "a=sendonly", 2))
        assert (await left.refused())[0] == 488
        legs[1].leg.hangup({})
        await saw(left, "bye")


async def test_a_peer_that_leaves_before_it_has_answered_an_offer_refuses_it() -> None:
    async with talking() as pair:
        pair.ann.call.reinvite(said_by(4_002, version=2))
        await pair.bob.offered()
        await pair.bob.bye()
        await pair.callee.wait_for(Ended)
        # what bob's phone says of the open offer, right before its BYE
        assert (await pair.ann.refused())[0] == 487


async def test_an_offer_before_the_caller_is_answered_has_to_wait() -> None:
    async with ringing() as pair:
        pair.bob.call.accept(said_by(5_000))
        await pair.callee.wait_for(Connected)
        pair.ann.reply = said_by(4_000, version=2)
        lines: list[Trace] = []
        pair.callee.leg.trace(lines.append)
        pair.bob.call.reinvite(said_by(5_002, version=2))
        await until(lambda: any("out 491" in line.what for line in lines))
        pair.caller.leg.answer_directly(pair.callee.leg, {})
        assert await pair.ann.offered() == said_by(5_002, version=2)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"v=1\r\n", "unreadable session description"),
        (offer(port=5_000, host="192.0.2.7"), ""),
        (offer(port=5_000, host="224.1.2.3"), "is the address of a group"),
        (said_by(5_000) + b"m=video 0 RTP/AVP 31\r\n", "1 streams were offered, and 2 answered"),
    ],
)
async def test_an_answer_that_cannot_be_passed_on_ends_the_call(answer: bytes, why: str) -> None:
    async with ringing() as pair:
        pair.bob.call.accept(answer)
        if not why:
            await pair.callee.wait_for(Connected)
            return
        ended = await pair.callee.wait_for(Ended)
        assert ended.code == 488
        assert why in ended.reason
        pair.caller.leg.answer_directly(pair.callee.leg, {})
        assert pair.ann.descriptions == []


async def test_the_operator_can_forbid_it() -> None:
    async with office(rtp=RtpSettings(direct=False)) as made:
        await calls_of_bob(made)
        _, leg = await arrival(made, said_by(4_000))
        with pytest.raises(DialRefused, match="permits no direct calls") as caught:
            await made.gateway.dialer.dial(request_for(leg))
        assert caught.value.code == 403


async def test_audio_of_a_trunk_that_must_be_encrypted_is_not_passed_on_in_the_open() -> None:
    trunk = TrunkSettings(name="carrier", uri="sip:127.0.0.1", srtp="required")
    async with ringing(None, trunks=[trunk]) as pair:
        pair.bob.call.accept(said_by(5_000))
        ended = await pair.callee.wait_for(Ended)
        assert ended.code == 488
        assert "encryption is required" in ended.reason


async def test_a_caller_who_has_hung_up_cannot_be_called_for() -> None:
    async with office() as made:
        await calls_of_bob(made)
        ann, leg = await arrival(made, said_by(4_000))
        await ann.cancel()
        await Heard(leg).wait_for(Ended)
        with pytest.raises(DialRefused, match="not waiting for an answer"):
            await made.gateway.dialer.dial(request_for(leg))


async def test_a_call_of_another_kind_cannot_be_joined() -> None:
    async with ringing() as pair:
        other = Dialled(await pair.made.gateway.dialer.dial(DialRequest(kind="user", to="bob")))
        pair.caller.leg.answer_directly(other.leg, {})
        assert pair.ann.descriptions == []
        assert pair.caller.events == []
