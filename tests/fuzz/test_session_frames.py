"""Whatever a worker sends, it ends at most its own session, and always with a reason.

Sequences of frames as a worker sends them, and as none does: damaged, repeated, out of order, in
pieces, in floods, while calls come and go, against the real registry. No bug of the core may show
(`internal-error`), the session beside it is served all the time, and nothing is kept.
"""

from __future__ import annotations

import json
import struct
from typing import Any, Final

import attrs
import pytest
import trio
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from runtime.decisions.failure import Cause
from runtime.legs.leg import (
    EarlyMedia,
    Ended,
    Held,
    InfoReceived,
    LegEvent,
    MessageReceived,
    Resumed,
    Ringing,
)
from runtime.media.port import RtpStopped, ToneReceivedFromPeer
from runtime.sandbox.commands import COMMANDS
from runtime.session.supervisor import SessionHost
from runtime.session.timeline import KEPT_BYTES
from tests.session.bench import Bench, bench
from tests.session.fakes.leg import FakeLeg

NEVER: Final = {Cause.INTERNAL, Cause.CRASHED, Cause.NOT_STARTED, Cause.ZYGOTE_LOST}
"""Ends that frames alone cannot be the reason for."""
SETTLE_S: Final = 200.0
"""Longer than any clock of a session but its length."""
MAX_UNITS: Final = 120
"""Legs, players, recorders and conferences that the limits allow at once, and a few that end."""

# --- what a worker says ------------------------------------------------------------------------

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
    "kind": st.sampled_from(["sip", "pstn", "user"]),
    "to": st.sampled_from(["sip:x@127.0.0.1", "100"]),
    "text": st.text(max_size=5),
    "url": st.sampled_from(["a.wav", "no.wav"]),
    "country": st.sampled_from(["US", "XX"]),
    "handle": st.booleans(),
    "mute": st.booleans(),
    "hide": st.booleans(),
    "loop": st.booleans(),
    "code": st.sampled_from([300, 486, 699]),
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
    if op.endswith((".create", ".create_tts")) and draw(st.integers(0, 15)) < 15:
        args["unit"] = NEXT_UNIT
    if draw(st.integers(0, 30)) == 30:
        args[draw(st.sampled_from(FIELDS))] = draw(VALUES)
    return {"type": "cmd", "op": op, "args": args, "where": ""}


NEXT_UNIT: Final = "the next free one"
NEXT_SEQ: Final = "an event that asked for a reply"
LAST_NONCE: Final = "of the last ping"


def frame_of(kind: str, /, **fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"type": st.just(kind), **fields})


ERRORS = frame_of(
    "error",
    unit=st.one_of(st.integers(0, 4), st.none()),
    kind=st.sampled_from(["handler", "task", "timer"]),
    message=st.sampled_from(["x", "HandlerTimeout: x", "\u2028", ""]),
    traceback=st.just(""),
)
ORDERLY = st.one_of(
    *[commands()] * 6,
    frame_of("log", text=st.text(max_size=30)),
    ERRORS,
)
"""What a worker might send, if not now. (The fake worker answers pings and events by itself.)"""
ODD = st.one_of(
    frame_of("reply", seq=st.one_of(st.just(NEXT_SEQ), st.integers(0, 5)), handled=st.booleans()),
    frame_of("pong", nonce=st.one_of(st.just(LAST_NONCE), st.text(max_size=3))),
    frame_of("code", module=st.just("m"), data=st.text(max_size=3)),
    frame_of("error", unit=UNITS, kind=st.just("import"), message=VALUES, traceback=VALUES),
    frame_of("error", kind=st.just("task"), message=st.just("MemoryError"), traceback=st.just("")),
    frame_of("ready"),
    st.dictionaries(st.text(max_size=5), VALUES, max_size=4),
)


@st.composite
def frames(draw: st.DrawFn) -> dict[str, Any]:
    """Mostly orderly ones: who is odd does not get far."""
    return draw(ODD if draw(st.integers(0, 19)) == 19 else ORDERLY)


