"""Runs hostile scripts in real, locked processes under the real session core, beside a witness.

The witness is an ordinary session in the same runtime: it must answer every message it gets while
the others misbehave. `fight` runs scripts a few at a time and tells what became of each.
"""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Callable, Iterable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final

import attrs
import trio

from runtime.decisions.limits import Limits
from runtime.decisions.timeline import Entry
from runtime.legs.leg import MessageReceived
from runtime.net import Direct, Fetcher
from runtime.sandbox.launcher import BLANKS, ZygoteLauncher
from runtime.sandbox.levels import Level
from runtime.session.registry import SessionRegistry
from runtime.session.rules import Routing
from runtime.session.settings import SessionSettings
from tests.hostile.case import Hostile
from tests.session.bench import FakeBundle, FakeModule
from tests.session.fakes.leg import FakeDialer, FakeLeg
from tests.session.fakes.media import FakeMedia, FakeSounds, FakeStore

AT_ONCE: Final = 6
"""Enough to be a crowd on any machine; more would only wait for a processor."""
PATIENCE_S: Final = 90.0
CONTAINED_S: Final = 80.0
"""By then each of them is over; one that is not shows as a session that went on."""
POLL_S: Final = 0.01
LIMITS: Final = Limits(cpu_rate=0.02, cpu_burst_s=3.0)
"""Less than the default rate, so that hogs are hogs however busy the machine is."""
BEAT_S: Final = 0.05
"""Between messages to the witness."""
MAX_TEXT: Final = 4_000
WITNESS: Final = """
from runtime import AppEvents, CallEvents, VoxEngine

VoxEngine.customData("witness-secret")

@VoxEngine.on(AppEvents.CallAlerting)
def alerting(e):
    call = e.call
    call.on(CallEvents.MessageReceived)(lambda m: call.sendMessage(m.text))
    call.answer()
"""


@attrs.frozen(kw_only=True)
class Outcome:
    """What became of one script."""

    cause: str | None
    """Before anybody asked the session to end; None when it went on."""
    final_cause: str | None
    logs: list[str]
    told: str
    """The whole timeline, one entry a line."""
    leg: list[str]
    """What its caller saw."""
    seconds: float


@attrs.define
class Witness:
    sent: int = 0
    answered: int = 0
    slowest_s: float = 0.0
    errors: list[str] = attrs.field(factory=list)
    cause: str | None = None
    """Why its session ended before the others were done; it must not."""


@attrs.define(kw_only=True)
class Report:
    outcomes: dict[str, Outcome] = attrs.field(factory=dict)
    witness: Witness = attrs.field(factory=Witness)
    grown_kib: int = 0
    descriptors: tuple[int, int] = (0, 0)
    left: list[int] = attrs.field(factory=list)
    """Processes of the zygote that were still there."""
    seconds: float = 0.0
    level: Level = Level.NONE


class Sink:
    """A timeline in memory, with clipped texts."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def write(self, entry: Entry) -> None:
        self.entries.append(attrs.evolve(entry, what=entry.what[:MAX_TEXT]))

    def close(self) -> None:
        """Nothing to close."""

    @property
    def logs(self) -> list[str]:
        return [entry.what for entry in self.entries if entry.kind == "log"]

    @property
    def told(self) -> str:
        lines = (f"{entry.kind}: {entry.what} {entry.detail}" for entry in self.entries)
        return "\n".join(line[:MAX_TEXT] for line in lines)


class Arena:
    """One runtime with fake audio and a real zygote."""

    def __init__(self, cases: Iterable[Hostile]) -> None:
        self.launcher = ZygoteLauncher()
        self.sinks: dict[str, Sink] = {}
        self._numbers = count(1)
        self._last = ""
        self.registry = SessionRegistry(
            settings=SessionSettings(limits=LIMITS),
            launcher=self.launcher,
            media=FakeMedia(),
            dialer=FakeDialer(),
            sounds=FakeSounds(),
            recordings=FakeStore(),
            http=Fetcher(Direct()),
            timelines=lambda session: self.sinks.setdefault(session, Sink()),
            new_id=self._new_id,
        )
        scripts = {"witness": WITNESS, **{case.name: case.script for case in cases}}
        bundles = {
            name: FakeBundle(
                name=name, modules=(FakeModule("ivr", f"{name}.py", script),), version=name
            )
            for name, script in scripts.items()
        }
        self.registry.set_scenarios(Routing.named(bundles))

    def _new_id(self) -> str:
        self._last = f"s{next(self._numbers)}"
        return self._last

    def call(self, number: str) -> tuple[str, FakeLeg]:
        """A caller; the session and the caller's end."""
        leg = FakeLeg(incoming=True, number=number)
        self.registry.incoming(leg)
        return self._last, leg

    def state(self, session: str) -> str:
        view = self.registry.get(session)
        return "ENDED" if view is None else view.state

    def cause(self, session: str) -> str | None:
        view = self.registry.get(session)
        return None if view is None else view.end_cause

    async def attack(self, case: Hostile) -> Outcome:
        began = trio.current_time()
        session, leg = self.call(case.name)
        sink = self.sinks[session]
        await _until(lambda: "200" in leg.sent or self.state(session) == "ENDED")
        leg.ack()
        with trio.move_on_after(CONTAINED_S):
            if case.ends is not None:
                await _until(lambda: self.state(session) == "ENDED")
            elif case.on_stop:
                await _until(lambda: "attacking" in sink.logs)
            else:
                await _until(
                    lambda: case.until in sink.logs or leg.ended or bool(self.cause(session))
                )
        cause = self.cause(session)
        self.registry.terminate(session, "the test is over")
        await _until(lambda: self.state(session) == "ENDED")
        return Outcome(
            cause=cause,
            final_cause=self.cause(session),
            logs=sink.logs,
            told=sink.told,
            leg=list(leg.sent),
            seconds=trio.current_time() - began,
        )


