"""DATA/callstage.db: SQLite in WAL mode, always used from threads, one writer at a time.

A write is one transaction, and has happened when `write` returns: also after `kill -9`, and after a
power cut (synchronous=FULL). A read sees one moment, waits for nobody, and has a deadline.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

import attrs
import trio
from sqlalchemy import Connection, Engine, create_engine, event, exc, text

from runtime.store.schema import HEAD, metadata

FILE: Final = "callstage.db"
BUSY_S: Final = 5.0
"""Another runtime on the same data folder writes for milliseconds."""
READ_S: Final = 2.0
"""A search that is not done then asks for too much; the next one must not wait behind it."""
READERS: Final = 2
"""Searches at once: their threads take turns with the core's."""
STEPS_BETWEEN_LOOKS: Final = 20_000
"""Steps of SQLite's machine between two looks at the clock: about a millisecond."""
JOURNAL_BYTES: Final = 16 * 1024 * 1024
"""What the journal is cut back to after a burst."""
VERSION_TABLE: Final = (
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)
"""As Alembic makes it."""

T = TypeVar("T")


class StoreError(Exception):
    """The database cannot be used; str() says which file and why."""

    kind = "other"


class StoreFull(StoreError):
    """The disk has no room; nothing was changed."""

    kind = "full"


class StoreBusy(StoreError):
    """The search took too long; str() says what to do."""

    kind = "busy"


@attrs.define(eq=False)
class Database:
    """The open database. `open` it before use, `close` it at the end."""

    file: Path
    _engine: Engine
    _writing: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(1))
    _reading: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(READERS))
    errors: Counter[str] = attrs.field(factory=Counter, init=False)
    """By kind: busy, full, other."""

    @classmethod
    def open(cls, folder: Path) -> Database:
        """Make or migrate the file. Blocks; raises StoreError."""
        file = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # Custom data and numbers are nobody else's: the file is made before SQLite makes it.
            os.close(os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
            engine = _engine(file)
            _bring_up_to_date(engine)
        except OSError as why:
            raise StoreError(f"{file} cannot be used: {why.strerror}") from why
        except exc.DatabaseError as why:
            raise StoreError(f"{file} cannot be used: {why.orig}") from why
        return cls(file, engine)

    def close(self) -> None:
        self._engine.dispose()

    async def write(self, work: Callable[[Connection], T]) -> T:
        """One transaction. It is finished even when the caller is cancelled. Raises StoreError."""
        with self._counting():
            return await trio.to_thread.run_sync(self.write_sync, work, limiter=self._writing)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Raises StoreBusy after READ_S, StoreError when the file cannot be read."""
        with self._counting():
            return await trio.to_thread.run_sync(self._read, work, limiter=self._reading)

    def write_sync(self, work: Callable[[Connection], T]) -> T:
        """As `write`, where nothing runs yet."""
        with self._faults(), self._engine.begin() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            return work(connection)

    def _read(self, work: Callable[[Connection], T]) -> T:
        with self._faults(), self._engine.connect() as connection:
            driver = _driver(connection)
            deadline = time.monotonic() + READ_S
            driver.set_progress_handler(lambda: time.monotonic() > deadline, STEPS_BETWEEN_LOOKS)
            try:
                return work(connection)
            finally:
                driver.set_progress_handler(None, 0)

    @contextlib.contextmanager
    def _counting(self) -> Iterator[None]:
        """In trio's thread, whatever thread the work was done in."""
        try:
            yield
        except StoreError as why:
            self.errors[why.kind] += 1
            raise

    @contextlib.contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except exc.OperationalError as why:
            if "interrupted" in str(why.orig):
                raise StoreBusy(
                    f"the search was not done after {READ_S:g} s; narrow it by time"
                ) from why
            if getattr(why.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                raise StoreFull(f"{self.file}: {why.orig}") from why
            raise StoreError(f"{self.file}: {why.orig}") from why
        except exc.DatabaseError as why:
            raise StoreError(f"{self.file}: {why.orig}") from why


def _driver(connection: Connection) -> sqlite3.Connection:
    found: Any = connection.connection.driver_connection
    assert isinstance(found, sqlite3.Connection)
    return found


def _engine(file: Path) -> Engine:
    engine = create_engine(f"sqlite:///{file}", pool_size=READERS + 1, max_overflow=0)

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # BEGIN is ours: a writer takes its lock at once
        for setting in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={int(BUSY_S * 1000)}",
            f"journal_size_limit={JOURNAL_BYTES}",
        ):
            connection.execute(f"PRAGMA {setting}")

    return engine


def _bring_up_to_date(engine: Engine) -> None:
    with engine.connect() as connection:
        if _revision(connection) == HEAD:
            return
        connection.rollback()
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        if connection.execute(text("SELECT count(*) FROM sqlite_master")).scalar() == 0:
            _create(connection)
            connection.commit()
            return
        connection.rollback()
        migrate(connection)
        connection.commit()


def _create(connection: Connection) -> None:
    """What the migrations would make of an empty file, at once and without loading their tool,
    which takes longer than everything else that is done with the file."""
    metadata.create_all(connection)
    connection.execute(text(VERSION_TABLE))
    connection.execute(text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})


def migrate(connection: Connection) -> None:
    """Run the migrations that the file has not seen. Raises StoreError."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except Exception as why:
        raise StoreError(
            f"{connection.engine.url.database} cannot be migrated: {why}; it may be of a newer "
            "version"
        ) from why


def _revision(connection: Connection) -> str | None:
    try:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except exc.OperationalError:
        return None
