"""The keys of a database: made, missed, renewed, given up."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from runtime.store import Database
from runtime.store.key_file import add_key, make_ring
from runtime.store.sealing import KeyFault, KeyRing
from runtime.store.secrets import StoredSecret, list_secrets, put_secret
from runtime.store.vault import KeySource, forget, open_ring

VALUE = "top-secret-value"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(tmp_path)
    yield opened
    opened.close()


def keep(store: Database, ring: KeyRing, name: str = "crm") -> None:
    new = StoredSecret(
        application="shop",
        name=name,
        value=VALUE,
        hosts=["api.example"],
        changed_at=1.0,
        changed_by="ci",
    )
    store.write_sync(partial(put_secret, ring=ring, new=new))


def kept(store: Database, ring: KeyRing) -> list[tuple[str, str]]:
    found = store.write_sync(partial(list_secrets, ring=ring))
    return [(each.name, each.value) for each in found]


def opened(store: Database, source: KeySource | None = None) -> tuple[KeyRing, list[str]]:
    said: list[str] = []
    return open_ring(store, source or KeySource(), said.append), said


def test_a_key_is_made_beside_the_database_and_found_again(store: Database, tmp_path: Path) -> None:
    ring, said = opened(store)
    assert (tmp_path / "callstage.key").is_file()
    keep(store, ring)
    again, _ = opened(store)
    assert (kept(store, again), said) == ([("crm", VALUE)], [])


def test_no_value_can_be_read_from_the_files(store: Database, tmp_path: Path) -> None:
    ring, _ = opened(store)
    keep(store, ring)
    store.close()
    for file in tmp_path.iterdir():
        assert VALUE.encode() not in file.read_bytes()


def test_a_missing_key_file_is_told_and_none_is_made(store: Database, tmp_path: Path) -> None:
    ring, _ = opened(store)
    keep(store, ring)
    (tmp_path / "callstage.key").unlink()
    with pytest.raises(KeyFault, match=r"holds 1 sealed values, and the key file .* is missing"):
        opened(store)
    assert not (tmp_path / "callstage.key").exists()


def test_a_wrong_key_is_told_by_its_name(store: Database, tmp_path: Path) -> None:
    ring, _ = opened(store)
    keep(store, ring)
    (tmp_path / "callstage.key").unlink()
    make_ring(tmp_path / "callstage.key")
    with pytest.raises(KeyFault, match=f"sealed with the key {ring.keys[0].id.hex()}, which is"):
        opened(store)


def test_after_a_rotation_everything_is_sealed_anew(store: Database, tmp_path: Path) -> None:
    ring, _ = opened(store)
    keep(store, ring, "one")
    keep(store, ring, "two")
    file = tmp_path / "callstage.key"
    key = add_key(file)
    _, said = opened(store)
    assert said[0] == f"2 values were sealed anew with the first key of the key file {file}"
    file.write_text(key.text + "\n")
    alone, said = opened(store)
    assert (kept(store, alone), said) == ([("one", VALUE), ("two", VALUE)], [])


def test_what_a_lost_key_sealed_can_be_given_up(store: Database, tmp_path: Path) -> None:
    ring, _ = opened(store)
    keep(store, ring)
    (tmp_path / "callstage.key").unlink()
    gone = store.write_sync(lambda connection: forget(connection, None))
    assert gone == {"secret": 1, "pair": 0, "user": 0}
    fresh, _ = opened(store)
    assert kept(store, fresh) == []


def test_the_operators_file_is_used_and_never_made(store: Database, tmp_path: Path) -> None:
    file = tmp_path / "elsewhere.key"
    with pytest.raises(KeyFault, match=r"elsewhere\.key is missing; make one: callstage key new"):
        opened(store, KeySource(file=file))
    made = make_ring(file)
    ring, _ = opened(store, KeySource(file=file))
    assert ring.keys == made.keys
    given, _ = opened(store, KeySource(text=made.keys[0].text))
    assert given.keys == made.keys
    assert not (tmp_path / "callstage.key").exists()
