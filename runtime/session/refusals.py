"""Calls that were refused before any session existed: a bounded log, counted per source.

A scanner that tries ten thousand numbers is one line with a count, not ten thousand lines.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import attrs

from runtime.decisions.bounded_counts import BoundedCounts
from runtime.decisions.problems import Calls

MAX_SOURCES: Final = 500
"""Newest ones; a flood from forged addresses must not grow memory."""
MAX_COUNTED: Final = 80
"""Pairs of code and number; there are some forty."""
OTHER: Final = (-1, "")
MAX_REASONS: Final = 8
"""Of one source and code that are told beside the powers of two: a carrier has two or three, and
the words of a hostile peer, which stand in many reasons, must not fill the disk."""


@attrs.frozen(kw_only=True)
class RefusalView:
    """All refusals of one source with one code."""

    source: str
    """The peer's address without its port."""
    code: int
    """0: nothing was answered."""
    reason: str
    """Of the last one."""
    problem: str
    """The number of its kind, as E2104."""
    destination: str
    """Of the last one."""
    count: int
    first_at: float
    """Wall-clock time."""
    last_at: float


class Refusals:
    """The endpoint's log."""

    def __init__(
        self, wall_time: Callable[[], float], on_new: Callable[[RefusalView], None] | None = None
    ) -> None:
        self._wall_time = wall_time
        self._on_new = on_new
        self._views: OrderedDict[tuple[str, int], RefusalView] = OrderedDict()
        self._reasons: dict[tuple[str, int], set[str]] = {}
        """What was told of each of them, at most MAX_REASONS."""
        self.counts: BoundedCounts[tuple[int, str]] = BoundedCounts(MAX_COUNTED, OTHER)
        """All there ever were, by code and the number of their kind."""

    def add(self, remote: str, destination: str, code: int, reason: str, kind: Calls) -> None:
        """A call was refused. Told to `on_new` when its reason is new, and at each power of two."""
        now = self._wall_time()
        self.counts.add((code, kind.number))
        key = (source_of(remote), code)
        before = self._views.pop(key, None)
        view = RefusalView(
            source=key[0],
            code=code,
            reason=reason[:500],
            problem=kind.number,
            destination=destination[:128],
            count=before.count + 1 if before else 1,
            first_at=before.first_at if before else now,
            last_at=now,
        )
        self._views[key] = view
        while len(self._views) > MAX_SOURCES:
            forgotten, _ = self._views.popitem(last=False)
            del self._reasons[forgotten]
        is_news = self._is_new_reason(key, view.reason)
        if self._on_new is not None and (is_news or view.count & (view.count - 1) == 0):
            self._on_new(view)

    def _is_new_reason(self, key: tuple[str, int], reason: str) -> bool:
        told = self._reasons.setdefault(key, set())
        if reason in told or len(told) >= MAX_REASONS:
            return False
        told.add(reason)
        return True

    def views(self) -> list[RefusalView]:
        """Newest first."""
        return list(reversed(self._views.values()))


def source_of(remote: str) -> str:
    """ "udp:192.0.2.1:40112" without the port, which changes with every attempt."""
    head, colon, port = remote.rpartition(":")
    return head if colon and port.isdigit() and head else remote
