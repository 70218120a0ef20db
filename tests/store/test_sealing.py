"""Sealed values: they open in their place, with their key, and nowhere else."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from runtime.store.key_file import add_key, make_ring, read_ring
from runtime.store.sealing import Key, KeyFault, KeyRing, SealBroken

OLD, NEW = Key(b"o" * 32), Key(b"n" * 32)
PLACE = ("secret", "shop", "crm")
VALUE = "top-secret-value"


def ring(*keys: Key) -> KeyRing:
    return KeyRing(keys, "the test")


def test_a_value_opens_in_its_place_and_is_not_seen_in_what_is_stored() -> None:
    sealed = ring(OLD).seal(VALUE, PLACE)
    assert VALUE.encode() not in sealed
    assert ring(OLD).open(sealed, PLACE) == VALUE
    assert ring(OLD).seal(VALUE, PLACE) != sealed


@pytest.mark.parametrize("place", [("secret", "shop", "other"), ("secret", "shopcrm", "")])
def test_a_row_that_was_moved_does_not_open(place: tuple[str, ...]) -> None:
    sealed = ring(OLD).seal(VALUE, PLACE)
    with pytest.raises(SealBroken, match="was changed outside of this program"):
        ring(OLD).open(sealed, place)


def test_a_changed_byte_is_seen() -> None:
    sealed = bytearray(ring(OLD).seal(VALUE, PLACE))
    sealed[-1] ^= 1
    with pytest.raises(SealBroken):
        ring(OLD).open(bytes(sealed), PLACE)


def test_older_keys_open_and_the_first_one_seals() -> None:
    sealed = ring(OLD).seal(VALUE, PLACE)
    both = ring(NEW, OLD)
    assert both.open(sealed, PLACE) == VALUE
    assert ring(NEW).open(both.seal(VALUE, PLACE), PLACE) == VALUE
    with pytest.raises(KeyFault, match=f"the test has not the key {OLD.id.hex()}"):
        ring(NEW).open(sealed, PLACE)


def test_a_key_is_in_no_repr() -> None:
    assert OLD.text not in repr(ring(OLD))
    assert "oooo" not in repr(OLD)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has 0 keys"),
        ("# only a comment\n", "has 0 keys"),
        (f"{OLD.text}\nhunter2\n", "a key is 32 bytes in base64"),
        (f"{OLD.text}\n" * 17, "has 17 keys; give 1 to 16"),
    ],
)
def test_a_text_that_is_no_key_is_refused_and_not_repeated(text: str, says: str) -> None:
    with pytest.raises(KeyFault, match=says) as told:
        KeyRing.parse(text, "the test")
    assert "hunter2" not in str(told.value)


def test_a_key_file_is_its_owners_alone_and_made_once(tmp_path: Path) -> None:
    file = tmp_path / "callstage.key"
    made = make_ring(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert make_ring(file) == made == read_ring(file)
    assert [each.name for each in tmp_path.iterdir()] == ["callstage.key"]


def test_a_key_file_that_everybody_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "callstage.key"
    make_ring(file)
    file.chmod(0o644)
    with pytest.raises(KeyFault, match="chmod 600"):
        read_ring(file)


def test_rotation_puts_a_new_key_before_the_old_one(tmp_path: Path) -> None:
    file = tmp_path / "callstage.key"
    before = make_ring(file)
    key = add_key(file)
    assert read_ring(file).keys == (key, *before.keys)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