FRAMES = frames()

# --- how it says it ------------------------------------------------------------------------------


@attrs.frozen
class Say:
    """One frame, whole."""

    message: dict[str, Any]
    times: int = 1


@attrs.frozen
class Damage:
    """One frame, with some bytes replaced, left out or put in."""

    message: dict[str, Any]
    at: int
    drop: int
    put: bytes


@attrs.frozen
class Pieces:
    """One frame in two parts, with a pause between them."""

    message: dict[str, Any]
    at: int
    pause_s: float


@attrs.frozen
class Raw:
    data: bytes


@attrs.frozen
class Again:
    """Everything that was sent last, once more."""

    number: int


@attrs.frozen
class Wait:
    seconds: float


@attrs.frozen
class Peer:
    """What a peer or the engine does meanwhile."""

    outgoing: bool
    event: Any


@attrs.frozen
class Operator:
    """Somebody ends the session."""


Move = Say | Damage | Pieces | Raw | Again | Wait | Peer | Operator

EVENTS: Final = (
    Held(),
    Resumed(),
    Ringing(),
    EarlyMedia(),
    InfoReceived(mime_type="a/b", body="x", headers={}),
    MessageReceived(text="x", headers={}),
    Ended(code=200, reason="", by="peer", headers={}),
    ToneReceivedFromPeer(tone="5", duration_ms=80),
    RtpStopped(),
)
MOVES = st.one_of(
    st.builds(Say, FRAMES),
    st.builds(Say, FRAMES),
    st.builds(Say, FRAMES),
    st.builds(Say, commands(), st.sampled_from([2, 50, 2_500])),
    st.builds(Damage, FRAMES, st.integers(0, 60), st.integers(0, 3), st.binary(max_size=4)),
    st.builds(Pieces, FRAMES, st.integers(0, 80), st.sampled_from([0.0, 0.5, 2.5])),
    st.builds(Say, FRAMES),
    st.builds(Say, FRAMES),
    st.builds(Raw, st.binary(max_size=60)),
    st.builds(Again, st.integers(1, 3)),
    st.builds(Wait, st.sampled_from([0.01, 0.3, 3.0, 65.0])),
    st.builds(Peer, st.booleans(), st.sampled_from(EVENTS)),
    st.builds(Peer, st.booleans(), st.sampled_from(EVENTS)),
    st.just(Operator()),
)


@attrs.define
class Hostile:
    """The worker of session s1, and the peers of its two legs."""

    b: Bench
    incoming: FakeLeg
    outgoing: FakeLeg
    request: int = 100
    unit: int = 3
    sent: list[bytes] = attrs.field(factory=list)

    async def play(self, move: Move) -> None:
        match move:
            case Say(message, times):
                await self._send(b"".join(self._encode(message) for _ in range(times)))
            case Damage(message, at, drop, put):
                data = self._encode(message)
                await self._send(data[:at] + put + data[at + drop :])
            case Pieces(message, at, pause_s):
                data = self._encode(message)
                await self._send(data[:at])
                await trio.sleep(pause_s)
                await self._send(data[at:])
            case Raw(data):
                await self._send(data)
            case Again(number):
                await self._send(b"".join(self.sent[-number:]))
            case Wait(seconds):
                await trio.sleep(seconds)
            case Peer(outgoing, event):
                self._peer(self.outgoing if outgoing else self.incoming, event)
            case Operator():
                self.b.registry.terminate("s1")
        await trio.testing.wait_all_tasks_blocked()

    def _peer(self, leg: FakeLeg, event: Any) -> None:
        if isinstance(event, LegEvent):
            leg.say(event)
        elif not leg.ended:
            leg.media.say(event)

    async def _send(self, data: bytes) -> None:
        self.sent = [*self.sent[-3:], data]
        await self.b.launcher.workers[0].send_bytes(data)

    def _encode(self, message: dict[str, Any]) -> bytes:
        worker = self.b.launcher.workers[0]
        if message.get("type") == "cmd":
            self.request += 1
            args = message["args"]
            if args.get("unit") == NEXT_UNIT:
                self.unit += 2
                args = {**args, "unit": self.unit}
            message = {**message, "req": self.request, "args": args}
        elif message.get("seq") == NEXT_SEQ:
            asked = [event.seq for event in worker.events if event.reply]
            message = {**message, "seq": asked[-1] if asked else 1}
        elif message.get("nonce") == LAST_NONCE:
            message = {**message, "nonce": worker.pings[-1] if worker.pings else "n1"}
        body = json.dumps(message).encode()
        return struct.pack(">I", len(body)) + body


