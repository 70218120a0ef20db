"""What answered calls hear before they are hung up because their session failed."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from runtime.session.settings import SessionSettings
from tests.session.bench import Bench, bench
from tests.session.fakes.leg import FakeLeg
from tests.session.fakes.worker import FakeWorker

SORRY = SessionSettings(apology="We are sorry.")


async def dies(worker: FakeWorker, b: Bench) -> None:
    await worker.leave("signal 11")
    await b.quiet()


async def three_calls(b: Bench) -> tuple[FakeLeg, FakeLeg, FakeLeg, FakeWorker]:
    """A caller and a callee who talk, and a callee who was answered and talks to nobody."""
    caller, worker, unit = await b.connected()
    callee, alone = await b.dialled(worker, 1), await b.dialled(worker, 3)
    callee.ack()
    alone.ack()
    await worker.command("media.send", source=unit, sink=1)
    await worker.command("media.send", source=1, sink=unit)
    return caller, callee, alone, worker


async def test_answered_calls_hear_it_to_its_end_and_are_hung_up(
    autojump_clock: MockClock,
) -> None:
    async with bench(SORRY) as b:
        caller, callee, alone, worker = await three_calls(b)
        await dies(worker, b)
        assert b.sounds.made[-1].label == "We are sorry."
        for leg in (caller, callee, alone):
            assert b.media.source_of(leg.media) is b.media.player
            assert "hangup" not in leg.sent
        b.media.player.finish()
        await b.quiet()
        assert [leg.sent[-1] for leg in (caller, callee, alone)] == ["hangup"] * 3
        assert (caller.codes, caller.reasons) == (
            [500],
            ["the script's process crashed (segmentation fault)"],
        )
        assert b.media.player.closed
        assert b.sounds.made[-1].closed
        await trio.sleep(2)
        assert b.view().end_cause == "crashed"
        assert "3 calls hear an apology" in b.lines("session")


async def test_who_was_not_answered_is_refused_at_once(autojump_clock: MockClock) -> None:
    async with bench(SORRY) as b:
        caller, worker, _ = await b.alerting()
        ringing = await b.dialled(worker, 1)
        await dies(worker, b)
        assert caller.sent == ["500"]
        assert ringing.sent == ["hangup"]
        assert b.media.players == []


async def test_it_lasts_ten_seconds_at_most(autojump_clock: MockClock) -> None:
    async with bench(SORRY) as b:
        caller, worker, _ = await b.connected()
        await dies(worker, b)
        await trio.sleep(9.9)
        assert caller.sent == ["200"]
        await trio.sleep(0.2)
        assert caller.sent[-1] == "hangup"


async def test_its_loading_counts_and_a_sound_that_is_missing_keeps_nobody_waiting(
    autojump_clock: MockClock,
) -> None:
    async with bench(SessionSettings(apology="none.wav")) as b:
        caller, worker, _ = await b.connected()
        b.sounds.delay_s = 4.0
        await dies(worker, b)
        await trio.sleep(3.9)
        assert caller.sent == ["200"]
        await trio.sleep(0.2)
        assert caller.sent[-1] == "hangup"
        assert "no apology: none.wav is not in the scenario's folder" in b.lines("error")


async def test_a_sound_is_named_as_in_startplayback(autojump_clock: MockClock) -> None:
    async with bench(SessionSettings(apology="sorry.wav")) as b:
        _, worker, _ = await b.connected()
        await dies(worker, b)
        assert b.sounds.made[-1].label == "sorry.wav"


async def test_kept_bridges_do_not_hear_it_and_others_do(autojump_clock: MockClock) -> None:
    settings = SessionSettings(apology="We are sorry.", on_failure="keep")
    async with bench(settings) as b:
        caller, callee, alone, worker = await three_calls(b)
        await dies(worker, b)
        assert b.media.source_of(caller.media) is callee.media
        assert b.media.source_of(alone.media) is b.media.player
        b.media.player.finish()
        await b.quiet()
        assert alone.sent[-1] == "hangup"
        assert caller.sent == ["200"]
        caller.bye()
        await b.quiet()
        assert callee.sent == ["hangup"]
        await trio.sleep(2)
        assert b.view().state == "ENDED"


async def test_who_hangs_up_meanwhile_ends_it(autojump_clock: MockClock) -> None:
    async with bench(SORRY) as b:
        caller, worker, _ = await b.connected()
        await dies(worker, b)
        caller.bye()
        await b.quiet()
        assert b.media.player.closed
        await trio.sleep(2)
        assert b.view().state == "ENDED"


async def test_a_stuck_process_is_killed_before_the_apology(autojump_clock: MockClock) -> None:
    async with bench(SORRY) as b:
        caller, worker, _ = await b.connected()
        await worker.send_bytes(b"\xff\xff\xff\xff")
        await b.quiet()
        assert worker.killed
        assert caller.sent == ["200"]
        b.media.player.finish()
        await b.quiet()
        assert caller.sent[-1] == "hangup"
        assert b.view().end_cause == "protocol"


async def test_an_error_that_ends_the_session_is_apologised_for_too(
    autojump_clock: MockClock,
) -> None:
    async with bench(SORRY) as b:
        caller, worker, _ = await b.connected()
        await worker.error("ValueError: no")
        assert b.media.source_of(caller.media) is b.media.player
        assert worker.names() == ["Application.Terminating", "Application.Terminated"]
        b.media.player.finish()
        await b.quiet()
        assert caller.sent[-1] == "hangup"


async def test_an_orderly_end_is_no_reason_to_apologise(autojump_clock: MockClock) -> None:
    async with bench(SORRY) as b:
        caller, worker, _ = await b.connected()
        await worker.command("session.terminate")
        assert caller.sent[-1] == "hangup"
        assert b.media.players == []


async def test_the_end_of_the_runtime_cuts_it_short(autojump_clock: MockClock) -> None:
    async with bench(SORRY) as b:
        caller, worker, _ = await b.connected()
        await dies(worker, b)
        b.registry.terminate("s1")
        await b.quiet()
        assert caller.sent[-1] == "hangup"
        await trio.sleep(2)
        assert b.view().state == "ENDED"


async def test_a_recording_goes_on_until_the_call_ends_and_is_finished(
    autojump_clock: MockClock,
) -> None:
    async with bench(SORRY) as b:
        _, worker, unit = await b.connected()
        await worker.command("call.record", unit=unit)
        await dies(worker, b)
        assert not b.store.made[0].finished
        b.media.player.finish()
        await trio.sleep(1)
        assert b.store.made[0].finished
