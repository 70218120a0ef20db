"""What is due when: every timed step of a simulation, in one order that never varies.

Trio shuffles tasks that become ready together, so the kit has one task only: it runs callbacks one
at a time, by the time they are due and, at the same time, in the order they were asked for.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator
from typing import Any, Final

import attrs
import trio

MAX_APPOINTMENTS: Final = 1_000_000
"""Far above 10,000 simulated calls at once; a kit or scenario that runs away is told so."""


@attrs.define(eq=False)
class Appointment:
    """One step to come."""

    due: float
    cancelled: bool = False

    def cancel(self) -> None:
        """Do not run it; safe when it has run."""
        self.cancelled = True


class Agenda:
    """Callbacks by trio time. `run` is the task that carries them out."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Appointment, Callable[[], None]]] = []
        self._count = 0
        self._changed = trio.Event()

    def now(self) -> float:
        return trio.current_time()

    def after(self, delay_s: float, action: Callable[[], None]) -> Appointment:
        """Run `action` in `delay_s` seconds; 0 is "at once, but not inside this call"."""
        if len(self._heap) >= MAX_APPOINTMENTS:
            raise RuntimeError(f"{MAX_APPOINTMENTS} steps are waiting: the simulation runs away")
        appointment = Appointment(self.now() + max(0.0, delay_s))
        self._count += 1
        heapq.heappush(self._heap, (appointment.due, self._count, appointment, action))
        self._changed.set()
        return appointment

    async def run(self) -> None:
        """Carry everything out until cancelled."""
        while True:
            self._run_due()
            self._changed = trio.Event()
            due = self._heap[0][0] if self._heap else float("inf")
            with trio.CancelScope(deadline=due):
                await self._changed.wait()

    def _run_due(self) -> None:
        while self._heap and (self._heap[0][2].cancelled or self._heap[0][0] <= self.now()):
            _, _, appointment, action = heapq.heappop(self._heap)
            if not appointment.cancelled:
                appointment.cancelled = True
                action()


class Act:
    """Something that takes time and has begun; await it to wait for its end, or do not."""

    def __init__(self, done: trio.Event) -> None:
        self._done = done

    @property
    def over(self) -> bool:
        return self._done.is_set()

    def __await__(self) -> Generator[Any, Any, None]:
        return self._done.wait().__await__()


class Signal:
    """Something changed: wakes whoever waits to look again."""

    def __init__(self) -> None:
        self._event = trio.Event()

    def notify(self) -> None:
        self._event.set()
        self._event = trio.Event()

    async def wait(self) -> None:
        """Return at the next `notify`."""
        await self._event.wait()
