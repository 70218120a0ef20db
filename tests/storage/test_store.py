"""The application's pairs and their file: what was put is there after a restart."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import trio

from runtime.decisions.storage import Pair
from runtime.storage import ApplicationStore, StorageError, StorageFile

NOW = 1_000_000.0


def store_in(path: Path) -> ApplicationStore:
    return ApplicationStore(StorageFile(path), wall_time=lambda: NOW)


async def test_what_was_put_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "data" / "storage.sqlite3"
    store = store_in(path)
    async with trio.open_nursery() as nursery:
        await nursery.start(store.run)
        store.put("a", "1", 100, most=10)
        store.put("gone", "1", 100, most=10)
        store.put("over", "1", 0, most=10)
        store.remove("gone")
        nursery.cancel_scope.cancel()
    again = store_in(path)
    assert again.get("a") == Pair("a", "1", int(NOW) + 100)
    assert again.keys("*", 10) == ["a"]


async def test_a_disk_that_fails_costs_a_warning_and_is_tried_again(
    tmp_path: Path,
) -> None:
    path, warned = tmp_path / "storage.sqlite3", trio.Event()
    warnings: list[str] = []

    def warn(text: str) -> None:
        warnings.append(text)
        warned.set()

    store = ApplicationStore(StorageFile(path), wall_time=lambda: NOW, warn=warn)
    path.unlink()
    path.mkdir()
    async with trio.open_nursery() as nursery:
        await nursery.start(store.run)
        store.put("a", "1", 100, most=10)
        await warned.wait()
        path.rmdir()
        nursery.cancel_scope.cancel()
    assert warnings[0].startswith(f"cannot write {path}")
    assert store_in(path).keys("*", 10) == ["a"]


def test_a_file_that_is_no_database_is_a_fault_of_the_start(tmp_path: Path) -> None:
    path = tmp_path / "storage.sqlite3"
    path.write_text("no database " * 100)
    with pytest.raises(StorageError, match=r"cannot read .*: file is not a database"):
        store_in(path)


def test_rows_that_somebody_else_wrote_too_long_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "storage.sqlite3"
    store_in(path)
    with sqlite3.connect(path) as database:
        row = ("k" * 201, "v", int(NOW) + 10)
        database.execute("INSERT INTO pairs VALUES (?, ?, ?)", row)
    assert store_in(path).keys("*", 10) == []


async def test_without_a_file_nothing_is_kept_for_one() -> None:
    store = ApplicationStore(wall_time=lambda: NOW)
    store.put("a", "1", 100, most=10)
    with trio.fail_after(5):
        await store.run()
    assert store.remove("a") == Pair("a", "1", int(NOW) + 100)
