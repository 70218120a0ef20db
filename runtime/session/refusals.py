"""Calls that were refused before any session existed: a bounded log, counted per source.

A scanner that tries ten thousand numbers is one line with a count, not ten thousand lines.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import attrs

MAX_SOURCES: Final = 500
"""Newest ones; a flood from forged addresses must not grow memory."""


@attrs.frozen(kw_only=True)
class RefusalView:
    """All refusals of one source for one reason."""

    source: str
    """The peer's address without its port."""
    code: int
    reason: str
    """Of the last one."""
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

    def add(self, remote: str, destination: str, code: int, reason: str) -> None:
        """A call was refused. Told to `on_new` at the first and then at each power of two."""
        now = self._wall_time()
        key = (source_of(remote), code)
        before = self._views.pop(key, None)
        view = RefusalView(
            source=key[0],
            code=code,
            reason=reason[:500],
            destination=destination[:128],
            count=before.count + 1 if before else 1,
            first_at=before.first_at if before else now,
            last_at=now,
        )
        self._views[key] = view
        while len(self._views) > MAX_SOURCES:
            self._views.popitem(last=False)
        if self._on_new is not None and view.count & (view.count - 1) == 0:
            self._on_new(view)

    def views(self) -> list[RefusalView]:
        """Newest first."""
        return list(reversed(self._views.values()))


def source_of(remote: str) -> str:
    """ "udp:192.0.2.1:40112" without the port, which changes with every attempt."""
    head, colon, port = remote.rpartition(":")
    return head if colon and port.isdigit() and head else remote
