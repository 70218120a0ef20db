"""The file of the pairs: one SQLite table, opened anew for each write."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from runtime.decisions.storage import MAX_KEY, MAX_VALUE, Pair

BUSY_S: Final = 1.0
"""For somebody who looks into the file meanwhile."""
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS pairs "
    "(key TEXT PRIMARY KEY, value TEXT NOT NULL, expire INTEGER NOT NULL) WITHOUT ROWID"
)


class StorageError(Exception):
    """The file cannot be read or written; says which and why."""


class StorageFile:
    """Blocking: to be called from a thread, or before anything else runs."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self, now: float) -> dict[str, Pair]:
        """The pairs that are not over yet. Raises StorageError."""
        with self._open("read") as database:
            database.execute("DELETE FROM pairs WHERE expire <= ?", (now,))
            rows = database.execute("SELECT key, value, expire FROM pairs ORDER BY expire")
            return {
                key: Pair(key, value, expire)
                for key, value, expire in rows
                if len(key) <= MAX_KEY and len(value) <= MAX_VALUE
            }

    def write(self, changes: Mapping[str, Pair | None]) -> None:
        """All or nothing. Raises StorageError."""
        with self._open("write") as database:
            for key, pair in changes.items():
                if pair is None:
                    database.execute("DELETE FROM pairs WHERE key = ?", (key,))
                else:
                    row = (pair.key, pair.value, pair.expire)
                    database.execute("INSERT OR REPLACE INTO pairs VALUES (?, ?, ?)", row)

    @contextlib.contextmanager
    def _open(self, what: str) -> Iterator[sqlite3.Connection]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(self._path, timeout=BUSY_S)
            try:
                with database:
                    database.execute(_TABLE)
                    yield database
            finally:
                database.close()
        except (sqlite3.Error, OSError) as exc:
            raise StorageError(f"cannot {what} {self._path}: {exc}") from exc
