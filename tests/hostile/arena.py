"""Runs hostile scripts in a whole runtime, each with a caller of its own, beside a witness.

The runtime is a real `callstage run` with real workers, engine and telephones. `fight` runs the
scripts a few at a time and tells what became of each, of the witness, and of the core.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import attrs
import httpx
import trio

from runtime.sandbox.launcher import BLANKS
from tests.e2e import process_tree
from tests.e2e.phone import Dialog, Phone, telephone
from tests.e2e.runtime_process import RuntimeProcess, callstage
from tests.e2e.sounds import stage
from tests.e2e.waiting import until
from tests.hostile.case import Hostile
from tests.hostile.gaps import MAX_GAP_S, Gap, metronomes
from tests.hostile.story import Library, Story
from tests.hostile.witness import SCRIPT, Witness

AT_ONCE: Final = 8
"""Enough to be a crowd on any machine; more would only wait for a processor."""
ALONE: Final = 2
"""Of those that must get much of a processor to be seen: they share it with few."""
CONTAINED_S: Final = 150.0
"""By then each of them is over, however busy the machine is."""
CONFIGURATION: Final = """
[limits]
handler_cpu_s = 0.4
import_cpu_s = 0.4
blocked_s = 3.0
cpu_rate = 0.02
cpu_burst_s = 1.5
farewell_s = 3.0
"""
"""The limits of time, each at less than its default: a hundred hogs take their time, and a hog
should be one however busy the machine is."""
FAREWELL_S: Final = 15.0
"""From the BYE to the end of the session; one that goes on is ended by us, and that is seen."""
ANSWER_S: Final = 30.0
"""For HTTP, on a machine that is busy with all this."""
LOOK_S: Final = 0.05
SOUNDS_KEPT: Final = 2
"""The two that are none: they stand in the cache, two descriptors each, until it is full."""
SETTLED_S: Final = 30.0
"""For workers, sockets and descriptors of the last ones to be gone."""


@attrs.frozen(kw_only=True)
class Outcome:
    """What became of one script."""

    cause: str
    logs: list[str]
    told: str
    """The whole timeline, one entry a line."""
    sip: frozenset[str]
    """What its caller was sent: methods and status codes."""
    headers: frozenset[str]
    """Names of all headers that its telephone was sent, in lower case."""
    began: float
    ended: float


@attrs.frozen(kw_only=True)
class Core:
    """What the core holds."""

    resident_kib: int
    descriptors: int
    engine_descriptors: int
    workers: int

    @classmethod
    def of(cls, runtime: RuntimeProcess) -> Core:
        (engine,) = runtime.processes("runtime.media.engine")
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{runtime.pid}/status").read_text())
        assert found is not None
        shown = process_tree.is_shown(engine)
        return cls(
            resident_kib=int(found[1]),
            descriptors=process_tree.open_files(runtime.pid),
            engine_descriptors=process_tree.open_files(engine) if shown else 0,
            workers=len(runtime.processes("runtime.sandbox.zygote")) - 1,
        )

    def keeps(self, before: Core) -> bool:
        """More than it held before, and than what it may keep for the next caller."""
        return (
            self.descriptors > before.descriptors + SOUNDS_KEPT * 2
            or self.engine_descriptors > before.engine_descriptors
            or self.workers != before.workers
        )


@attrs.define(kw_only=True)
class Report:
    outcomes: dict[str, Outcome] = attrs.field(factory=dict)
    gaps: list[Gap] = attrs.field(factory=list)
    """Times when the witness heard nothing, the machine's own included."""
    repeated: list[str] = attrs.field(factory=list)
    """Scripts that were run again because of a gap of the engine's in their time."""
    gaps_again: list[Gap] = attrs.field(factory=list)
    """When they were repeated."""
    answers_s: list[float] = attrs.field(factory=list)
    witness_ended: bool = False
    witness_errors: list[str] = attrs.field(factory=list)
    before: Core
    after: Core
    level: str
    ranks: dict[str, int]
    """Priorities as the kernel shows them (lower goes first): of engine, core and a script."""
    seconds: float = 0.0


@attrs.define(kw_only=True)
class Arena:
    """One runtime that serves all scripts, each by its name."""

    runtime: RuntimeProcess
    library: Library
    http: httpx.AsyncClient
    outcomes: dict[str, Outcome] = attrs.field(factory=dict)

    async def attack_all(self, cases: Iterable[Hostile], at_once: int) -> None:
        room = trio.CapacityLimiter(at_once)

        async def one(case: Hostile) -> None:
            try:
                self.outcomes[case.name] = await self.attack(case)
            finally:
                room.release_on_behalf_of(case)

        async with trio.open_nursery() as nursery:
            for case in cases:
                await room.acquire_on_behalf_of(case)
                nursery.start_soon(one, case)

    async def attack(self, case: Hostile) -> Outcome:
        """One call to the script, until its session is over."""
        began = time.time()
        async with telephone(self.runtime.port()) as phone:
            call = await phone.call(case.name, headers=[("X-Own", phone.uri)], caller=case.name)
            call.audio.silent = True
            story = await self.begun(call)
            await _look(lambda: _seen(case, story, call), CONTAINED_S)
            if case.ends is not None:
                await _look(lambda: story.look().end, FAREWELL_S)
            await self.terminate(story.session)
            await _look(lambda: story.look().end, CONTAINED_S)
            return self._outcome(story, phone, began)

    async def begun(self, call: Dialog) -> Story:
        found: list[Story] = []

        def begun() -> bool:
            found.extend(filter(None, [self.library.of_call(call.call_id)]))
            return bool(found)

        await until(begun, f"the session of a call to {call.remote}")
        return found[0]

    async def terminate(self, session: str) -> None:
        answer = await self.http.delete(f"/api/v1/sessions/{session}")
        assert answer.status_code in (202, 404), answer.text

    async def terminate_others(self, witness: str) -> None:
        """Sessions that scripts began by calling themselves."""
        listing = (await self.http.get("/api/v1/sessions")).json()["sessions"]
        for session in listing:
            if session["id"] != witness:
                await self.terminate(session["id"])

    def _outcome(self, story: Story, phone: Phone, began: float) -> Outcome:
        messages = [
            message
            for dialog in phone.dialogs.values()
            for message in (dialog.invite, *dialog.responses, *dialog.requests)
            if dialog.incoming or message is not dialog.invite
        ]
        return Outcome(
            cause=story.end or "never",
            logs=story.logs,
            told="\n".join(story.told),
            sip=frozenset(str(message.status or message.method) for message in messages),
            headers=frozenset(name.lower() for message in messages for name, _ in message.headers),
            began=began,
            ended=time.time(),
        )


