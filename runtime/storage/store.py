"""The pairs of all applications, in memory, for their sessions; the database follows them.

Scripts are answered from memory at once. What they changed is written by one task, in a thread,
together with what changes meanwhile; after a crash of the machine the last moment may be missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import trio

from runtime.decisions.storage import MAX_ALL_PAIRS, Pair, Pairs, StorageFull
from runtime.store import StoreError
from runtime.store.pairs import PairsFile

LAST_WRITE_S: Final = 5.0
"""What is not on a disk by then stays unwritten when the runtime stops."""
RETRY_S: Final = 10.0
"""Between attempts to write to a disk that is full or gone."""


class ApplicationStore:
    """Pairs with their time to live; no application sees those of another."""

    def __init__(
        self,
        file: PairsFile | None = None,
        *,
        wall_time: Callable[[], float] = time.time,
        warn: Callable[[str], object] | None = None,
    ) -> None:
        """Without a file everything is gone with the runtime. Raises StoreError for a file that
        cannot be read."""
        self._file = file
        self._wall_time = wall_time
        self._warn = warn
        known = file.load(wall_time()) if file is not None else {}
        self._pairs = {name: Pairs(pairs) for name, pairs in known.items()}
        self._unwritten: dict[tuple[str, str], Pair | None] = {}
        self._changed = trio.Event()

    def put(self, application: str, key: str, value: str, ttl_s: int, most: int) -> Pair:
        """Raises StorageFull when the application has `most` already."""
        pairs, now = self._of(application), self._wall_time()
        if pairs.get(key, now) is None and sum(map(len, self._pairs.values())) >= MAX_ALL_PAIRS:
            raise StorageFull(f"all applications have {MAX_ALL_PAIRS:,} pairs, the machine's limit")
        pair = pairs.put(key, value, ttl_s, now, most)
        self._note(application, pairs)
        return pair

    def get(self, application: str, key: str) -> Pair | None:
        return self._of(application).get(key, self._wall_time())

    def remove(self, application: str, key: str) -> Pair | None:
        """What was there."""
        pairs = self._of(application)
        pair = pairs.remove(key, self._wall_time())
        self._note(application, pairs)
        return pair

    def keys(self, application: str, pattern: str, most: int) -> list[str]:
        return self._of(application).keys(pattern, most, self._wall_time())

    def _of(self, application: str) -> Pairs:
        return self._pairs.setdefault(application, Pairs())

    def _note(self, application: str, pairs: Pairs) -> None:
        changes, pairs.changes = pairs.changes, {}
        if self._file is not None and changes:
            self._unwritten |= {(application, key): pair for key, pair in changes.items()}
            self._changed.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write what changes until cancelled, and then what is left."""
        task_status.started()
        if self._file is None:
            return
        try:
            while True:
                await self._changed.wait()
                self._changed = trio.Event()
                if not await self._write(self._file):
                    await trio.sleep(RETRY_S)
                    self._changed.set()
        finally:
            with trio.move_on_after(LAST_WRITE_S, shield=True):
                await self._write(self._file)

    async def _write(self, file: PairsFile) -> bool:
        """Whether it worked; what could not be written is kept for the next time."""
        changes, self._unwritten = self._unwritten, {}
        if not changes:
            return True
        try:
            await file.write(changes)
        except trio.Cancelled:  # before the thread began: the last write is still to come
            self._put_back(changes)
            raise
        except StoreError as exc:
            self._put_back(changes)
            if self._warn is not None:
                self._warn(str(exc))
            return False
        return True

    def _put_back(self, changes: dict[tuple[str, str], Pair | None]) -> None:
        """What has changed since counts."""
        self._unwritten = {**changes, **self._unwritten}
