"""Each limit that the core keeps: what the script, the caller and the timeline are told beyond it.

Limits of frames and commands are in test_protocol_abuse.py, of the process in tests/sandbox.
"""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from runtime.decisions.limits import Limits
from runtime.decisions.watchdog import Usage
from runtime.legs.leg import (
    Held,
    InfoReceived,
    LegEvent,
    MessageReceived,
    Reinvited,
    ToneSignalled,
)
from runtime.session.settings import SessionSettings
from tests.session.bench import bench, conference_routing
from tests.session.fakes.worker import NO_PROCESS, FakeWorker


def limited(**limits: Any) -> SessionSettings:
    return SessionSettings(limits=Limits(**limits))


async def test_a_session_ends_at_its_greatest_length(autojump_clock: MockClock) -> None:
    async with bench(limited(session_s=100)) as b:
        leg, worker, _ = await b.connected()
        await trio.sleep(101)
        assert leg.sent[-1] == "hangup"
        assert "Application.Terminating" in worker.names()
        assert (b.view().end_cause, b.view().end_detail) == (
            "limit:session-length",
            "the session is 100 s old, the limit",
        )


async def test_an_idle_session_ends_after_the_configured_time(autojump_clock: MockClock) -> None:
    async with bench(limited(idle_session_s=7)) as b:
        await b.started()
        await trio.sleep(6.9)
        assert b.view().end_cause is None
        await trio.sleep(0.2)
        assert (b.view().end_cause, b.view().end_detail) == ("idle", "no call for 7 s")


async def test_who_says_farewell_for_too_long_is_not_waited_for(autojump_clock: MockClock) -> None:
    async with bench(limited(farewell_s=3)) as b:
        worker = await b.started()
        worker.replies = False
        b.registry.terminate("s1")
        await trio.sleep(2.9)
        assert worker.names()[-1] == "Application.Terminating"
        await trio.sleep(3.0)
        assert worker.names()[-1] == "Application.Terminated"
        await trio.sleep(0.3)
        assert worker.stopped == "operator"


@pytest.mark.parametrize(
    ("limit", "answered", "why"),
    [
        ({"call_attempts": 2}, True, "2 call attempts so far, the limit is 2"),
        ({"unanswered_calls": 2}, False, "2 calls are not answered yet, the limit is 2 at once"),
        ({"live_calls": 2}, True, "2 calls are live, the limit is 2 at once"),
    ],
)
async def test_a_call_over_the_limit_fails_with_403(
    autojump_clock: MockClock, limit: dict[str, int], answered: bool, why: str
) -> None:
    async with bench(limited(**limit)) as b:
        worker = await b.started()
        for unit in (1, 3):
            callee = await b.dialled(worker, unit)
            if answered:
                callee.ack()
        await worker.command("call.create", unit=5, kind="sip", to="sip:5@127.0.0.1")
        failed = worker.last("Call.Failed")
        assert failed.unit == 5
        assert (failed.fields["code"], failed.fields["reason"]) == (403, "Call limit reached")
        assert b.lines("refusal") == [why]
        assert len(b.dialer.requests) == 2


async def test_a_full_conference_is_486_with_the_reason(autojump_clock: MockClock) -> None:
    async with bench(limited(conference_callers=2)) as b:
        b.registry.set_scenarios(conference_routing())
        for _ in range(2):
            assert (await b.ring_in("room1")).sent == []
        late = await b.ring_in("room1")
        assert late.sent == ["486"]
        assert late.reasons == ["the conference is full: 2 callers"]
        assert b.registry.refused.views()[0].code == 486


@pytest.mark.parametrize(
    ("limit", "op", "fields", "kind"),
    [
        ("players", "player.create_tts", {"text": "hello"}, "Player"),
        ("recorders", "recorder.create", {}, "Recorder"),
        ("conferences", "conference.create", {}, "Conference"),
    ],
)
async def test_a_unit_over_the_limit_is_an_error_event_and_a_refusal(
    autojump_clock: MockClock, limit: str, op: str, fields: dict[str, Any], kind: str
) -> None:
    async with bench(limited(**{limit: 1})) as b:
        worker = await b.started()
        await worker.command(op, unit=1, **fields)
        request = await worker.command(op, unit=3, **fields)
        told = f"{kind} limit reached: a session has at most 1 at once; stop one first"
        error = worker.last(f"{kind}.Error")
        assert (error.unit, error.fields["error"]) == (3, told)
        assert worker.result(request) == f"error: {told} (E2405)"
        assert b.lines("refusal") == [told]
        assert b.view().state == "RUNNING"


