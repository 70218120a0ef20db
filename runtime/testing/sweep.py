"""Breaking a test off, again and again, each time at another await of its scripts.

A script is to leave nothing behind wherever it stops. So a test is run once to count the moments at
which a script waits or has given a command; then once for each moment and way in which a call can
be over there: everybody hangs up, the session is ended, the script's process is lost. What the test
itself expects does not matter any more then; that no call, session, timer, task or sound is left,
and that the script raised nothing, does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from enum import StrEnum
from typing import Final

import attrs
import trio

from runtime.api.running import RUNNING
from runtime.testing.callers import SimCallee
from runtime.testing.ending import finish
from runtime.testing.simulator import Sim

MOMENTS_MAX: Final = 500
"""A test that has more is swept in its first ones: most have ten to thirty."""
LOST: Final = "crashed: the script's process was killed"
"""How the end of a session is told whose process was lost."""


class Way(StrEnum):
    """How a call can be over in the middle of a script."""

    HANG_UP = "everybody hangs up"
    END = "the session is ended by the operator"
    LOSE = "the script's process is lost"


@attrs.frozen(kw_only=True)
class Break:
    """Where and how a test is broken off."""

    moment: int
    """The first is 1."""
    way: Way

    def __str__(self) -> str:
        return f"broken off at moment {self.moment}: {self.way}"


def breaks(moments: int) -> Iterator[Break]:
    """All there are for a test with so many moments."""
    for moment in range(1, min(moments, MOMENTS_MAX) + 1):
        for way in Way:
            yield Break(moment=moment, way=way)


class Sweep(trio.abc.Instrument):
    """One run of a test, broken off at `at` or, with None, only counted."""

    def __init__(self, at: Break | None = None) -> None:
        self.moments = 0
        self._at = at
        self._rows_seen = 0
        self._scope = trio.CancelScope()
        self._broken = False
        self._fault: Exception | None = None

    async def run(self, sim: Sim, test: Callable[[], Awaitable[object]]) -> None:
        """Run the test in this simulation to its end, or to the break and what follows from it."""
        __tracebackhide__ = True
        self._sim = sim
        trio.lowlevel.add_instrument(self)
        try:
            with self._scope:
                await test()
        except Exception:
            if not self._broken:  # what a test misses after the break is due to that
                raise
        finally:
            trio.lowlevel.remove_instrument(self)
        if self._fault is not None:
            raise self._fault
        if not self._broken:
            await sim.finish()
            return
        try:
            await finish(sim, in_full=False)
        except AssertionError as exc:
            raise type(exc)(f"{self._at}\n{exc}") from None

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        rows = self._sim.chronicle.rows
        new, self._rows_seen = self._rows_seen, len(rows)
        script_waits = RUNNING in task.context
        if script_waits or any(row.kind == "command" for row in rows[new:]):
            self.moments += 1
            if self._at is not None and self.moments == self._at.moment:
                self._broken = True
                self._scope.cancel()
                try:
                    break_off(self._sim, self._at.way)
                except Exception as exc:  # noqa: BLE001 - trio would only log it; raised by `run`
                    self._fault = exc


def break_off(sim: Sim, way: Way) -> None:
    """All calls are over now, and whoever is called from now on is busy."""
    sim.dialer.nobody_answers()
    if way is Way.END:
        for session in sim.sessions:
            sim.terminate(session)
    elif way is Way.LOSE:
        sim.faults.expect(LOST)
        sim.runtime.lose_workers()
    for one in sim.on_the_line:
        if isinstance(one, SimCallee) and one.leg.unanswered:
            one.busy()
        else:
            one.hang_up()
