"""The database file: made, migrated, written, read within a deadline, never half."""

from __future__ import annotations

import re
import sqlite3
import stat
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, insert, select, text

from runtime.store import Database, StoreBusy, StoreError, StoreFull
from runtime.store import database as database_module
from runtime.store.schema import HEAD, metadata, tokens

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"


def add_token(connection: Connection, name: str) -> None:
    row = {"name": name, "sha256": name, "scopes": "read", "created_at": 1.0}
    connection.execute(insert(tokens), row)


async def test_what_was_written_is_there_when_the_file_is_opened_again(tmp_path: Path) -> None:
    store = Database.open(tmp_path)
    await store.write(lambda connection: add_token(connection, "ci"))
    store.close()
    again = Database.open(tmp_path)
    assert await again.read(lambda c: c.execute(select(tokens.c.name)).scalars().all()) == ["ci"]
    again.close()


async def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    store = Database.open(tmp_path)

    def two(connection: Connection) -> None:
        add_token(connection, "first")
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        await store.write(two)
    assert await store.read(lambda c: c.execute(select(tokens.c.name)).scalars().all()) == []
    store.close()


async def test_a_reader_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    store = Database.open(tmp_path)
    other = sqlite3.connect(store.file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert await store.read(lambda c: c.execute(select(tokens.c.name)).scalars().all()) == []
    other.execute("ROLLBACK")
    other.close()
    store.close()


async def test_a_search_without_end_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "READ_S", 0.05)
    store = Database.open(tmp_path)
    with pytest.raises(StoreBusy, match="narrow it by time"):
        await store.read(lambda connection: connection.execute(text(ENDLESS)).scalar())
    assert await store.read(lambda c: c.execute(text("SELECT 1")).scalar()) == 1
    assert store.errors == {"busy": 1}
    store.close()


def tables_of(connection: Connection) -> dict[str, list[str]]:
    """The words of each table and index, whatever the order of their clauses."""
    rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
    return {name: sorted(re.findall(r"\w+", sql)) for name, sql in rows}


def test_the_migrations_make_the_tables_that_queries_see(tmp_path: Path) -> None:
    store = Database.open(tmp_path)
    with store._engine.connect() as connection:
        made_at_once = tables_of(connection)
    store.close()
    engine = create_engine(f"sqlite:///{tmp_path / 'migrated.db'}")
    with engine.connect() as connection:
        database_module.migrate(connection)
        connection.commit()
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert tables_of(connection) == made_at_once
    engine.dispose()
    folder = Path(database_module.__file__).with_name("migrations")
    assert ScriptDirectory(str(folder)).get_current_head() == HEAD


async def test_a_full_disk_is_told_as_such_and_changes_nothing(tmp_path: Path) -> None:
    store = Database.open(tmp_path)

    def overflow(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")  # those that there are
        connection.exec_driver_sql("CREATE TABLE more AS SELECT zeroblob(9999999) AS it")

    with pytest.raises(StoreFull):
        await store.write(overflow)
    found = "SELECT name FROM sqlite_master WHERE name = 'more'"
    assert (await store.read(lambda c: c.exec_driver_sql(found).fetchall())) == []
    assert store.errors == {"full": 1}
    store.close()


def test_only_its_owner_may_read_the_file(tmp_path: Path) -> None:
    store = Database.open(tmp_path / "data")
    assert stat.S_IMODE(store.file.stat().st_mode) == 0o600
    store.close()


def test_a_file_that_is_no_database_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "callstage.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match=r"callstage\.db cannot be used"):
        Database.open(tmp_path)


def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    store = Database.open(tmp_path)
    store.write_sync(lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    store.close()
    with pytest.raises(StoreError, match="newer version"):
        Database.open(tmp_path)


def test_a_database_of_the_first_version_is_migrated_with_what_it_holds(tmp_path: Path) -> None:
    store = Database.open(tmp_path)
    store.write_sync(lambda connection: add_token(connection, "ci"))
    folder = str(Path(database_module.__file__).with_name("migrations"))
    added = ("secrets", "pairs", "users", "numbers", "mailboxes")

    def as_it_was(connection: Connection) -> None:
        for table in added:
            connection.execute(text(f"DROP TABLE {table}"))
        connection.execute(text("DROP INDEX calls_by_result"))
        connection.execute(text("ALTER TABLE tokens DROP COLUMN application"))
        connection.execute(text("DROP INDEX recordings_by_expiry"))
        for column in ("name", "expires_at"):
            connection.execute(text(f"ALTER TABLE recordings DROP COLUMN {column}"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))

    store.write_sync(as_it_was)
    store.close()
    again = Database.open(tmp_path)
    names = again.write_sync(lambda c: c.execute(select(tokens.c.name)).scalars().all())
    assert names == ["ci"]
    with again._engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    assert ScriptDirectory(folder).get_revision("0002").down_revision == "0001"
    assert ScriptDirectory(folder).get_revision("0003").down_revision == "0002"
    assert ScriptDirectory(folder).get_revision("0004").down_revision == "0003"
    assert ScriptDirectory(folder).get_revision("0005").down_revision == "0004"
    again.close()