async def fight(cases: Iterable[Hostile]) -> Report:
    """All of them, a few at a time."""
    cases = list(cases)
    report = Report()
    arena = Arena(cases)
    async with trio.open_nursery() as nursery:
        await nursery.start(arena.launcher.run)
        await nursery.start(arena.registry.run)
        report.level = arena.launcher.sandbox.level
        async with trio.open_nursery() as watching:
            await watching.start(_watch, arena, report.witness)
            await _until(lambda: len(arena.launcher.blank_pids) == BLANKS)
            gc.collect()
            descriptors, size = _descriptors(), _resident_kib()
            began = trio.current_time()
            await _all(arena, cases, report)
            report.seconds = trio.current_time() - began
            gc.collect()
            await _until(lambda: len(arena.launcher.blank_pids) == BLANKS)
            report.grown_kib = _resident_kib() - size
            report.descriptors = (descriptors, _descriptors())
            watching.cancel_scope.cancel()
        assert arena.launcher.zygote_pid is not None
        children = set(_children(arena.launcher.zygote_pid))
        report.left = sorted(children - arena.launcher.blank_pids)
        nursery.cancel_scope.cancel()
    return report


async def _all(arena: Arena, cases: list[Hostile], report: Report) -> None:
    room = trio.CapacityLimiter(AT_ONCE)

    async def one(case: Hostile) -> None:
        async with room:
            report.outcomes[case.name] = await arena.attack(case)

    async with trio.open_nursery() as nursery:
        for case in cases:
            nursery.start_soon(one, case)


async def _watch(arena: Arena, witness: Witness, *, task_status: trio.TaskStatus[None]) -> None:
    """Send the witness a message after the other; each must come back."""
    session, leg = arena.call("witness")
    await _until(lambda: "200" in leg.sent)
    leg.ack()
    task_status.started()
    try:
        while True:
            witness.sent += 1
            text, began = f"MESSAGE beat {witness.sent}", trio.current_time()
            leg.say(MessageReceived(text=text.removeprefix("MESSAGE "), headers={}))
            await _until(partial(_answered_or_over, leg, text))
            if leg.ended:
                return
            witness.answered += 1
            witness.slowest_s = max(witness.slowest_s, trio.current_time() - began)
            await trio.sleep(BEAT_S)
    finally:
        witness.cause = arena.cause(session)
        witness.errors = [e.what for e in arena.sinks[session].entries if e.kind == "error"]
        leg.bye()
        arena.registry.terminate(session, "the test is over")
        with trio.CancelScope(shield=True):
            await _until(lambda: arena.state(session) == "ENDED")


def _answered_or_over(leg: FakeLeg, text: str) -> bool:
    return leg.ended or leg.sent[-1] == text


async def _until(condition: Callable[[], object]) -> None:
    with trio.fail_after(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what is waited for can only be looked at
            await trio.sleep(POLL_S)


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def _resident_kib() -> int:
    found = re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1])


def _children(parent: int) -> list[int]:
    found = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [int(pid) for pid in found.split()]
