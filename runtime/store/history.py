"""Writes the history: pictures of sessions, calls and recordings, beside the calls.

Pictures wait in one bounded queue, the newest of each thing; one task writes them in transactions
of many. A broken disk costs history, which is counted and reported, and never a call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import attrs
import trio
from sqlalchemy import Connection, Table, update
from sqlalchemy.dialects.sqlite import insert

from runtime.session.history import CallPicture, RecordingPicture, SessionPicture
from runtime.store.database import Database, StoreError
from runtime.store.schema import calls, recordings, sessions

GATHER_S: Final = 0.02
"""Pictures of one moment go into one transaction; short enough that nobody finds a call missing."""
MAX_WAITING: Final = 20_000
"""Things; a disk that is a minute behind at 100 calls a second will not catch up."""
BATCH: Final = 500
"""Rows in a transaction: some 10 ms of a thread, in pieces that let the core run between."""
RETRY_S: Final = 1.0
LAST_WRITE_S: Final = 5.0
"""How long the end of the program waits for the disk."""
CATCH_UP_S: Final = 1.0
"""How long an answer that names something new waits for it to be written."""
MAX_TEXT: Final = 1_000
"""Characters of a number, a name or a reason that a peer or a script chose."""

Picture = SessionPicture | CallPicture | RecordingPicture


class HistoryWriter:
    """The registry's `history`. `run` it in the core."""

    def __init__(
        self,
        store: Database,
        run: str,
        wall_time: Callable[[], float],
        warn: Callable[[str], object],
    ) -> None:
        """`run` names this process among all that ever used the file (runs.py)."""
        self._store = store
        self._run = run
        self._wall_time = wall_time
        self._warn = warn
        self._waiting: dict[tuple[object, ...], tuple[Table, dict[str, Any]]] = {}
        self._filled = trio.Event()
        self._put_count = 0
        self._written_count = 0
        """Of those put, all up to here are written."""
        self._rounds = trio.lowlevel.ParkingLot()
        self._lost = 0
        self._in_trouble = False

    def session(self, picture: SessionPicture) -> None:
        self._put(sessions, (picture.id,), {**attrs.asdict(picture), "run": self._run})

    def call(self, picture: CallPicture) -> None:
        self._put(calls, (picture.id,), attrs.asdict(picture))

    def recording(self, picture: RecordingPicture) -> None:
        key = {"session_id": picture.session_id, "number": picture.number}
        now, keep_s = self._wall_time(), picture.keep_s
        done = {
            "finished_at": now,
            **attrs.asdict(picture.result),
            "name": picture.name,
            "expires_at": None if keep_s is None else now + keep_s,
        }
        self._put(recordings, tuple(key.values()), {**key, **done})

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write until cancelled, then what is still waiting."""
        task_status.started()
        try:
            while True:
                await self._filled.wait()
                await trio.sleep(RETRY_S if self._in_trouble else GATHER_S)
                await self._write()
        finally:
            with trio.move_on_after(LAST_WRITE_S, shield=True):
                while self._waiting and not self._in_trouble:
                    await self._write()

    async def caught_up(self) -> None:
        """Return when all that was pictured before is written; a disk that is slow, or takes none,
        is not waited for."""
        goal = self._put_count
        with trio.move_on_after(CATCH_UP_S):
            while self._written_count < goal and not self._in_trouble:
                await self._rounds.park()

    def _put(self, table: Table, key: tuple[object, ...], row: dict[str, Any]) -> None:
        place = (table.name, *key)
        if place not in self._waiting and len(self._waiting) >= MAX_WAITING:
            self._lost += 1
            return
        self._waiting[place] = (table, {name: _bounded(name, row[name]) for name in row})
        self._put_count += 1
        self._filled.set()

    async def _write(self) -> None:
        batch = dict(list(self._waiting.items())[:BATCH])
        for place in batch:
            del self._waiting[place]
        reached = self._written_count if self._waiting else self._put_count
        try:
            await self._store.write(lambda connection: _put_rows(connection, list(batch.values())))
        except StoreError as exc:
            # What changed meanwhile is newer than what could not be written.
            self._waiting = {**batch, **self._waiting}
            self._report(str(exc))
        else:
            self._written_count = reached
            self._report("")
        finally:
            self._rounds.unpark_all()
        if not self._waiting:
            self._filled = trio.Event()

    def _report(self, error: str) -> None:
        """Once when it begins and once when it is over."""
        if error and not self._in_trouble:
            self._warn(f"history is not written: {error}; calls go on")
        elif self._in_trouble and not error:
            lost, self._lost = self._lost, 0
            self._warn(f"history is written again; {lost} pictures were lost")
        self._in_trouble = bool(error)


def close_interrupted(connection: Connection, alive: Callable[[str], bool]) -> int:
    """Sessions and calls whose process is gone are over; how many sessions that were."""
    open_runs = connection.execute(
        sessions.select().with_only_columns(sessions.c.run).where(sessions.c.duration_s.is_(None))
    )
    gone = {run for run in open_runs.scalars() if not alive(run)}
    closed = 0
    for run in gone:
        lost = sessions.c.duration_s.is_(None) & (sessions.c.run == run)
        ids = sessions.select().with_only_columns(sessions.c.id).where(lost)
        connection.execute(
            update(calls)
            .where(calls.c.result == "live", calls.c.session_id.in_(ids))
            .values(result="interrupted", reason="the runtime was killed")
        )
        closed += connection.execute(
            update(sessions)
            .where(lost)
            .values(duration_s=0.0, end_cause="interrupted", end_detail="the runtime was killed")
        ).rowcount
    return closed


def _put_rows(connection: Connection, rows: Sequence[tuple[Table, dict[str, Any]]]) -> None:
    for table in (sessions, calls, recordings):
        values = [row for its_table, row in rows if its_table is table]
        if not values:
            continue
        statement = insert(table)
        keys = [column.name for column in table.primary_key]
        changed = {name: statement.excluded[name] for name in values[0] if name not in keys}
        connection.execute(
            statement.on_conflict_do_update(index_elements=keys, set_=changed), values
        )


def _bounded(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    # Custom data has its own limit, where it is set. Half a character cannot be stored.
    text = value if name == "custom_data" else value[:MAX_TEXT]
    return text.encode("utf-8", "replace").decode()
