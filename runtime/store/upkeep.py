"""Keeps index and disk the same, and throws away what is older than the operator keeps.

A file goes before its row: a kill in between leaves a row without a file, which the next start
finds. Nothing is held in memory but one portion.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

import attrs
import trio
from sqlalchemy import Connection, delete, exists, select, tuple_
from sqlalchemy.dialects.sqlite import insert

from runtime.store import recordings as stored
from runtime.store.database import Database, StoreError
from runtime.store.history import close_interrupted
from runtime.store.recordings import Key
from runtime.store.runs import is_alive
from runtime.store.schema import calls, recordings, sessions

PORTION: Final = 200
"""Files or rows at a time: a transaction that holds up the history's for some milliseconds."""
ROUND_S: Final = 3_600.0
ROOM_S: Final = 10.0
"""Between looks at how much the recordings take: 1,000 calls write 40 MB of mp3 in that time."""
FULL: Final = 0.95
"""Of what they may take; the rest is for those that are being written."""
ENOUGH: Final = 0.90
"""So that not every look deletes something."""
DAY_S: Final = 86_400.0


class StillNeeded(Exception):
    """The recording belongs to a session that lives."""


@attrs.frozen(kw_only=True)
class Upkeep:
    """`begin` before sessions run, `run` beside them."""

    store: Database
    timelines: Path
    """A folder for each session."""
    recordings: Path
    find: Callable[[str, int], Path | None]
    """The file of a recording."""
    recordings_days: float
    recordings_most: int | None
    """Bytes that all may take before the oldest go; None: recordings are refused instead."""
    history_days: float
    wall_time: Callable[[], float]
    warn: Callable[[str], object]
    tell: Callable[[str], object]

    async def begin(self) -> None:
        """Sessions of a killed process are over."""
        closed = await self.store.write(lambda connection: close_interrupted(connection, is_alive))
        if closed:
            self.warn(f"{closed} sessions of a killed process are marked as interrupted")

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Index and disk once, retention every hour, room for recordings every some seconds."""
        started = self.wall_time()
        task_status.started()
        await self._guarded(self.index, started)
        while True:
            await self._guarded(self.throw_away, self.wall_time())
            with trio.move_on_after(ROUND_S):
                while True:
                    await self._guarded(self.make_room, self.wall_time())
                    await trio.sleep(ROOM_S if self.recordings_most else ROUND_S)

    async def _guarded(self, work: Callable[[float], Any], at: float) -> None:
        try:
            await work(at)
        except (StoreError, OSError) as exc:
            self.warn(f"upkeep of the data folder: {exc}")

    async def index(self, before: float) -> None:
        """Files that are older than `before` get a row; rows without a file go."""
        files = _files(self.recordings, before)
        while portion := await trio.to_thread.run_sync(lambda: list(islice(files, PORTION))):
            await self.store.write(partial(_add_missing, rows=portion))
        last: Key = ("", 0)
        while keys := await self.store.read(partial(_keys_after, after=last)):
            gone = await trio.to_thread.run_sync(self._without_file, keys)
            if gone:
                await self.store.write(partial(stored.forget, keys=gone))
            last = keys[-1]

    async def throw_away(self, now: float) -> None:
        """What is older than is kept, as of `now`."""
        await self._delete_all(
            partial(stored.expired, now=now, limit=PORTION), "kept as long as their scripts asked"
        )
        if self.recordings_days:
            moment, days = now - self.recordings_days * DAY_S, f"{self.recordings_days:g} days"
            older = partial(stored.older_than, moment=moment, limit=PORTION)
            await self._delete_all(older, f"older than {days}")
        if self.history_days:
            over = partial(_old_sessions, limit=now - self.history_days * DAY_S)
            while ids := await self.store.read(over):
                await trio.to_thread.run_sync(self._delete_timelines, ids)
                await self.store.write(partial(_forget_sessions, ids=ids))

    async def _delete_all(self, find: Callable[[Connection], list[Key]], why: str) -> None:
        gone = 0
        while keys := await self.store.read(find):
            await self._delete(keys)
            gone += len(keys)
        if gone:
            self.tell(f"{gone} recordings were deleted: {why}")

    async def make_room(self, _: float) -> None:
        """Delete the oldest recordings until they take less than they may, by a margin for those
        that are being written."""
        if self.recordings_most is None:
            return
        used = await self.store.read(stored.total_bytes)
        if used <= self.recordings_most * FULL:
            return
        gone, freed, last = 0, 0, 0.0
        while used - freed > self.recordings_most * ENOUGH:
            found = await self.store.read(lambda c: stored.oldest(c, PORTION))
            keys: list[Key] = []
            for key, size, finished_at in found:
                if used - freed > self.recordings_most * ENOUGH:
                    keys.append(key)
                    freed, last = freed + size, finished_at
            if not keys:
                break
            await self._delete(keys)
            gone += len(keys)
        if not gone:
            return
        newest = datetime.fromtimestamp(last, UTC).isoformat(timespec="seconds")
        self.tell(
            f"{gone} recordings ({freed:,} bytes, up to {newest}) were deleted to make room "
            "([data] recordings_full)"
        )

    async def delete_recording(self, session: str, number: int) -> bool:
        """Whether there was one. Raises StillNeeded while its session lives."""
        if await self.store.read(lambda c: stored.is_of_live_session(c, session)):
            raise StillNeeded(f"session {session} lives, and its script may still use it")
        there = await trio.to_thread.run_sync(self.find, session, number) is not None
        await self._delete([(session, number)])
        return there

    async def _delete(self, keys: list[Key]) -> None:
        """The files first: a kill in between leaves rows, which the next start finds."""
        await trio.to_thread.run_sync(self._delete_recordings, keys)
        await self.store.write(partial(stored.forget, keys=keys))

    def _without_file(self, keys: list[Key]) -> list[Key]:
        return [key for key in keys if self.find(*key) is None]

    def _delete_recordings(self, keys: list[Key]) -> None:
        for session, number in keys:
            path = self.find(session, number)
            if path is not None:
                path.unlink(missing_ok=True)
                if not any(path.parent.iterdir()):
                    path.parent.rmdir()

    def _delete_timelines(self, ids: list[str]) -> None:
        for session in ids:
            shutil.rmtree(self.timelines / session, ignore_errors=True)


def _files(folder: Path, before: float) -> Iterator[dict[str, Any]]:
    """Rows for the files that lie there; what is younger is still being written."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                continue
            for path in sorted(Path(entry.path).iterdir()):
                status = path.lstat()
                if path.stem.isdigit() and status.st_mtime < before:
                    yield {
                        "session_id": entry.name,
                        "number": int(path.stem),
                        "finished_at": status.st_mtime,
                        "duration_s": None,
                        "size_bytes": status.st_size,
                        "sha256": "",
                    }


def _add_missing(connection: Connection, rows: list[dict[str, Any]]) -> None:
    connection.execute(insert(recordings).on_conflict_do_nothing(), rows)


def _keys_after(connection: Connection, after: Key) -> list[Key]:
    key = tuple_(recordings.c.session_id, recordings.c.number)
    query = select(recordings.c.session_id, recordings.c.number).where(key > tuple_(*after))
    ordered = query.order_by(recordings.c.session_id, recordings.c.number)
    found = connection.execute(ordered.limit(PORTION))
    return [(session, number) for session, number in found]


def _old_sessions(connection: Connection, limit: float) -> list[str]:
    """Over, begun before `limit`, and without recordings, which are found by their session."""
    kept = exists().where(recordings.c.session_id == sessions.c.id)
    old = (sessions.c.started_at < limit) & sessions.c.duration_s.is_not(None) & ~kept
    query = select(sessions.c.id).where(old).order_by(sessions.c.started_at).limit(PORTION)
    return list(connection.execute(query).scalars())


def _forget_sessions(connection: Connection, ids: list[str]) -> None:
    connection.execute(delete(calls).where(calls.c.session_id.in_(ids)))
    connection.execute(delete(sessions).where(sessions.c.id.in_(ids)))
