"""The pairs of the application, in memory, for all its sessions; a file follows them.

Scripts are answered from memory at once. What they changed is written by one task, in a thread,
together with what changes meanwhile; after a crash of the machine the last moment may be missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import trio

from runtime.decisions.storage import Pair, Pairs
from runtime.storage.file import StorageError, StorageFile

LAST_WRITE_S: Final = 5.0
"""What is not on a disk by then stays unwritten when the runtime stops."""
RETRY_S: Final = 10.0
"""Between attempts to write to a disk that is full or gone."""


class ApplicationStore:
    """Pairs with their time to live."""

    def __init__(
        self,
        file: StorageFile | None = None,
        *,
        wall_time: Callable[[], float] = time.time,
        warn: Callable[[str], object] | None = None,
    ) -> None:
        """Without a file everything is gone with the runtime. Raises StorageError for a file that
        cannot be read."""
        self._file = file
        self._wall_time = wall_time
        self._warn = warn
        self._pairs = Pairs(file.load(wall_time()) if file is not None else None)
        self._changed = trio.Event()

    def put(self, key: str, value: str, ttl_s: int, most: int) -> Pair:
        """Raises StorageFull when there are `most` already."""
        pair = self._pairs.put(key, value, ttl_s, self._wall_time(), most)
        self._note()
        return pair

    def get(self, key: str) -> Pair | None:
        return self._pairs.get(key, self._wall_time())

    def remove(self, key: str) -> Pair | None:
        """What was there."""
        pair = self._pairs.remove(key, self._wall_time())
        self._note()
        return pair

    def keys(self, pattern: str, most: int) -> list[str]:
        return self._pairs.keys(pattern, most, self._wall_time())

    def _note(self) -> None:
        if self._file is None:
            self._pairs.changes.clear()
        elif self._pairs.changes:
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
                    self._note()
        finally:
            with trio.move_on_after(LAST_WRITE_S, shield=True):
                await self._write(self._file)

    async def _write(self, file: StorageFile) -> bool:
        """Whether it worked; what could not be written is kept for the next time."""
        changes, self._pairs.changes = self._pairs.changes, {}
        if not changes:
            return True
        try:
            await trio.to_thread.run_sync(file.write, changes)
        except trio.Cancelled:  # before the thread began: the last write is still to come
            self._put_back(changes)
            raise
        except StorageError as exc:
            self._put_back(changes)
            if self._warn is not None:
                self._warn(str(exc))
            return False
        return True

    def _put_back(self, changes: dict[str, Pair | None]) -> None:
        """What has changed since counts."""
        self._pairs.changes = {**changes, **self._pairs.changes}
