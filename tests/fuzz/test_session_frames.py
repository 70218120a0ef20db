"""Whatever a worker sends, it ends at most its own session, and always with a reason."""

from __future__ import annotations

import json
import struct
from typing import Any

import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from runtime.sandbox.commands import COMMANDS
from tests.session.bench import Bench, bench

UNITS = st.one_of(st.integers(-2, 12), st.integers(), st.none(), st.text(max_size=3), st.booleans())
VALUES = st.one_of(
    UNITS,
    st.floats(),
    st.text(max_size=20),
    st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3),
    st.lists(st.integers(), max_size=3),
)
FIELDS = sorted({field.name for command in COMMANDS.values() for field in command.__attrs_attrs__})
PLAUSIBLE: dict[str, Any] = {
    "unit": st.integers(0, 9),
    "source": st.integers(0, 9),
    "sink": st.integers(0, 9),
    "playback": st.integers(0, 5),
    "kind": st.sampled_from(["sip", "pstn", "user", "x"]),
    "to": st.sampled_from(["sip:x@127.0.0.1", "", "\r\n"]),
    "text": st.text(max_size=5),
    "url": st.sampled_from(["a.wav", "no.wav", "", "https://a.example/"]),
    "body_bytes": st.sampled_from([0, 3, -1]),
    "headers": st.sampled_from([{}, [], [["X-A", "b"]]]),
    "country": st.sampled_from(["US", "XX"]),
    "handle": st.booleans(),
    "mute": st.booleans(),
    "hide": st.booleans(),
    "loop": st.booleans(),
    "code": st.sampled_from([300, 486, 699, 200]),
    "digits": st.sampled_from(["12", "x", ""]),
    "offset_ms": st.integers(-5_000, 5_000),
    "mime_type": st.just("a/b"),
    "body": st.text(max_size=5),
    "value": st.text(max_size=5),
}


@st.composite
def commands(draw: st.DrawFn) -> dict[str, Any]:
    """Mostly well-formed commands, so that handlers are reached, with some fields gone wrong."""
    op = draw(st.sampled_from(sorted(COMMANDS)))
    names = [field.name for field in COMMANDS[op].__attrs_attrs__]
    args: dict[str, Any] = {}
    for name in names:
        if name in PLAUSIBLE:
            args[name] = draw(PLAUSIBLE[name])
    if draw(st.integers(0, 15)) == 0:
        args[draw(st.sampled_from(FIELDS))] = draw(VALUES)
    return {"type": "cmd", "op": op, "args": args, "where": ""}


FRAMES = st.one_of(
    commands(),
    commands(),
    commands(),
    st.fixed_dictionaries({"type": st.just("log"), "text": st.text(max_size=30)}),
    st.fixed_dictionaries({"type": st.just("reply"), "seq": st.integers(0, 5)}),
    st.fixed_dictionaries(
        {
            "type": st.just("body"),
            "req": st.integers(98, 125),
            "data": st.sampled_from(["", "YWJj", "YWJjZA==", "?"]),
        }
    ),
    st.fixed_dictionaries({"type": st.just("pong"), "nonce": st.text(max_size=3)}),
    st.fixed_dictionaries(
        {
            "type": st.just("error"),
            "unit": UNITS,
            "kind": st.sampled_from(["import", "handler", "task", "timer"]),
            "message": st.text(max_size=10),
            "traceback": st.just(""),
        }
    ),
    st.dictionaries(st.text(max_size=5), VALUES, max_size=4),
)


async def scene(b: Bench) -> None:
    """One call is connected, one is dialled, and another session looks on."""
    _, worker, unit = await b.connected()
    callee = await b.dialled(worker, 1)
    callee.ack()
    await worker.command("call.record", unit=unit)
    await b.connected()


async def assert_contained(b: Bench) -> None:
    """The other session is unharmed; the hostile one runs, or is over with a reason."""
    await trio.sleep(100)
    bystander = b.view("s2")
    assert (bystander.state, len(bystander.legs)) == ("RUNNING", 1)
    view = b.view("s1")
    assert view.state in ("RUNNING", "ENDED")
    assert view.end_cause not in ("internal-error", "crashed")
    assert not any("Traceback" in str(e.detail.get("traceback", "")) for e in b.timeline("s1"))
    if view.state == "ENDED":
        assert view.end_cause
        assert all(recording.finished for recording in b.store.made)
        assert not view.legs
        assert b.media.edges == set()


def frame(message: dict[str, Any]) -> bytes:
    body = json.dumps(message).encode()
    return struct.pack(">I", len(body)) + body


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(FRAMES, min_size=1, max_size=25))
def test_any_frames(messages: list[dict[str, Any]]) -> None:
    async def run() -> None:
        async with bench() as b:
            await scene(b)
            worker = b.launcher.workers[0]
            for number, message in enumerate(messages):
                if message.get("type") == "cmd":
                    message = {**message, "req": 100 + number}
                await worker.send_bytes(frame(message))
            await assert_contained(b)

    trio.run(run, clock=MockClock(autojump_threshold=0))


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.binary(max_size=200), min_size=1, max_size=10))
def test_any_bytes(chunks: list[bytes]) -> None:
    async def run() -> None:
        async with bench() as b:
            await scene(b)
            for chunk in chunks:
                await b.launcher.workers[0].send_bytes(chunk)
                await trio.sleep(0.1)
            await assert_contained(b)

    trio.run(run, clock=MockClock(autojump_threshold=0))
