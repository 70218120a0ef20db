"""What the conformance suite cannot know: SDP, Warning, TCP and dead ports, over real sockets."""

from __future__ import annotations

import socket

import attrs
import pytest
import trio

from runtime.legs.leg import Connected, DialRefused, DialRequest, Ended, Held, Reinvited, Resumed
from runtime.testing.conformance import Heard, saw, until
from sip.dialog import InviteSession, SessionEvent, events
from tests.legs.sip.bench import SipBench, SipFarEnd, sip_bench
from tests.legs.sip.fakes import FakeMediaLeg, offer

pytestmark = pytest.mark.loopback


def audio_of(bench: SipBench) -> FakeMediaLeg:
    return bench.engine.legs[-1]


async def test_audio_is_told_to_the_caller_and_starts_with_the_200() -> None:
    async with sip_bench() as bench:
        leg, far = await bench.incoming_with("100", {}, offer(port=4_242))
        heard = Heard(leg)
        assert audio_of(bench).streams == []
        leg.answer({})
        assert audio_of(bench).streams[-1].remote_port == 4_242
        await heard.wait_for(Connected)
        assert b"m=audio 10000 RTP/AVP 0 101" in far.descriptions[-1]
        await far.bye()
        await heard.wait_for(Ended)
        assert audio_of(bench).closed == 1


async def test_a_late_offer_is_completed_by_the_ack() -> None:
    @attrs.define
    class LateOfferer(SipFarEnd):
        def on_sip_event(self, session: InviteSession, event: SessionEvent) -> None:
            super().on_sip_event(session, event)
            if isinstance(event, events.Answered):
                session.ack_with(offer(port=4_343))

    async with sip_bench() as bench:
        far = LateOfferer()
        far.session = await bench.call("100", {}, None, far)
        leg = await bench.next_leg()
        heard = Heard(leg)
        leg.answer({})
        await heard.wait_for(Connected)
        assert b"m=audio 10000 RTP/AVP 0 8 101" in far.descriptions[-1]
        assert audio_of(bench).streams[-1].remote_port == 4_343


async def test_a_call_without_our_codecs_is_refused_before_any_leg() -> None:
    async with sip_bench() as bench:
        far = SipFarEnd()
        await bench.call("100", {}, offer(formats="18 9"), far)
        step = await saw(far, "rejected")
        assert step.code == 488
        assert far.last_headers.get("Warning") is not None
        assert "G729" in str(far.last_headers.get("Warning"))
        assert [refused.code for refused in bench.refused] == [488]
        await until(lambda: audio_of(bench).closed == 1)


async def test_hold_by_direction_and_by_address_are_answered_alone() -> None:
    async with sip_bench() as bench:
        leg, far = await bench.incoming_with("100", {}, offer())
        heard = Heard(leg)
        leg.answer({})
        await heard.wait_for(Connected)
        await far.hold()
        assert b"a=recvonly" in far.descriptions[-1]
        await far.resume()
        assert b"a=sendrecv" in far.descriptions[-1]
        await far.reinvite(offer(host="0.0.0.0"))
        await far.resume()
        told = [type(e) for e in heard.events[1:] if not isinstance(e, Reinvited)]
        assert told == [Held, Resumed, Held, Resumed]
        assert [s.sending for s in audio_of(bench).streams] == [True, False, True, False, True]


async def test_a_peer_that_moves_its_audio_is_followed() -> None:
    async with sip_bench() as bench:
        leg, far = await bench.incoming_with("100", {}, offer())
        heard = Heard(leg)
        leg.answer({})
        await heard.wait_for(Connected)
        await far.reinvite(offer(port=9_000, formats="8 101"))
        stream = audio_of(bench).streams[-1]
        assert (stream.remote_port, stream.codec) == (9_000, "PCMA")
        assert heard.names() == ["Connected", "Reinvited"]


async def test_calls_travel_over_tcp_too() -> None:
    async with sip_bench(transport="tcp") as bench:
        leg, far = await bench.incoming("100", {})
        heard = Heard(leg)
        leg.answer({})
        await heard.wait_for(Connected)
        await far.bye()
        assert (await heard.wait_for(Ended)).code == 200
        request = DialRequest(kind="sip", to="", callerid="1")
        out, there = await bench.outgoing(request)
        dialled = Heard(out)
        await there.answer({})
        await dialled.wait_for(Connected)
        out.hangup({})
        await saw(there, "bye")


