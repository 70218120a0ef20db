"""The pairs of applications and their rows: what was put is there after a restart, sealed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from sqlalchemy import insert

from runtime.decisions import storage as decisions
from runtime.decisions.storage import Pair, StorageFull
from runtime.storage import ApplicationStore
from runtime.storage import store as store_module
from runtime.store import Database, StoreError
from runtime.store.pairs import Changes, StoredPairs
from runtime.store.schema import pairs
from runtime.store.sealing import Key, KeyRing

NOW = 1_000_000.0
RING = KeyRing((Key(b"k" * 32),), "the test")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(tmp_path)
    yield opened
    opened.close()


def store_in(database: Database) -> ApplicationStore:
    return ApplicationStore(StoredPairs(database, RING), wall_time=lambda: NOW)


async def test_what_was_put_is_there_after_a_restart(database: Database) -> None:
    store = store_in(database)
    async with trio.open_nursery() as nursery:
        await nursery.start(store.run)
        store.put("shop", "a", "a rare value", 100, most=10)
        store.put("shop", "gone", "1", 100, most=10)
        store.put("shop", "over", "1", 0, most=10)
        store.remove("shop", "gone")
        nursery.cancel_scope.cancel()
    again = store_in(database)
    assert again.get("shop", "a") == Pair("a", "a rare value", int(NOW) + 100)
    assert again.keys("shop", "*", 10) == ["a"]
    database.close()
    assert b"a rare value" not in database.file.read_bytes()


def test_no_application_sees_the_pairs_of_another() -> None:
    store = ApplicationStore(wall_time=lambda: NOW)
    store.put("shop", "a", "1", 100, most=1)
    store.put("bank", "a", "2", 100, most=1)
    assert store.remove("bank", "a") == Pair("a", "2", int(NOW) + 100)
    assert store.get("shop", "a") == Pair("a", "1", int(NOW) + 100)
    assert store.keys("bank", "*", 10) == []


def test_all_applications_together_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert store_module.MAX_ALL_PAIRS == decisions.MAX_ALL_PAIRS
    monkeypatch.setattr(store_module, "MAX_ALL_PAIRS", 2)
    store = ApplicationStore(wall_time=lambda: NOW)
    store.put("shop", "a", "1", 100, most=10)
    store.put("bank", "a", "1", 100, most=10)
    with pytest.raises(StorageFull, match="the machine's limit"):
        store.put("bank", "b", "1", 100, most=10)
    assert store.put("bank", "a", "2", 100, most=10).value == "2"


class BrokenOnce:
    """A disk that fails the first time."""

    def __init__(self, file: StoredPairs) -> None:
        self._file = file
        self._broken = True

    def load(self, now: float) -> dict[str, dict[str, Pair]]:
        return self._file.load(now)

    async def write(self, changes: Changes) -> None:
        if self._broken:
            self._broken = False
            raise StoreError("callstage.db: the disk is full")
        await self._file.write(changes)


async def test_a_disk_that_fails_costs_a_warning_and_is_tried_again(database: Database) -> None:
    warned, warnings = trio.Event(), list[str]()

    def warn(text: str) -> None:
        warnings.append(text)
        warned.set()

    file = BrokenOnce(StoredPairs(database, RING))
    store = ApplicationStore(file, wall_time=lambda: NOW, warn=warn)
    async with trio.open_nursery() as nursery:
        await nursery.start(store.run)
        store.put("shop", "a", "1", 100, most=10)
        await warned.wait()
        nursery.cancel_scope.cancel()
    assert warnings == ["callstage.db: the disk is full"]
    assert store_in(database).keys("shop", "*", 10) == ["a"]


def test_rows_that_somebody_else_wrote_too_long_are_left_out(database: Database) -> None:
    name = "k" * 201
    row = {
        "application": "shop",
        "name": name,
        "sealed": RING.seal("v", ("pair", "shop", name)),
        "expire": int(NOW) + 10,
    }
    database.write_sync(lambda connection: connection.execute(insert(pairs), row))
    assert store_in(database).keys("shop", "*", 10) == []


async def test_without_a_file_nothing_is_kept_for_one() -> None:
    store = ApplicationStore(wall_time=lambda: NOW)
    store.put("shop", "a", "1", 100, most=10)
    with trio.fail_after(5):
        await store.run()
    assert store.remove("shop", "a") == Pair("a", "1", int(NOW) + 100)
