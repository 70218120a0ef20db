"""The timers of one session: one task, however many deadlines.

An alarm has a key; setting a key again replaces it. Callbacks run on the trio thread, one at a
time, and must not block.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable
from itertools import count

import trio


class Alarms:
    """Deadlines of one session."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Hashable]] = []
        self._armed: dict[Hashable, tuple[int, Callable[[], None]]] = {}
        self._numbers = count()
        self._sleep: trio.CancelScope | None = None

    def __len__(self) -> int:
        return len(self._armed)

    def set(self, key: Hashable, delay_s: float, callback: Callable[[], None]) -> None:
        """Call `callback` in `delay_s`, unless the key is cleared or set again before."""
        number = next(self._numbers)
        self._armed[key] = (number, callback)
        heapq.heappush(self._heap, (trio.current_time() + delay_s, number, key))
        self._forget_stale()
        if self._heap[0][1] == number and self._sleep is not None:
            self._sleep.deadline = self._heap[0][0]

    def clear(self, key: Hashable) -> None:
        self._armed.pop(key, None)

    def close(self) -> None:
        """No alarm goes off any more."""
        self._armed.clear()
        self._heap.clear()

    async def run(self) -> None:
        """Ring until cancelled."""
        while True:
            self._ring_due()
            deadline = self._heap[0][0] if self._heap else float("inf")
            # A new alarm moves the deadline: that needs no turn of this task, unlike an event.
            with trio.CancelScope(deadline=deadline) as self._sleep:
                await trio.sleep_forever()

    def _ring_due(self) -> None:
        while self._heap and self._heap[0][0] <= trio.current_time():
            _, number, key = heapq.heappop(self._heap)
            armed = self._armed.get(key)
            if armed is not None and armed[0] == number:
                del self._armed[key]
                armed[1]()

    def _forget_stale(self) -> None:
        """Keep the heap small when keys are set again and again (a ping for every burst)."""
        if len(self._heap) > 64 + 4 * len(self._armed):
            live = {number for number, _ in self._armed.values()}
            self._heap = [item for item in self._heap if item[1] in live]
            heapq.heapify(self._heap)
