"""A hostile worker can end its own session, and nothing else."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from runtime.decisions.limits import Limits
from runtime.decisions.watchdog import Usage
from runtime.legs.leg import Held
from runtime.sandbox.wire import MAX_WORKER_FRAME, encode_frame
from runtime.session import watch
from runtime.session.settings import SessionSettings
from tests.session.bench import Bench, bench
from tests.session.fakes.worker import NO_PROCESS

NESTED: dict[str, Any] = {}
for _ in range(40):
    NESTED = {"a": NESTED}


def command(op: str, req: object = 1_000, **args: Any) -> dict[str, Any]:
    return {"type": "cmd", "req": req, "op": op, "args": args, "where": ""}


HOSTILE: list[dict[str, Any]] = [
    {},
    {"type": "nothing"},
    {"type": ["cmd"]},
    {"type": "ready"},
    {"type": "ready", "extra": 1},
    {"type": "pong", "nonce": "guess"},
    {"type": "reply", "seq": 999},
    {"type": "reply", "seq": "1"},
    {"type": "answer", "request": 1, "kind": "text"},
    {"type": "answer", "request": "1", "kind": "text"},
    {"type": "answer", "request": 1, "kind": "nothing"},
    {"type": "answer", "request": 1, "kind": "text", "data": "?"},
    {"type": "answer", "request": 1, "kind": "text", "data": "eA==", "more": 1},
    {"type": "log", "text": "x" * 15_001},
    {"type": "log"},
    {"type": "error", "unit": ["x"], "kind": "handler", "message": "", "traceback": ""},
    {"type": "error", "unit": None, "kind": "nothing", "message": "", "traceback": ""},
    {"type": "cmd"},
    command("nothing"),
    command("call.answer", unit=["x"]),
    command("call.answer", unit={"a": 1}),
    command("call.answer", unit=True),
    command("call.answer", unit=-1),
    command("call.answer", unit=10**9),
    command("call.answer", unit=2, extra=1),
    command("call.answer", unit=2, headers={"X-A": "a\r\nVia: b"}),
    command("call.answer", unit=2, headers={"X A": "b"}),
    command("call.answer", unit=2, headers=[["X-A", "b"]]),
    command("call.answer"),
    command("call.create", unit=2, kind="sip", to="sip:x@y"),
    command("call.create", unit=1, kind="sip", to="sip:x@y\r\n"),
    command("call.create", unit=1, kind="nothing", to="sip:x@y"),
    command("call.create", unit=1, kind="sip", to="sip:x@y", timeout_s=1e9),
    command("player.create", unit=4, url="a.wav"),
    command("media.say", unit=2, playback=1.5, text="x"),
    command("http.request", url="https://a.example/", headers=[["Host", "evil"]]),
    {"type": "body", "req": 5, "data": "x" * 50_000},
    {"type": "body", "req": "5", "data": ""},
    {"type": "response", "req": 5, "code": 200},
    command("session.terminate", req=None),
    command("session.terminate", req=-1),
    {"type": "cmd", "req": 1_000, "op": "session.terminate", "args": [], "where": ""},
    NESTED,
]


async def assert_ended(b: Bench, cause: str = "protocol") -> None:
    await b.quiet()
    assert b.view("s1").end_cause == cause
    assert b.view("s1").state == "ENDED"
    assert b.launcher.workers[0].killed
    assert b.launcher.workers[0].stopped is None


@pytest.mark.parametrize("message", HOSTILE, ids=lambda message: json.dumps(message)[:60])
async def test_a_forged_frame_ends_its_own_session_only(
    autojump_clock: MockClock, message: dict[str, Any]
) -> None:
    async with bench() as b:
        victim, worker, _ = await b.connected()
        other, healthy, unit = await b.connected()
        body = json.dumps(message).encode()
        await worker.send_bytes(struct.pack(">I", len(body)) + body)
        await assert_ended(b)
        assert victim.sent[-1] == "hangup"
        await healthy.command("call.message", unit=unit, text="fine")
        assert other.sent[-1] == "MESSAGE fine"


@pytest.mark.parametrize(
    "data",
    [
        struct.pack(">I", 64 * 1024 + 1),
        struct.pack(">I", 2**32 - 1),
        struct.pack(">I", 3) + b"\xff\xff\xff",
        struct.pack(">I", 4) + b"null",
        struct.pack(">I", 2) + b"[]",
        struct.pack(">I", 0),
        struct.pack(">I", 25) + b'{"type":"log","text":NaN}',
        struct.pack(">I", 60_000) + b"[" * 60_000,
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ids=lambda data: data[:12].hex(),
)
async def test_garbage_ends_its_own_session(autojump_clock: MockClock, data: bytes) -> None:
    async with bench() as b:
        _, worker, _ = await b.connected()
        await worker.send_bytes(data)
        await assert_ended(b)


async def test_what_was_said_before_the_garbage_still_counts(autojump_clock: MockClock) -> None:
    """They may arrive together when the core is late; the last line often tells why."""
    limits = Limits(frames_per_s=10, frames_burst=10)
    async with bench(SessionSettings(limits=limits)) as b:
        worker = await b.started()
        lines = [encode_frame({"type": "log", "text": str(n)}, MAX_WORKER_FRAME) for n in range(20)]
        await worker.send_bytes(b"".join(lines) + b"GET / HTTP/1.1")
        await trio.sleep(1.5)
        assert b.view().end_cause == "protocol"
        assert b.lines("log") == [str(n) for n in range(20)]


async def test_a_partial_frame_is_given_two_seconds(autojump_clock: MockClock) -> None:
    async with bench() as b:
        _, worker, _ = await b.connected()
        await worker.send_bytes(struct.pack(">I", 100) + b"{")
        await trio.sleep(1.9)
        assert b.view().end_cause is None
        await trio.sleep(0.2)
        await assert_ended(b)


async def test_dripping_bytes_do_not_extend_the_two_seconds(autojump_clock: MockClock) -> None:
    async with bench() as b:
        _, worker, _ = await b.connected()
        for byte in struct.pack(">I", 100) + b"{":
            await worker.send_bytes(bytes([byte]))
            await trio.sleep(0.5)
        await assert_ended(b)


async def test_a_frame_in_pieces_within_two_seconds_is_fine(autojump_clock: MockClock) -> None:
    async with bench() as b:
        _, worker, _ = await b.connected()
        await trio.sleep(1)
        body = b'{"type":"log","text":"slow"}'
        for byte in struct.pack(">I", len(body)) + body:
            await worker.send_bytes(bytes([byte]))
            await trio.sleep(0.05)
        await b.quiet()
        assert b.lines("log") == ["slow"]


async def test_handles_of_other_sessions_have_no_effect(autojump_clock: MockClock) -> None:
    async with bench() as b:
        victim, _, unit = await b.connected()
        worker = await b.started()
        for op in ("call.hangup", "call.answer", "media.stop"):
            request = await worker.command(op, unit=unit)
            assert "has ended" in (worker.result(request) or "")
        assert victim.sent == ["200"]
        assert b.view("s2").state == "RUNNING"


async def test_a_handle_of_another_kind_has_no_effect(autojump_clock: MockClock) -> None:
    async with bench() as b:
        _, worker, unit = await b.connected()
        await worker.command("conference.create", unit=1)
        for op, handle in (("call.hangup", 1), ("conference.stop", unit), ("player.stop", 1)):
            request = await worker.command(op, unit=handle)
            assert "is a" in (worker.result(request) or "")
        assert len(b.view().legs) == 1


async def test_a_handle_cannot_be_chosen_twice(autojump_clock: MockClock) -> None:
    async with bench() as b:
        _, worker, _ = await b.connected()
        await worker.command("conference.create", unit=5)
        await worker.command("conference.stop", unit=5)
        await worker.post("conference.create", unit=5)
        await assert_ended(b)


async def test_a_command_number_cannot_be_used_twice(autojump_clock: MockClock) -> None:
    async with bench() as b:
        _, worker, unit = await b.connected()
        await worker.send(command("call.ring", req=1, unit=unit))
        await assert_ended(b)


async def test_a_reply_cannot_be_given_twice(autojump_clock: MockClock) -> None:
    async with bench() as b:
        _, worker, _ = await b.alerting()
        seq = worker.last("Application.CallAlerting").seq
        await worker.send({"type": "reply", "seq": seq})
        await assert_ended(b)


async def test_four_hundred_commands_at_once_then_a_hundred_a_second(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        await trio.sleep(10)
        began = len(worker.results)
        for _ in range(500):
            await worker.post("call.message", unit=unit, text="x")
        await b.quiet()
        assert len(worker.results) - began == 400
        await trio.sleep(0.505)
        assert len(worker.results) - began == 450
        await trio.sleep(0.5)
        assert len(worker.results) - began == 500
        assert b.view().state == "RUNNING"
        assert len(leg.sent) == 501


async def test_a_script_far_in_arrears_is_ended(autojump_clock: MockClock) -> None:
    async with bench() as b:
        _, worker, unit = await b.connected()
        for _ in range(2_500):
            await worker.post("call.message", unit=unit, text="x")
        await b.quiet()
        assert b.view().end_cause == "limit:commands"
        assert worker.killed


async def test_big_frames_stop_the_reader_instead_of_filling_memory(
    autojump_clock: MockClock,
) -> None:
    limits = Limits(commands_per_s=1, commands_burst=1)
    async with bench(SessionSettings(limits=limits)) as b:
        _, worker, unit = await b.connected()
        for _ in range(200):
            await worker.post("call.info", unit=unit, mime_type="a/b", body="\u20ac" * 8_000)
        await b.quiet()
        channel_inbox = [
            entry for entry in b.timeline() if entry.kind == "command" and entry.what == "call.info"
        ]
        assert len(channel_inbox) <= 2
        assert b.view().state == "RUNNING"


async def test_log_lines_are_metered_as_frames(autojump_clock: MockClock) -> None:
    limits = Limits(frames_per_s=100, frames_burst=50)
    async with bench(SessionSettings(limits=limits)) as b:
        worker = await b.started()
        for n in range(200):
            await worker.send({"type": "log", "text": str(n)})
        await b.quiet()
        assert len(b.lines("log")) < 60
        await trio.sleep(2)
        assert b.lines("log") == [str(n) for n in range(200)]


@pytest.mark.parametrize(
    ("usage", "after_s", "cause", "detail"),
    [
        (lambda _: Usage(), 5, "unresponsive", "the script's process took nothing for 5 s"),
        (
            lambda t: Usage(cpu_s=t / 10, runnable=True),
            12.75,
            "cpu-limit",
            "the script's process computed for too long and could not be interrupted",
        ),
        (
            lambda t: Usage(waited_s=t * 0.9),
            47.75,
            "unresponsive",
            "the script's process took nothing for 5 s",
        ),
    ],
    ids=["sleeps", "spins on a tenth of a processor", "waits for a processor"],
)
async def test_a_script_that_takes_no_events_is_ended(
    autojump_clock: MockClock,
    monkeypatch: pytest.MonkeyPatch,
    usage: Callable[[float], Usage],
    after_s: float,
    cause: str,
    detail: str,
) -> None:
    async with bench() as b:
        leg, worker, _ = await b.connected()

        async def block(_: object) -> None:
            await trio.sleep_forever()

        host = b.registry._live["s1"]
        assert host.process is not None
        host.process.stream.send_all = block  # type: ignore[method-assign, assignment]
        worker.pid = NO_PROCESS
        monkeypatch.setattr(watch, "usage_of", lambda _: usage(trio.current_time()))
        monkeypatch.setattr(watch, "cpu_of", lambda _: usage(trio.current_time()).cpu_s)
        leg.say(Held())
        await trio.sleep(after_s - 0.1)
        assert b.view().state == "RUNNING"
        await trio.sleep(0.3)
        assert (b.view().end_cause, b.view().end_detail) == (cause, detail)
        assert worker.killed


async def test_a_script_that_is_too_many_events_behind_is_ended(
    autojump_clock: MockClock,
) -> None:
    async with bench(SessionSettings(limits=Limits(events_queued=100))) as b:
        leg, _, _ = await b.connected()
        for _ in range(150):
            leg.say(Held())
        await assert_ended(b, "limit:events")
        assert leg.sent[-1] == "hangup"


async def test_events_before_the_script_is_ready_are_bounded(autojump_clock: MockClock) -> None:
    async with bench(SessionSettings(limits=Limits(events_queued=100))) as b:
        leg = await b.ring_in()
        for _ in range(150):
            leg.say(Held())
        await b.quiet()
        assert b.view().end_cause == "limit:events"
        assert leg.sent == ["500"]
