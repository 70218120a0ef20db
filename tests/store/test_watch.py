"""What a watch of the database notices: everybody's writing, and no reading."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from runtime.store import Database, StoreError
from runtime.store.tokens import add_token, delete_token, list_tokens
from runtime.store.watch import Watch

ROW = {"name": "ci", "sha256": "a" * 64, "scopes": "read", "application": "", "created_at": 1.0}


def names(connection: Connection) -> list[str]:
    return [row["name"] for row in list_tokens(connection)]


async def test_rows_are_read_once_for_each_time_that_somebody_wrote(tmp_path: Path) -> None:
    ours, others = Database.open(tmp_path), Database.open(tmp_path)
    watch = Watch(ours.file)
    first = await watch.read(names, None)
    assert first is not None
    assert first.found == []
    assert await watch.read(names, first.version) is None
    await others.read(list_tokens)
    assert await watch.read(names, first.version) is None
    await others.write(partial(add_token, row=ROW))
    second = await watch.read(names, first.version)
    assert second is not None
    assert second.found == ["ci"]
    assert await watch.read(names, second.version) is None
    await ours.write(partial(delete_token, name="ci", application=""))
    third = await watch.read(names, second.version)
    assert third is not None
    assert third.found == []
    for each in (watch, ours, others):
        each.close()


async def test_a_file_that_is_no_database_is_an_error_each_time(tmp_path: Path) -> None:
    file = tmp_path / "callstage.db"
    file.write_bytes(b"no database at all" * 100)
    watch = Watch(file)
    for _ in range(2):
        with pytest.raises(StoreError, match=r"callstage\.db"):
            await watch.read(lambda connection: connection.execute(text("SELECT 1")), None)
    watch.close()
    Watch(file).close()
