"""`callstage key`: made, renewed, given up, as an operator types it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from runtime.cli import app
from runtime.store import Database
from runtime.store.key_file import read_ring
from runtime.store.sealing import KeyRing
from runtime.store.vault import KeySource, open_ring


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder that a runtime has used."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data"
    store = Database.open(folder)
    open_ring(store, KeySource(), pytest.fail)
    store.close()
    return folder


def asked(*words: str) -> Any:
    done = CliRunner().invoke(app, ["key", *words, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_new_key_is_one_for_a_key_file() -> None:
    made = asked("new")
    assert KeyRing.parse(made["key"], "the test").keys[0].id.hex() == made["id"]


def test_a_rotation_puts_a_new_key_first(data: Path) -> None:
    [before] = read_ring(data / "callstage.key").keys
    made = asked("rotate", "--data", str(data))
    keys = read_ring(data / "callstage.key").keys
    assert [key.id.hex() for key in keys] == [made["id"], before.id.hex()]


def test_a_key_of_the_environment_is_not_rotated_here(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", asked("new")["key"])
    file = data.parent / "callstage.toml"
    file.write_text('[data]\nkey_env = "MY_KEY"\n')
    done = CliRunner().invoke(app, ["key", "rotate", "--config", str(file)])
    assert done.exit_code == 2
    assert "put a new one there" in done.stderr


def test_what_a_lost_key_sealed_is_deleted_and_counted(data: Path) -> None:
    (data / "callstage.key").unlink()
    assert asked("forget", "--data", str(data)) == {"deleted": {"secret": 0, "pair": 0, "user": 0}}


def test_without_a_key_file_there_is_nothing_to_rotate(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["key", "rotate", "--data", str(tmp_path)])
    assert (done.exit_code, "there is no key file" in done.stderr) == (2, True)
