"""Whose request is served next when several owners share a few workers. Runs in the core.

Owners take turns, and none keeps all workers busy or fills the queue: whatever one tenant asks for,
the next request of another finds a worker at once.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Hashable
from typing import Generic, TypeVar

import attrs

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Shares:
    """What all owners together may have, and how much of it one."""

    queue: int
    owner_queue: int
    """Requests of one owner that may wait."""
    owner_busy: int
    """Requests of one owner that may be served at a time."""


class Turns(Generic[T]):
    """Requests that wait, by owner."""

    def __init__(self, shares: Shares) -> None:
        self._shares = shares
        self._waiting: OrderedDict[Hashable, deque[T]] = OrderedDict()
        self._busy: Counter[Hashable] = Counter()

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    @property
    def busy(self) -> int:
        """Requests that are being served."""
        return self._busy.total()

    def put(self, owner: Hashable, request: T) -> bool:
        """False when there is no room for another request of this owner."""
        own = len(self._waiting.get(owner, ()))
        if len(self) >= self._shares.queue or own >= self._shares.owner_queue:
            return False
        self._waiting.setdefault(owner, deque()).append(request)
        return True

    def take(self) -> tuple[Hashable, T] | None:
        """The next request that may be served; its owner calls `done` at its end."""
        for owner, requests in self._waiting.items():
            if self._busy[owner] < self._shares.owner_busy:
                self._busy[owner] += 1
                request = requests.popleft()
                self._waiting.move_to_end(owner)
                if not requests:
                    del self._waiting[owner]
                return owner, request
        return None

    def done(self, owner: Hashable) -> None:
        """A request of this owner is served."""
        self._busy[owner] -= 1
        if not self._busy[owner]:
            del self._busy[owner]

    def clear(self) -> list[T]:
        """Nothing waits any more; what did."""
        requests = [request for queue in self._waiting.values() for request in queue]
        self._waiting.clear()
        return requests
