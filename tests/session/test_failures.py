"""What fails, and what that ends: scripts, workers, engines, ourselves."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
import trio
from trio.testing import MockClock

from runtime.decisions.watchdog import Usage
from runtime.media.port import MediaLost
from runtime.processes.usage import cpu_of, usage_of
from runtime.session.settings import SessionSettings
from tests.session.bench import Bench, bench
from tests.session.fakes.leg import FakeLeg
from tests.session.fakes.worker import NO_PROCESS, FakeWorker


async def test_an_import_error_answers_500_with_the_reason(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg = await b.ring_in()
        await b.worker.error("NameError: name 'x' is not defined", kind="import")
        assert leg.sent == ["500"]
        assert leg.reasons == ["scenario error: NameError: name 'x' is not defined (ivr.py:12)"]
        assert b.view().end_cause == "script-error"
        assert b.worker.stopped == "script-error"
        assert b.worker.names() == []


async def test_an_error_before_the_answer_answers_500_and_spares_the_session(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg, worker, unit = await b.alerting()
        await worker.error("ValueError: no", unit=unit)
        assert leg.sent == ["500"]
        assert worker.last("Call.Disconnected").fields["internalCode"] == 500
        assert "ValueError: no" in worker.last("Call.Disconnected").fields["reason"]
        assert b.view().state == "RUNNING"
        error = next(entry for entry in b.timeline() if entry.kind == "error")
        assert error.detail["where"] == "ivr.py:12"
        assert "Traceback" in error.detail["traceback"]


async def test_an_error_after_the_answer_hangs_up_that_leg_only(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        callee = await b.dialled(worker, 1)
        callee.ack()
        await worker.error("ValueError: no", unit=1)
        assert callee.sent == ["hangup"]
        assert leg.sent == ["200"]
        assert worker.names()[-1] == "Call.Disconnected"
        await worker.command("call.message", unit=unit, text="still here")
        assert leg.sent[-1] == "MESSAGE still here"


async def test_an_error_in_the_last_handler_of_a_leg_ends_nothing_more(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        leg.bye()
        await worker.error("ValueError: no", unit=unit)
        assert b.view().state == "RUNNING"


async def test_an_error_that_belongs_to_no_leg_ends_the_session(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, _ = await b.connected()
        await worker.error("ValueError: no")
        assert leg.sent[-1] == "hangup"
        assert worker.names() == ["Application.Terminating", "Application.Terminated"]
        assert "ValueError" in worker.last("Application.Terminating").fields["systemError"]
        assert b.view().end_cause == "script-error"


async def test_on_error_session_is_voxengines_rule(autojump_clock: MockClock) -> None:
    async with bench(SessionSettings(on_error="session")) as b:
        leg, worker, unit = await b.alerting()
        await worker.error("ValueError: no", unit=unit)
        assert leg.sent == ["500"]
        assert b.view().end_cause == "script-error"


async def test_the_third_slow_handler_in_a_minute_ends_the_session(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        worker = await b.started()
        units = [1, 3, 5]
        for unit in units:
            (await b.dialled(worker, unit)).ack()
        for unit in units:
            await worker.error("HandlerTimeout: 1 s of CPU", unit=unit)
        assert b.view().end_cause == "cpu-limit"


@pytest.mark.parametrize(
    ("status", "cause"),
    [("signal 11", "crashed"), ("signal 24", "cpu-limit"), ("zygote-lost", "zygote-lost")],
)
async def test_a_dead_worker_ends_its_session_with_the_exact_reason(
    autojump_clock: MockClock, status: str, cause: str
) -> None:
    async with bench() as b:
        answered, worker, _ = await b.connected()
        waiting = await b.ring_in()
        await worker.leave(status)
        await b.quiet()
        assert b.view("s1").end_cause == cause
        assert answered.sent == ["200", "hangup"]
        assert b.view("s2").state == "STARTING"
        assert waiting.sent == []


async def test_a_dead_worker_answers_500_to_who_was_not_answered(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg, worker, _ = await b.alerting()
        await worker.leave("signal 9")
        await b.quiet()
        assert leg.sent == ["500"]


async def test_the_last_words_of_a_worker_still_count(autojump_clock: MockClock) -> None:
    async with bench() as b:
        await b.ring_in()
        await b.worker.send(
            {
                "type": "error",
                "kind": "import",
                "message": "MemoryError",
                "traceback": "",
                "where": "",
            }
        )
        await b.worker.leave("exit 1")
        await b.quiet()
        assert b.view().end_cause == "memory"


async def test_a_recording_is_finished_although_the_worker_died(autojump_clock: MockClock) -> None:
    async with bench() as b:
        _, worker, unit = await b.connected()
        await worker.command("call.record", unit=unit)
        await worker.leave("signal 9")
        await trio.sleep(1)
        assert b.store.made[0].finished
        assert b.view().state == "ENDED"


async def bridged(b: Bench) -> tuple[FakeLeg, FakeLeg, FakeWorker]:
    caller, worker, unit = await b.connected()
    callee = await b.dialled(worker, 1)
    callee.ack()
    await worker.command("media.send", source=unit, sink=1)
    await worker.command("media.send", source=1, sink=unit)
    return caller, callee, worker


async def test_bridges_are_kept_when_the_application_says_so(autojump_clock: MockClock) -> None:
    async with bench(SessionSettings(on_failure="keep")) as b:
        caller, callee, worker = await bridged(b)
        alone = await b.dialled(worker, 3)
        alone.ack()
        await worker.leave("signal 9")
        await trio.sleep(100)
        assert alone.sent == ["hangup"]
        assert caller.sent == ["200"]
        assert b.media.source_of(caller.media) is callee.media
        assert b.view().state == "TERMINATING"
        caller.bye()
        await b.quiet()
        assert callee.sent == ["hangup"]
        assert b.view().state == "ENDED"


async def test_a_stuck_process_does_not_live_as_long_as_the_bridges_that_are_kept(
    autojump_clock: MockClock,
) -> None:
    async with bench(SessionSettings(on_failure="keep")) as b:
        caller, _, worker = await bridged(b)
        await worker.send({"type": "reply", "seq": 4_711, "handled": True})
        await b.quiet()
        assert b.view().end_cause == "protocol"
        assert worker.killed
        assert caller.sent == ["200"]


async def test_kept_bridges_end_when_an_operator_says_so(autojump_clock: MockClock) -> None:
    async with bench(SessionSettings(on_failure="keep")) as b:
        caller, callee, worker = await bridged(b)
        await worker.leave("signal 9")
        await b.quiet()
        b.registry.terminate("s1", "enough")
        await b.quiet()
        assert caller.sent[-1] == callee.sent[-1] == "hangup"
        assert b.view().state == "ENDED"


async def test_bridges_are_hung_up_by_default(autojump_clock: MockClock) -> None:
    async with bench() as b:
        caller, callee, worker = await bridged(b)
        await worker.leave("signal 9")
        await b.quiet()
        assert caller.sent[-1] == callee.sent[-1] == "hangup"


def play_clocks(monkeypatch: pytest.MonkeyPatch, usage: Callable[[], Usage]) -> None:
    """What the kernel says of every process from now on."""
    monkeypatch.setattr("runtime.session.watch.usage_of", lambda _: usage())
    monkeypatch.setattr("runtime.session.watch.cpu_of", lambda _: usage().cpu_s)


async def test_a_worker_that_does_not_react_is_killed(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, _ = await b.connected()
        await trio.sleep(1)
        worker.answers_pings = False
        leg.media.first_packet()
        await trio.sleep(5.2)
        assert b.view().state == "RUNNING"
        await trio.sleep(0.1)
        assert b.view().end_cause == "unresponsive"
        assert worker.killed
        assert leg.sent[-1] == "hangup"


async def test_a_worker_that_burns_its_cpu_time_is_killed_at_once(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench() as b:
        leg, worker, _ = await b.connected()
        await trio.sleep(1)

        play_clocks(monkeypatch, lambda: Usage(cpu_s=trio.current_time()))
        worker.pid = NO_PROCESS
        worker.answers_pings = False
        leg.media.first_packet()
        await trio.sleep(1.7)
        assert b.view().state == "RUNNING"
        await trio.sleep(0.4)
        assert b.view().end_cause == "cpu-limit"
        assert worker.killed
        assert "Application.Terminating" not in worker.names()


async def test_a_worker_that_waits_for_a_processor_is_not_to_blame(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench() as b:
        leg, worker, _ = await b.connected()
        await trio.sleep(1)

        play_clocks(monkeypatch, lambda: Usage(waited_s=trio.current_time() * 0.9))
        worker.pid = NO_PROCESS
        worker.answers_pings = False
        leg.media.first_packet()
        await trio.sleep(40)
        assert b.view().state == "RUNNING"
        await trio.sleep(11)
        assert b.view().end_cause == "unresponsive"


async def test_a_worker_that_spins_on_a_starved_machine_ends_with_cpu_limit(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gets a tenth of a processor, and nobody says that it waits for the rest."""
    async with bench() as b:
        leg, worker, _ = await b.connected()
        await trio.sleep(1)

        play_clocks(monkeypatch, lambda: Usage(cpu_s=trio.current_time() / 10, runnable=True))
        worker.pid = NO_PROCESS
        worker.answers_pings = False
        leg.media.first_packet()
        await trio.sleep(12)
        assert b.view().state == "RUNNING"
        await trio.sleep(2)
        assert b.view().end_cause == "cpu-limit"


