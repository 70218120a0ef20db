"""Deadlines of many owners in one heap.

`set` and `clear` are O(log n) and O(1); a cleared or moved deadline stays in the heap as a stale
entry until it comes up or until stale entries outnumber the live ones. Deadlines that fall on the
same instant come out in the order in which they were set.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from typing import Generic, TypeVar

Owner = TypeVar("Owner", bound=Hashable)
Name = TypeVar("Name", bound=Hashable)

STALE_ALLOWANCE = 256
"""Stale entries below this number are not worth a rebuild of the heap."""


class Schedule(Generic[Owner, Name]):
    """The deadlines of all owners; each owner has at most one deadline of each name."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Owner, Name]] = []
        self._live: dict[Owner, dict[Name, tuple[float, int]]] = {}
        self._live_count = 0
        self._serial = 0

    def __len__(self) -> int:
        return self._live_count

    def set(self, owner: Owner, name: Name, at: float) -> None:
        """Let `name` of `owner` come up at `at`, instead of any earlier setting."""
        self._serial += 1
        names = self._live.setdefault(owner, {})
        if name not in names:
            self._live_count += 1
        names[name] = (at, self._serial)
        heapq.heappush(self._heap, (at, self._serial, owner, name))
        if len(self._heap) > 2 * self._live_count + STALE_ALLOWANCE:
            self._rebuild()

    def clear(self, owner: Owner, name: Name) -> None:
        names = self._live.get(owner)
        if names is not None and names.pop(name, None) is not None:
            self._live_count -= 1
            if not names:
                del self._live[owner]

    def drop(self, owner: Owner) -> None:
        """Forget every deadline of `owner`."""
        self._live_count -= len(self._live.pop(owner, {}))

    def is_set(self, owner: Owner, name: Name) -> bool:
        return name in self._live.get(owner, {})

    def next_timeout(self) -> float | None:
        while self._heap:
            at, serial, owner, name = self._heap[0]
            if self._live.get(owner, {}).get(name) == (at, serial):
                return at
            heapq.heappop(self._heap)
        return None

    def pop_due(self, now: float) -> tuple[Owner, Name] | None:
        """Take the earliest deadline that is not after `now`; call until it returns None."""
        at = self.next_timeout()
        if at is None or at > now:
            return None
        _, _, owner, name = heapq.heappop(self._heap)
        self.clear(owner, name)
        return owner, name

    def _rebuild(self) -> None:
        self._heap = [
            (at, serial, owner, name)
            for owner, names in self._live.items()
            for name, (at, serial) in names.items()
        ]
        heapq.heapify(self._heap)
