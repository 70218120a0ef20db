"""The nursery of one call's handlers: opened when first needed, closed after the call is released.

Rule: handlers of the call's end (Disconnected, Failed, RecordStopped, and whoever awaited
call.ended()) run to their end, at most 10 s; then everything else of the call is cancelled.
"""

from __future__ import annotations

from typing import Final

import trio

from runtime.api.running import Run

RELEASE_GRACE_S: Final = 10.0
"""How long a call's last handlers may go on after the call was released."""


class LegNursery:
    """Tasks of one leg. `open` before `start`; `release` ends it."""

    def __init__(self) -> None:
        self._nursery: trio.Nursery | None = None
        self._runs: set[Run] = set()
        self._released = trio.Event()
        self._changed = trio.Event()

    async def open(self, parent: trio.Nursery) -> trio.Nursery:
        if self._nursery is None:
            self._nursery = await parent.start(self._run)
        return self._nursery

    def began(self, run: Run) -> None:
        self._runs.add(run)

    def ended(self, run: Run) -> None:
        self._runs.discard(run)
        self._changed.set()

    def release(self) -> None:
        self._released.set()

    async def _run(self, task_status: trio.TaskStatus[trio.Nursery]) -> None:
        async with trio.open_nursery() as nursery:
            task_status.started(nursery)
            await self._released.wait()
            with trio.move_on_after(RELEASE_GRACE_S):
                await self._last_handlers_done()
            nursery.cancel_scope.cancel()

    async def _last_handlers_done(self) -> None:
        while any(run.terminal for run in self._runs):
            self._changed = trio.Event()
            await self._changed.wait()