async def _look(condition: Callable[[], object], within_s: float) -> None:
    """Until it holds, or for so long: what became of the script is judged later."""
    with trio.move_on_after(within_s):
        while not condition():  # noqa: ASYNC110 - another process's doing has no event here
            await trio.sleep(LOOK_S)


def _seen(case: Hostile, story: Story, call: Dialog) -> bool:
    """Whether the script has done what it does: to its call, or to its session, or neither."""
    story.look()
    if case.hangs_up or case.ends is not None:
        seen = any(request.method == "BYE" for request in call.requests)
    else:
        seen = "attacking" in story.logs if case.on_stop else case.attacked(story.logs)
    return seen or story.end is not None


async def fight(cases: Iterable[Hostile], folder: Path) -> Report:
    """All of them, a few at a time; those in whose time a tone broke off, once more."""
    cases = list(cases)
    scripts = stage(folder / "scripts")
    sources = {"witness": SCRIPT, **{case.name: case.script for case in cases}}
    for name, source in sources.items():
        (scripts / f"{name}.py").write_text(source)
    plant(scripts)
    config = folder / "callstage.toml"
    config.write_text(CONFIGURATION)
    served = (scripts / f"{name}.py" for name in sources)
    with callstage(*served, folder=folder, options=["--config", str(config)]) as runtime:
        return await _fight(cases, runtime)


def plant(scripts: Path) -> None:
    """What a script would like to play: ways out of its folder."""
    (scripts / "leak.wav").symlink_to("/etc/passwd")
    (scripts / "endless.wav").symlink_to("/dev/zero")
    os.mkfifo(scripts / "pipe.wav")


async def _fight(cases: list[Hostile], runtime: RuntimeProcess) -> Report:
    (engine,) = runtime.processes("runtime.media.engine")
    async with (
        httpx.AsyncClient(base_url=runtime.http, trust_env=False, timeout=ANSWER_S) as http,
        metronomes(like=engine) as beats,
        trio.open_nursery() as nursery,
    ):
        witness = await nursery.start(Witness.run, runtime.port(), beats)
        await until(lambda: Core.of(runtime).workers == BLANKS + 1, "the pool is full again")
        arena = Arena(runtime=runtime, library=Library(runtime.data / "sessions"), http=http)
        story = await arena.begun(witness.call)
        before, began = Core.of(runtime), time.time()
        hungry = [case for case in cases if case.hungry]
        await arena.attack_all(hungry, ALONE)
        await arena.attack_all((case for case in cases if not case.hungry), AT_ONCE)
        await arena.terminate_others(story.session)
        report = Report(
            outcomes=dict(arena.outcomes),
            before=before,
            after=await _settled(runtime, before),
            level=(await http.get("/healthz")).json()["sandbox"]["level"],
            ranks=_ranks(runtime, engine),
            gaps=witness.gaps(began),
            seconds=time.time() - began,
        )
        suspects = _at_the_time(report, cases)
        if suspects:
            report.repeated = [case.name for case in suspects]
            again = time.time()
            await arena.attack_all(suspects, AT_ONCE)
            report.gaps_again = witness.gaps(again)
        report.answers_s = witness.answers_s
        report.witness_ended = witness.hung_up
        report.witness_errors = story.look().errors
        nursery.cancel_scope.cancel()
    return report


def _at_the_time(report: Report, cases: list[Hostile]) -> list[Hostile]:
    """Who attacked while the engine was late."""
    late = [gap for gap in report.gaps if gap.own_s > MAX_GAP_S]

    def overlaps(outcome: Outcome) -> bool:
        return any(outcome.began <= gap.ended and gap.began <= outcome.ended for gap in late)

    return [case for case in cases if overlaps(report.outcomes[case.name])]


async def _settled(runtime: RuntimeProcess, before: Core) -> Core:
    """What the core holds when the last of them are gone, or after a while."""
    await _look(lambda: not Core.of(runtime).keeps(before), SETTLED_S)
    return Core.of(runtime)


def _ranks(runtime: RuntimeProcess, engine: int) -> dict[str, int]:
    zygote, *_ = process_tree.children(runtime.pid, "runtime.sandbox.zygote")
    worker, *_ = process_tree.children(zygote)
    pids = {"engine": engine, "core": runtime.pid, "script": worker}
    return {name: _priority(pid) for name, pid in pids.items()}


def _priority(pid: int) -> int:
    """Field 18 of stat: 20 and the niceness, or below 0 for real-time."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[15])
