"""Counts by what others choose: so many keys are told apart, the rest is counted together. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class BoundedCounts(Generic[K]):
    """At most `most` keys, those that came first; later ones count as `others`."""

    def __init__(self, most: int, others: K) -> None:
        self._most = most
        self._others = others
        self._counts: dict[K, int] = {}

    def add(self, key: K) -> None:
        if key not in self._counts and len(self._counts) >= self._most:
            key = self._others
        self._counts[key] = self._counts.get(key, 0) + 1

    def __iter__(self) -> Iterator[tuple[K, int]]:
        return iter(self._counts.items())
