"""Tasks and callbacks of one session, each behind an edge that keeps a crash inside the session."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

T = TypeVar("T")

Crash = Callable[[str], None]
"""Told the traceback of a task that failed."""


class Tasks:
    """Starts tasks in the session's nursery; `open` must have been called."""

    def __init__(self, on_crash: Crash) -> None:
        self._on_crash = on_crash
        self._nursery: trio.Nursery | None = None

    def open(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery

    def edge(self, callback: Callable[[T], None]) -> Callable[[T], None]:
        """The callback as others may hold it: whatever goes wrong in it stays in the session."""

        def guarded(value: T) -> None:
            try:
                callback(value)
            except Exception:  # noqa: BLE001 - the session's edge: recorded, ends this session only
                self._on_crash(traceback.format_exc())

        return guarded

    def start(self, run: Callable[[], Awaitable[object]]) -> trio.CancelScope:
        """Run it until it ends, the scope is cancelled, or the session is over."""
        scope = trio.CancelScope()
        if self._nursery is not None:
            self._nursery.start_soon(self._edge, run, scope)
        return scope

    async def _edge(self, run: Callable[[], Awaitable[object]], scope: trio.CancelScope) -> None:
        with scope:
            try:
                await run()
            except Exception:  # noqa: BLE001 - the session's edge: recorded, ends this session only
                self._on_crash(traceback.format_exc())