# --- what must hold ------------------------------------------------------------------------------


async def scene(b: Bench) -> Hostile:
    """One call is connected, one is dialled, and another session looks on."""
    incoming, worker, unit = await b.connected()
    outgoing = await b.dialled(worker, 1)
    await worker.command("call.record", unit=unit)
    await b.connected()
    return Hostile(b, incoming, outgoing)


def assert_bounded(host: SessionHost | None) -> None:
    if host is not None:
        assert len(host.outbox) <= 1_024
        assert len(host.context.units) <= MAX_UNITS
        assert sum(entry.size for entry in host.timeline.entries) <= KEPT_BYTES


async def assert_served(b: Bench, number: int) -> None:
    """The other session carries out what it is told, at once."""
    request = await b.launcher.workers[1].command("session.custom_data", value=f"{number}")
    assert b.launcher.workers[1].result(request) == "done"
    assert (b.view("s2").state, len(b.view("s2").legs)) == ("RUNNING", 1)


def assert_contained(b: Bench) -> None:
    view = b.view("s1")
    assert view.state in ("RUNNING", "ENDED")
    assert view.end_cause not in NEVER
    assert not any("Traceback" in str(e.detail.get("traceback", "")) for e in b.timeline("s1"))
    if view.state == "ENDED":
        assert view.end_cause
        assert all(recording.finished for recording in b.store.made)
        assert not view.legs
        assert b.media.edges == set()
        assert all(player.closed for player in b.media.players)
        assert b.timeline("s1")[-1].what.startswith("over: ")


def played(moves: list[Move]) -> None:
    async def run() -> None:
        async with bench() as b:
            hostile = await scene(b)
            for number, move in enumerate(moves):
                await hostile.play(move)
                assert_bounded(b.registry._live.get("s1"))
                await assert_served(b, number)
            await trio.sleep(SETTLE_S)
            assert_contained(b)
            b.registry.terminate("s1")
            b.registry.terminate("s2")
            await trio.sleep(SETTLE_S)
            assert b.registry._live == {}
            assert b.registry._nursery is not None
            assert not b.registry._nursery.child_tasks

    trio.run(run, clock=MockClock(autojump_threshold=0))


GOOD: Final = settings(deadline=None, suppress_health_check=list(HealthCheck))


@settings(GOOD, max_examples=150)
@given(st.lists(FRAMES.map(Say), min_size=1, max_size=25))
def test_any_frames(moves: list[Say]) -> None:
    played([*moves])


@settings(GOOD, max_examples=150)
@given(st.lists(MOVES, min_size=1, max_size=20))
@example([Say({"type": "log", "text": "x"}, 2_500), Operator(), Say({"type": "ready"})])
@example([Peer(False, Ended(code=200, reason="", by="peer", headers={})), Wait(65.0)])
def test_any_conversation(moves: list[Move]) -> None:
    played(moves)


@settings(GOOD, max_examples=100)
@given(st.lists(st.binary(max_size=200).map(Raw), min_size=1, max_size=10))
def test_any_bytes(moves: list[Raw]) -> None:
    played([*moves])


@pytest.mark.soak
@settings(GOOD, max_examples=5_000)
@given(st.lists(MOVES, min_size=1, max_size=60))
def test_any_long_conversation(moves: list[Move]) -> None:
    played(moves)
