"""Another peer takes the place of a leg's peer (RFC 3891), over real sockets."""

from __future__ import annotations

import attrs
import pytest

from runtime.legs.leg import Connected, DialRequest, Ended, Held, Leg, Replaced, Ringing, Trace
from runtime.legs.sip.encryption import Encryption
from runtime.media.port import SrtpKeys
from runtime.testing.conformance import Heard, saw, until
from sip.dialog import InviteSession, SessionEvent, events
from sip.message import Headers
from tests.legs.sip.bench import SipBench, SipFarEnd, sip_bench
from tests.legs.sip.fakes import FakeMediaLeg, FakeSession, invite, offer, stage

pytestmark = pytest.mark.loopback


async def on_the_line(bench: SipBench, *, handles: bool = True) -> tuple[Leg, SipFarEnd, Heard]:
    leg, far = await bench.incoming_with("100", {}, offer(port=4_242))
    heard = Heard(leg)
    leg.transfers.handle(handles)
    leg.answer({})
    await heard.wait_for(Connected)
    return leg, far, heard


def audio_of(bench: SipBench) -> FakeMediaLeg:
    [media] = bench.engine.legs
    return media


def calls(far: SipFarEnd) -> list[str]:
    return [step.name for step in far.steps]


async def test_the_leg_keeps_its_audio_and_sends_it_to_the_new_peer() -> None:
    async with sip_bench() as bench:
        leg, far, heard = await on_the_line(bench)
        far.next_offer = offer(port=4_343, formats="8 101")
        await far.hand_over({"X-Ticket": "7"})
        await heard.wait_for(Replaced)
        await saw(far, "bye")
        streams = audio_of(bench).streams
        assert [(s.remote_port, s.codec) for s in streams] == [(4_242, "PCMU"), (4_343, "PCMA")]
        assert audio_of(bench).closed == 0
        await until(lambda: bench.ours.active_sessions == 1)
        leg.hangup({})
        await heard.wait_for(Ended)
        assert audio_of(bench).closed == 1
        assert heard.names() == ["Connected", "Replaced", "Ended"]
        assert bench.book.live == 0


async def test_a_successor_without_an_offer_answers_ours() -> None:
    @attrs.define
    class LateOfferer(SipFarEnd):
        def on_sip_event(self, session: InviteSession, event: SessionEvent) -> None:
            super().on_sip_event(session, event)
            if isinstance(event, events.Answered) and self.next_offer is None:
                session.ack_with(offer(port=4_343))

    async with sip_bench() as bench:
        far = LateOfferer()
        far.session = await bench.call("100", {}, offer(), far)
        leg = await bench.next_leg()
        heard = Heard(leg)
        leg.transfers.handle(True)
        leg.answer({})
        await heard.wait_for(Connected)
        await saw(far, "answered")
        far.next_offer = None
        await far.hand_over({})
        await heard.wait_for(Replaced)
        assert audio_of(bench).streams[-1].remote_port == 4_343


async def test_a_successor_of_a_peer_on_hold_takes_the_call_off_hold() -> None:
    async with sip_bench() as bench:
        _, far, heard = await on_the_line(bench)
        await far.hold()
        await heard.wait_for(Held)
        await far.hand_over({})
        await heard.wait_for(Replaced)
        assert heard.names() == ["Connected", "Reinvited", "Held", "Resumed", "Replaced"]


async def test_a_successor_without_our_codecs_is_refused_and_the_call_goes_on() -> None:
    async with sip_bench() as bench:
        leg, far, heard = await on_the_line(bench)
        far.next_offer = offer(formats="18")
        await far.hand_over({})
        assert (await saw(far, "rejected")).code == 488
        leg.hangup({})
        await saw(far, "bye")
        await heard.wait_for(Ended)
        assert heard.names() == ["Connected", "Ended"]


async def test_a_refused_successor_is_told_why_and_stands_in_the_leg_s_lines() -> None:
    async with sip_bench() as bench:
        leg, far, heard = await on_the_line(bench, handles=False)
        lines: list[Trace] = []
        leg.trace(lines.append)
        await far.hand_over({})
        assert (await saw(far, "rejected")).code == 603
        assert "handleBlindTransfer" in str(far.last_headers.get("Warning"))
        assert any("may not take the place" in line.what for line in lines)
        assert len(audio_of(bench).streams) == 1
        assert heard.names() == ["Connected"]


async def test_a_ringing_call_of_ours_is_picked_up_elsewhere() -> None:
    async with sip_bench() as bench:
        leg, far = await bench.outgoing(DialRequest(kind="sip", to="", callerid="1"))
        assert isinstance(far, SipFarEnd)
        heard = Heard(leg)
        leg.transfers.handle(True)
        await far.ring({})
        await heard.wait_for(Ringing)
        early = far.call._core.call.dialog
        assert early is not None
        name = early.place()
        assert name is not None
        far.session = bench.theirs.invite(
            str(attrs.evolve(name.uri, headers={})),
            sdp=offer(port=4_545),
            from_=name,
            headers=[("Replaces", f"{name.uri.headers['Replaces']};early-only")],
            observer=far,
        )
        await heard.wait_for(Connected)
        await saw(far, "cancelled")
        assert audio_of(bench).streams[-1].remote_port == 4_545
        leg.hangup({})
        await heard.wait_for(Ended)
        assert heard.names() == ["Ringing", "Connected", "Ended"]


async def test_a_transfer_that_is_open_with_the_former_peer_fails_first() -> None:
    async with sip_bench() as bench:
        leg, far, heard = await on_the_line(bench)
        leg.transfers.to("sip:bob@127.0.0.1:5999", {})
        await saw(far, "refer")
        await far.hand_over({})
        await heard.wait_for(Replaced)
        await until(lambda: "TransferFailed" in heard.names())
        assert sorted(heard.names()) == ["Connected", "Replaced", "TransferFailed"]


def test_a_successor_whose_signalling_may_not_carry_our_keys_is_refused() -> None:
    made = stage()
    made.leg.transfers.handle(True)
    made.leg.answer({})
    made.session.say(events.Acknowledged(Headers(), None))
    assert made.leg.audio.stream is not None
    keys = SrtpKeys(suite="AES_CM_128_HMAC_SHA1_80", send_key="a", receive_key="b")
    made.leg.audio.stream = attrs.evolve(made.leg.audio.stream, srtp=keys)
    made.leg._encryption = Encryption(only_protected=True)
    heir = FakeSession(invite(), remote_offer=offer())
    made.leg.on_replacement(heir.as_session)
    assert heir.names() == ["reject 603"]
    assert "not protected" in dict(heir.asked[0].headers)["Warning"]
    assert made.names() == ["Connected"]