async def test_custom_data_that_the_process_let_through_is_refused(
    autojump_clock: MockClock,
) -> None:
    async with bench(limited(custom_data_bytes=5)) as b:
        _, worker, unit = await b.connected()
        long = await worker.command("session.custom_data", value="\u00e9" * 3)
        call = await worker.command("call.custom_data", unit=unit, value="123456")
        assert worker.result(long) == "error: customData(): 6 bytes, the limit is 5 (E2405)"
        assert worker.result(call) == "error: customData(): 6 bytes, the limit is 5 (E2405)"
        assert worker.result(await worker.command("session.custom_data", value="12345")) == "done"


async def test_a_log_line_that_the_process_did_not_cut_is_cut(autojump_clock: MockClock) -> None:
    async with bench(limited(log_line_chars=100)) as b:
        worker = await b.started()
        await worker.send({"type": "log", "text": "x" * 101})
        await b.quiet()
        [line] = b.lines("log")
        assert len(line) == 100
        assert line.endswith("... [cut]")


async def test_a_log_has_a_total_and_says_once_that_it_is_over(autojump_clock: MockClock) -> None:
    async with bench(limited(log_total_bytes=4_096)) as b:
        worker = await b.started()
        for text in ("x" * 4_000, "y" * 200, "z"):
            await worker.send({"type": "log", "text": text})
            await trio.sleep(60 if text[0] == "y" else 1)
        assert b.lines("log") == [
            "x" * 4_000,
            "(log truncated: 4,096 bytes a session is the limit; nothing follows)",
        ]


@pytest.mark.parametrize(
    ("event", "most"),
    [
        (InfoReceived(mime_type="text/plain", body="x"), 30),
        (InfoReceived(mime_type="text/plain", body="x" * 9 * 1024), 3),
        (MessageReceived(text="x" * 100_000), 1),
        (ToneSignalled(tone="5"), 30),
        (Reinvited(mime_type="application/sdp", body="v=0"), 30),
    ],
)
async def test_a_caller_who_asks_too_much_loses_its_call_and_no_other(
    autojump_clock: MockClock, event: LegEvent, most: int
) -> None:
    async with bench(limited(call_requests_per_s=10, call_requests_burst=30)) as b:
        b.registry.set_scenarios(conference_routing())
        leg, other = await b.ring_in("room1"), await b.ring_in("room1")
        await b.worker.ready()
        await b.quiet()
        for _ in range(most):
            leg.say(event)
        assert leg.sent == []
        await trio.sleep(10)
        for _ in range(most + 1):
            leg.say(event)
        assert (leg.sent, other.sent) == (["503"], [])
        assert b.lines("refusal") == [
            "the call is ended: more than 10 requests a second inside the call"
        ]
        assert b.view().end_cause is None


async def test_events_that_a_script_does_not_take_are_bounded(autojump_clock: MockClock) -> None:
    async with bench(limited(events_queued=64)) as b:
        leg = await b.ring_in()
        for _ in range(70):
            leg.say(Held())
        await b.quiet()
        assert (b.view().end_cause, b.view().end_detail) == (
            "limit:events",
            "64 events before the script was ready",
        )
        assert leg.sent == ["500"]


async def test_commands_in_arrears_are_bounded(autojump_clock: MockClock) -> None:
    async with bench(limited(commands_burst=1, commands_in_arrears=10)) as b:
        _, worker, unit = await b.connected()
        for _ in range(20):
            await worker.post("call.message", unit=unit, text="x")
        await b.quiet()
        assert b.view().end_cause == "limit:commands"


async def test_a_timeline_has_a_size_and_its_end_is_written(autojump_clock: MockClock) -> None:
    async with bench(limited(timeline_bytes=65_536)) as b:
        worker = await b.started()
        for _ in range(10):
            await worker.send({"type": "log", "text": "x" * 10_000})
        await b.quiet()
        assert len(b.lines("log")) == 6
        await worker.command("session.terminate")
        await b.quiet()
        assert "timeline entries over the limit left out" in b.lines("session")[-1]


async def test_slow_handlers_end_the_session_when_there_are_too_many(
    autojump_clock: MockClock,
) -> None:
    async with bench(limited(slow_handlers=2, slow_handlers_window_s=10)) as b:
        worker = await b.started()
        for unit in (1, 3, 5):
            (await b.dialled(worker, unit)).ack()
        await worker.error("HandlerTimeout: 1 s of CPU", unit=1)
        await trio.sleep(11)
        await worker.error("HandlerTimeout: 1 s of CPU", unit=3)
        assert b.view().end_cause is None
        await worker.error("HandlerTimeout: 1 s of CPU", unit=5)
        assert b.view().end_cause == "cpu-limit"