async def ready_process(b: Bench) -> FakeWorker:
    """A session whose worker is a process."""
    await b.registry.start("ivr")
    await b.quiet()
    b.worker.pid = NO_PROCESS
    await b.worker.ready()
    (await b.dialled(b.worker, 1)).ack()
    return b.worker


async def test_a_process_that_hangs_in_a_timer_is_found_out(autojump_clock: MockClock) -> None:
    async with bench() as b:
        worker = await ready_process(b)
        await trio.sleep(100)
        assert b.view().state == "RUNNING"
        worker.answers_pings = False
        await trio.sleep(38)
        assert b.view().end_cause == "unresponsive"


async def test_a_ping_is_never_sent_while_another_is_not_answered(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        worker = await ready_process(b)
        await trio.sleep(29.9)
        before = len(worker.pings)
        worker.answers_pings = False
        b.dialer.legs[0].media.first_packet()  # a ping is due for it when the idle one is sent
        await trio.sleep(1)
        assert len(worker.pings) == before + 1
        await worker.send({"type": "pong", "nonce": worker.pings[-1]})
        worker.answers_pings = True
        await trio.sleep(1)
        assert b.view().state == "RUNNING"


async def test_a_process_that_is_always_busy_is_ended(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench() as b:
        rate = 0.15
        used = 0.0

        play_clocks(monkeypatch, lambda: Usage(cpu_s=used + rate * trio.current_time()))
        await ready_process(b)
        await trio.sleep(1_000)
        assert b.view().state == "RUNNING"
        used -= trio.current_time() * 0.75
        rate = 0.9
        await trio.sleep(15)
        assert (b.view().end_cause, b.view().end_detail) == (
            "cpu-limit",
            "the script uses more than 20 % of a processor",
        )


def test_the_usage_of_a_process_can_be_read() -> None:
    before = usage_of(os.getpid())
    sum(range(2_000_000))
    assert usage_of(os.getpid()).cpu_s > before.cpu_s
    assert usage_of(None) == usage_of(NO_PROCESS) == Usage()
    assert cpu_of(NO_PROCESS) == 0.0


async def test_an_idle_worker_is_not_pinged(autojump_clock: MockClock) -> None:
    async with bench() as b:
        _, worker, _ = await b.connected()
        await trio.sleep(1)
        assert len(worker.pings) == 1
        await trio.sleep(3_600)
        assert len(worker.pings) == 1


async def test_no_worker_is_a_500_with_the_reason(autojump_clock: MockClock) -> None:
    async with bench() as b:
        b.launcher.failure = OSError("no more processes")
        leg = await b.ring_in()
        assert leg.sent == ["500"]
        assert "no more processes" in leg.reasons[0]
        assert b.view().end_cause == "not-started"


async def test_a_worker_that_takes_too_long_to_start(autojump_clock: MockClock) -> None:
    async with bench() as b:
        b.launcher.delay_s = 1_000
        leg = await b.ring_in()
        await trio.sleep(11)
        assert leg.sent == ["500"]
        assert b.view().end_cause == "not-started"


async def test_a_lost_engine_ends_the_calls_it_carried(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        await worker.command("media.say", unit=unit, playback=1, text="hello")
        b.media.player.say(MediaLost())
        leg.media.say(MediaLost())
        await b.quiet()
        assert leg.sent[-1] == "hangup"
        gone = worker.last("Call.Disconnected").fields
        assert (gone["internalCode"], gone["reason"]) == (503, "the media engine was lost")
        assert b.view().state == "RUNNING"


async def test_a_bug_of_ours_in_a_callback_ends_that_session_only(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench() as b:
        broken, _, _ = await b.connected()
        healthy, worker, unit = await b.connected()
        host = b.registry._live["s1"]

        def fail(*_: object, **__: object) -> None:
            raise RuntimeError("a bug")

        monkeypatch.setattr(host.context.events, "emit", fail)
        broken.media.first_packet()
        await b.quiet()
        assert b.view("s1").end_cause == "internal-error"
        assert "a bug" in b.view("s1").end_detail
        assert broken.sent[-1] == "hangup"
        assert any("RuntimeError" in str(entry.detail) for entry in b.timeline("s1"))
        await worker.command("call.message", unit=unit, text="fine")
        assert healthy.sent[-1] == "MESSAGE fine"


async def test_a_bug_of_ours_at_the_end_of_a_session_stays_in_it(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench() as b:
        broken, worker, unit = await b.connected()
        healthy, _, _ = await b.connected()
        await worker.command("call.record", unit=unit)

        def fail() -> None:
            raise RuntimeError("a bug")

        monkeypatch.setattr(worker, "kill", fail)
        b.registry.terminate("s1")
        await trio.sleep(30)
        assert b.view("s1").state == "ENDED"
        assert broken.sent[-1] == "hangup"
        assert b.store.made[0].finished
        assert any("RuntimeError" in str(entry.detail) for entry in b.timeline("s1"))
        assert healthy.sent == ["200"]


async def test_cancelling_the_runtime_hangs_up_and_finishes_recordings(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        b.store.finish_s = 2.0
        leg, worker, unit = await b.connected()
        waiting = await b.ring_in()
        await worker.command("call.record", unit=unit)
    assert leg.sent[-1] == "hangup"
    assert waiting.sent == ["480"]
    assert b.store.made[0].finished
    assert worker.killed
    assert b.sinks["s1"].closed
