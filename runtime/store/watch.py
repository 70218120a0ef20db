"""Whether anybody has written to the database: this runtime, or another one on the same folder.

SQLite counts the commits of others for each connection (`PRAGMA data_version`), in memory that all
processes share: asking costs microseconds and reads no rows. So it is a connection of its own,
which never writes, has a thread at a time, and waits behind no search.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, Generic, TypeVar

import attrs
import trio
from sqlalchemy import Connection, Engine, StaticPool, create_engine, exc

from runtime.store.database import StoreError

PATIENCE_S: Final = 1.0
"""A lock that the count needs is held for microseconds; longer while a journal is recovered."""

T = TypeVar("T")


@attrs.frozen
class Seen(Generic[T]):
    """What was read, and the count at that moment or before."""

    version: int
    found: T


@attrs.define(eq=False)
class Watch:
    """One reader's view of the file; `close` it at the end."""

    file: Path
    _engine: Engine | None = attrs.field(default=None, init=False)
    _asking: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(1), init=False)

    async def read(self, work: Callable[[Connection], T], known: int | None) -> Seen[T] | None:
        """None when nothing was written since `known`. Raises StoreError."""
        look = partial(self._read, work, known)
        return await trio.to_thread.run_sync(look, limiter=self._asking)

    def close(self) -> None:
        if self._engine is not None:
            self._engine.dispose()

    def _read(self, work: Callable[[Connection], T], known: int | None) -> Seen[T] | None:
        try:
            if self._engine is None:
                self._engine = _engine(self.file)
            with self._engine.connect() as connection:
                # Before the rows: what is written in between is read the next time.
                version = int(connection.exec_driver_sql("PRAGMA data_version").scalar_one())
                return None if version == known else Seen(version, work(connection))
        except exc.DatabaseError as why:
            raise StoreError(f"{self.file}: {why.orig}") from why


def _engine(file: Path) -> Engine:
    """The count is the connection's own, which is never replaced."""

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            file, timeout=PATIENCE_S, isolation_level=None, check_same_thread=False
        )

    return create_engine("sqlite://", creator=connect, poolclass=StaticPool)