async def a_process(b: Any, monkeypatch: pytest.MonkeyPatch, rate: float) -> FakeWorker:
    """A session whose worker is a process that uses this much of a processor."""
    monkeypatch.setattr(
        "runtime.session.watch.usage_of", lambda _: Usage(cpu_s=rate * trio.current_time())
    )
    monkeypatch.setattr("runtime.session.watch.cpu_of", lambda _: rate * trio.current_time())
    await b.registry.start("ivr")
    await b.quiet()
    b.worker.pid = NO_PROCESS
    await b.worker.ready()
    (await b.dialled(b.worker, 1)).ack()
    return b.worker  # type: ignore[no-any-return]


async def test_the_rate_and_the_burst_of_cpu_time_are_configured(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench(limited(cpu_rate=0.5, cpu_burst_s=10)) as b:
        worker = await a_process(b, monkeypatch, rate=0.9)
        await trio.sleep(24)  # 9.6 s ahead of the rate
        assert b.view().end_cause is None
        await trio.sleep(4)
        assert (b.view().end_cause, b.view().end_detail) == (
            "cpu-limit",
            "the script uses more than 50 % of a processor",
        )
        assert worker.killed


async def test_the_cpu_time_of_a_whole_session_is_bounded(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench(limited(total_cpu_s=60, cpu_rate=1.0)) as b:
        await a_process(b, monkeypatch, rate=0.1)
        await trio.sleep(590)
        assert b.view().end_cause is None
        await trio.sleep(20)
        assert (b.view().end_cause, b.view().end_detail) == (
            "cpu-limit",
            "the script has used 60 s of CPU time, the limit",
        )


async def test_the_process_is_told_its_share_of_the_limits(autojump_clock: MockClock) -> None:
    async with bench(limited(timers=7, handler_cpu_s=0.5, memory_mib=32)) as b:
        await b.started()
        assert b.worker.start is not None
        told = b.worker.start.settings
        assert (told["timers"], told["handler_cpu_s"], told["memory_mib"]) == (7, 0.5, 32)
        assert "players" not in told


@pytest.mark.parametrize(("grown_mib", "cause"), [(15, "memory"), (5, "unresponsive")])
async def test_a_process_that_hangs_with_its_memory_used_up_lacks_memory(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, grown_mib: int, cause: str
) -> None:
    memory = 50 << 20
    monkeypatch.setattr("runtime.session.watch.usage_of", lambda _: Usage(memory_bytes=memory))
    async with bench(limited(memory_mib=16)) as b:
        leg, worker, _ = await b.connected()
        await trio.sleep(1)
        memory += grown_mib << 20
        worker.answers_pings = False
        leg.media.first_packet()
        await trio.sleep(6)
        assert b.view().end_cause == cause
        assert worker.killed


async def test_a_blocked_process_is_ended_after_the_configured_time(
    autojump_clock: MockClock,
) -> None:
    async with bench(limited(blocked_s=2)) as b:
        leg, worker, _ = await b.connected()
        await trio.sleep(1)
        worker.answers_pings = False
        leg.media.first_packet()
        await trio.sleep(2.2)
        assert b.view().end_cause is None
        await trio.sleep(0.3)
        assert b.view().end_detail == (
            "the script's process did not react for 2 s (a handler blocks)"
        )


@pytest.mark.parametrize(
    ("status", "share", "cause"),
    [
        ("oom-killed", 0.1, "memory"),
        ("exit 71", 0.1, "memory"),
        ("signal 6", 0.9, "memory"),
        ("signal 11", 0.9, "memory"),
        ("signal 11", 0.2, "crashed"),
        ("signal 9", 0.9, "crashed"),
    ],
)
async def test_a_process_that_died_for_lack_of_memory_is_told_from_one_that_crashed(
    autojump_clock: MockClock, status: str, share: float, cause: str
) -> None:
    async with bench(limited(memory_mib=16)) as b:
        leg, worker, _ = await b.connected()
        worker.peak_bytes = round(share * 16 * 1024 * 1024)
        await worker.leave(status)
        await b.quiet()
        assert b.view().end_cause == cause
        assert leg.sent[-1] == "hangup"


async def test_errors_that_end_nothing_say_no_more_than_the_log_may(
    autojump_clock: MockClock,
) -> None:
    """A script may make as many as it likes for calls that have ended."""
    async with bench(limited(log_burst_bytes=3_000)) as b:
        _, worker, _ = await b.connected()
        for number in range(12):
            await worker.error(f"Traceback\nValueError: {number} " + "x" * 500, unit=999)
        told = [entry for entry in b.timeline() if entry.kind == "error"]
        assert len(told) == 12
        assert told[0].what.startswith("Traceback\nValueError: 0")
        assert "traceback" in told[0].detail
        assert [len(entry.what) for entry in told[-3:]] == [160] * 3
        assert not any("traceback" in entry.detail for entry in told[-3:])
        assert b.view().state == "RUNNING"
