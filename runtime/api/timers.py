"""setTimeout and setInterval: one task and one heap on the trio clock, so a mock clock drives them.

A timer that is due becomes an entry of the session's one queue; its callback runs in turn with the
event handlers, never inside one. A slow interval does not pile up: at most one run of it waits.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import attrs
import trio

from runtime.api.listeners import wanted_arguments
from runtime.api.options import function
from runtime.api.running import Run, current, current_run

if TYPE_CHECKING:
    from runtime.api.session import Session

MIN_INTERVAL_MS: Final = 100
"""VoxEngine's shortest interval; shorter ones are raised to it."""


@attrs.define(eq=False)
class Timer:
    number: int
    callback: Callable[[], object]
    deadline: float
    interval_s: float | None
    run: Run
    waiting: bool = False
    """Due, and in the session's queue."""


class Timers:
    """The timers of one session."""

    def __init__(self, session: Session, due: Callable[[Timer], None]) -> None:
        self._session = session
        self._due = due
        self._timers: dict[int, Timer] = {}
        self._heap: list[tuple[float, int]] = []
        self._count = 0
        self._changed = trio.Event()

    def start(self, callback: Callable[[], object], delay_s: float, *, repeat: bool) -> int:
        session = self._session
        if len(self._timers) >= session.max_timers:
            raise session.limit_reached(
                "timers",
                f"{'setInterval' if repeat else 'setTimeout'}(): {session.max_timers} timers are "
                "active already; clear some with clearTimeout or clearInterval",
            )
        self._count += 1
        deadline = trio.current_time() + delay_s
        run = Run(session, current_run().leg, session.where())
        interval = delay_s if repeat else None
        self._timers[self._count] = Timer(self._count, callback, deadline, interval, run)
        self._push(self._count, deadline)
        return self._count

    def clear(self, number: int) -> None:
        self._timers.pop(number, None)

    def clear_all(self) -> None:
        self._timers.clear()
        self._heap.clear()

    def take(self, timer: Timer) -> bool:
        """The dispatcher's turn for a due timer; False when it was cleared meanwhile."""
        if self._timers.get(timer.number) is not timer:
            return False
        timer.waiting = False
        if timer.interval_s is None:
            del self._timers[timer.number]
        return True

    async def run(self) -> None:
        while True:
            self._changed = trio.Event()
            deadline = self._heap[0][0] if self._heap else math.inf
            with trio.move_on_at(deadline):
                await self._changed.wait()
            self._fire(trio.current_time())

    def _fire(self, now: float) -> None:
        while self._heap and self._heap[0][0] <= now:
            _, number = heapq.heappop(self._heap)
            timer = self._timers.get(number)
            if timer is None:
                continue
            if not timer.waiting:
                timer.waiting = True
                self._due(timer)
            if timer.interval_s is not None:
                missed = math.floor((now - timer.deadline) / timer.interval_s)
                timer.deadline += timer.interval_s * (missed + 1)
                self._push(number, timer.deadline)

    def _push(self, number: int, deadline: float) -> None:
        if len(self._heap) > 2 * self._session.max_timers:  # cleared ones are removed lazily
            self._heap = [entry for entry in self._heap if entry[1] in self._timers]
            heapq.heapify(self._heap)
        heapq.heappush(self._heap, (deadline, number))
        self._changed.set()


def _start(what: str, callback: Callable[[], object], ms: object, lowest_ms: float) -> int:
    session = current()
    session.refuse_late(what)
    function(what, "the callback", callback)
    wanted_arguments(callback, 0, f"{what}()")
    if isinstance(ms, bool) or not isinstance(ms, int | float):
        kind = type(ms).__name__
        raise TypeError(f"{what}(): ms must be a number of milliseconds, not {kind}")
    if not abs(ms) < math.inf:
        raise ValueError(f"{what}(): ms must be a number of milliseconds, not {ms}")
    delay_s = max(lowest_ms, ms) / 1000
    return session.timers.start(callback, delay_s, repeat=what == "setInterval")


def setTimeout(callback: Callable[[], object], ms: float = 0) -> int:
    """Call `callback` (plain or async, without arguments) once, `ms` milliseconds from now.

    Returns a number for clearTimeout. It runs in turn with the event handlers; an exception in it
    counts as one of the handler that set the timer. It outlives the call whose handler set it.
    Raises LimitReached above 100 active timers, SessionOver in Terminating. After terminate() no
    timer fires. VoxEngine reference: setTimeout.
    """
    return _start("setTimeout", callback, ms, 0)


def setInterval(callback: Callable[[], object], ms: float) -> int:
    """Call `callback` every `ms` milliseconds (at least 100) until clearInterval.

    Late runs are skipped, not made up. Otherwise as setTimeout. VoxEngine reference: setInterval.
    """
    return _start("setInterval", callback, ms, MIN_INTERVAL_MS)


def clearTimeout(timer: int | None) -> None:
    """Stop a timer of setTimeout; one that has fired, or is unknown, is ignored."""
    if isinstance(timer, int):
        current().timers.clear(timer)


def clearInterval(timer: int | None) -> None:
    """Stop a timer of setInterval; one that is unknown is ignored."""
    clearTimeout(timer)
