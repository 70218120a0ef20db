"""Key presses (voxengine.md 3.5)."""

from __future__ import annotations

import pytest
from trio.testing import MockClock

from runtime.legs.leg import ToneSignalled
from runtime.media.port import ToneReceivedFromPeer
from tests.session.bench import bench


async def test_digits_are_silent_until_they_are_handled(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        leg.say(ToneSignalled(tone="1"))
        await b.quiet()
        assert worker.names() == []
        await worker.command("call.tones", unit=unit, handle=True)
        assert leg.media.handles_tones
        leg.media.say(ToneReceivedFromPeer(tone="2", duration_ms=80))
        leg.say(ToneSignalled(tone="#"))
        await b.quiet()
        tones = [(e.fields["tone"], e.fields["type"]) for e in worker.events]
        assert tones == [("2", "1"), ("#", "3")]


async def test_handling_may_be_asked_for_before_the_answer(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.alerting()
        await worker.command("call.tones", unit=unit, handle=True)
        await worker.command("call.answer", unit=unit)
        leg.ack()
        leg.media.say(ToneReceivedFromPeer(tone="5", duration_ms=80))
        await b.quiet()
        assert worker.last("Call.ToneReceived").fields == {"tone": "5", "type": "1"}


@pytest.mark.parametrize(("kinds", "types"), [(0, ["1", "3"]), (1, ["1"]), (3, ["3"])])
async def test_only_the_supported_kinds_are_heard(
    autojump_clock: MockClock, kinds: int, types: list[str]
) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        await worker.command("call.tones", unit=unit, handle=True, kinds=kinds)
        assert leg.media.handles_tones is ("1" in types)
        leg.media.say(ToneReceivedFromPeer(tone="1", duration_ms=80))
        leg.say(ToneSignalled(tone="2"))
        await b.quiet()
        assert [event.fields["type"] for event in worker.events] == types


async def test_a_press_reported_both_ways_is_one_event(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        await worker.command("call.tones", unit=unit, handle=True)
        leg.media.say(ToneReceivedFromPeer(tone="7", duration_ms=80))
        leg.say(ToneSignalled(tone="7"))
        await b.quiet()
        assert len(worker.events) == 1


async def test_handling_can_be_switched_off_again(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        await worker.command("call.tones", unit=unit, handle=True)
        await worker.command("call.tones", unit=unit, handle=False)
        assert not leg.media.handles_tones
        leg.say(ToneSignalled(tone="7"))
        await b.quiet()
        assert worker.events == []


async def test_digits_are_sent(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        await worker.command("call.digits", unit=unit, digits="12p*#")
        assert leg.media.digits == "12p*#"
        bad = await worker.command("call.digits", unit=unit, digits="12x")
        assert "only 0-9" in (worker.result(bad) or "")


async def test_hidden_tones_never_reach_the_timeline(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        await worker.command("call.tones", unit=unit, handle=True)
        await worker.command("session.hide_tones", hide=True)
        leg.media.say(ToneReceivedFromPeer(tone="8", duration_ms=80))
        await worker.command("call.digits", unit=unit, digits="987654")
        assert worker.last("Call.ToneReceived").fields["tone"] == "8"
        shown = [e for e in b.timeline() if e.what in ("Call.ToneReceived", "call.digits")]
        assert len(shown) == 2
        assert "(hidden)" in str(shown[0].detail)
        assert "987654" not in str(shown)


async def test_unhandled_info_digits_pass_through_the_bridge(autojump_clock: MockClock) -> None:
    async with bench() as b:
        caller, worker, unit = await b.connected()
        callee = await b.dialled(worker, 1)
        callee.ack()
        await worker.command("media.send", source=unit, sink=1)
        caller.say(ToneSignalled(tone="5"))
        callee.say(ToneSignalled(tone="6"))
        await worker.command("call.tones", unit=unit, handle=True)
        caller.say(ToneSignalled(tone="7"))
        await b.quiet()
        assert (callee.media.digits, caller.media.digits) == ("5", "")