async def test_a_port_where_nobody_listens_fails_soon_with_a_reason() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    async with sip_bench() as bench:
        request = DialRequest(kind="sip", to=f"sip:a@127.0.0.1:{port}")
        leg = await bench.dialer.dial(request)
        ended = await Heard(leg).wait_for(Ended)
        assert (ended.code, ended.by) == (503, "network")
        assert ended.reason


async def test_what_may_not_be_dialled_never_takes_audio() -> None:
    async with sip_bench() as bench:
        with pytest.raises(DialRefused) as caught:
            await bench.dialer.dial(DialRequest(kind="sip", to="sip:a@203.0.113.1"))
        assert caught.value.code == 403
        assert bench.engine.legs == []


async def test_a_script_header_breaks_no_message() -> None:
    async with sip_bench() as bench:
        request = DialRequest(kind="sip", to="", headers={"X-Long": "é" * 90})
        _, far = await bench.outgoing(request)
        assert (await saw(far, "invited")).headers == {"X-Long": "é" * 90}
        with pytest.raises(DialRefused) as caught:
            await bench.outgoing(attrs.evolve(request, headers={"X-A": "1\r\nVia: x"}))
        assert caught.value.code == 400
        assert len(bench.engine.legs) == 1
        with pytest.raises(DialRefused) as caught:
            await bench.outgoing(attrs.evolve(request, display_name="1\r\nVia: x"))
        assert caught.value.code == 400
        assert bench.engine.legs[-1].closed == 1


async def test_hundreds_of_calls_leave_nothing_behind() -> None:
    async with sip_bench() as bench:
        for _ in range(10):
            async with trio.open_nursery() as nursery:
                for _ in range(20):
                    nursery.start_soon(_short_call, bench)
        assert all(media.closed for media in bench.engine.legs)
        assert bench.ours.active_sessions == 0
        assert bench.book.live == 0


async def _short_call(bench: SipBench) -> None:
    leg, _ = await bench.incoming("100", {})
    heard = Heard(leg)
    leg.answer({})
    await heard.wait_for(Connected)
    leg.hangup({})
    await heard.wait_for(Ended)


async def test_no_text_of_a_script_breaks_a_message() -> None:
    evil = "a\r\nVia: SIP/2.0/UDP evil\r\n\r\n\0é\ud800"
    async with sip_bench() as bench:
        leg, far = await bench.incoming("100", {})
        leg.listen(lambda event: None)
        leg.ring({"X-Evil": evil})
        leg.reject(500, evil, {"X-Evil": evil})
        assert (await saw(far, "rejected")).code == 500
        leg, far = await bench.incoming("100", {})
        heard = Heard(leg)
        leg.answer({"X-Evil": evil, "X-Fine": "1"}, display_name=evil)
        await heard.wait_for(Connected)
        assert (await saw(far, "answered")).headers == {"X-Fine": "1"}
        leg.send_info("text/plain", evil, {"X-Evil": evil})
        leg.send_info(evil, "text", {})
        assert (await saw(far, "info")).text
        leg.hangup({"X-Evil": evil}, code=500, reason=evil)
        assert (await saw(far, "bye")).headers == {}


async def test_the_reason_of_a_script_reaches_the_peer_and_the_peers_reaches_the_script() -> None:
    busy = 'Q.850;cause=17;text="user busy"'
    async with sip_bench() as bench:
        leg, far = await bench.incoming_with("100", {}, offer())
        leg.listen(lambda event: None)
        leg.reject(486, "Busy Here", {"Reason": busy})
        await saw(far, "rejected")
        assert far.last_headers.lines("Reason") == [busy]
        leg, far = await bench.incoming_with("100", {}, offer())
        heard = Heard(leg)
        leg.answer({})
        await heard.wait_for(Connected)
        leg.hangup({"Reason": busy})
        await saw(far, "bye")
        assert far.last_headers.lines("Reason") == [busy]
        leg, far = await bench.incoming_with("100", {}, offer())
        heard = Heard(leg)
        far.call.hangup(reason='SIP;cause=200;text="Call completed elsewhere"')
        ended = await heard.wait_for(Ended)
        assert (ended.code, ended.reason) == (487, "Call completed elsewhere")
        assert ended.headers["Reason"].startswith("SIP;cause=200")
