"""The key ring of a database, and all rows that were sealed with it.

At the start what an older key sealed is sealed anew, so that the older key can be taken away. A key
that is missing is told before anything is served; nothing is ever overwritten because of it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import attrs
from sqlalchemy import Column, ColumnElement, Connection, Table, delete, func, select, update

from runtime.store.database import Database
from runtime.store.key_file import FILE, make_ring, read_ring
from runtime.store.schema import pairs, secrets, users
from runtime.store.sealing import MARK_BYTES, KeyFault, KeyRing, sealed_with


@attrs.frozen
class KeySource:
    """What the operator said: the key itself, a file, or nothing (a file in the data folder)."""

    text: str = attrs.field(default="", repr=False)
    file: Path | None = None


@attrs.frozen
class Sealed:
    """A table with a sealed column; the place of a value is the kind and the row's key."""

    kind: str
    table: Table
    key: tuple[Column[str], ...]


SECRET: Final = Sealed("secret", secrets, (secrets.c.application, secrets.c.name))
PAIR: Final = Sealed("pair", pairs, (pairs.c.application, pairs.c.name))
USER: Final = Sealed("user", users, (users.c.name,))
_ALL: Final = (SECRET, PAIR, USER)


def open_ring(store: Database, source: KeySource, tell: Callable[[str], object]) -> KeyRing:
    """The keys, after everything in the database was sealed with the first of them.

    Blocks, before anything runs. Raises KeyFault when a key is missing or is none, StoreError.
    """
    ring = _find_ring(store, source)
    missing = store.write_sync(lambda connection: _unknown_keys(connection, ring))
    if missing:
        raise KeyFault(
            f"{store.file} was sealed with the key {', '.join(missing)}, which is not in "
            f"{ring.source}: put it back, as a further line; or, if it is lost, give up what it "
            "sealed: callstage key forget"
        )
    renewed = store.write_sync(lambda connection: _reseal(connection, ring))
    if renewed:
        tell(f"{renewed} values were sealed anew with the first key of {ring.source}")
    if len(ring.keys) > 1:
        tell(f"{ring.source} has {len(ring.keys)} keys; only the first is needed now")
    return ring


def _find_ring(store: Database, source: KeySource) -> KeyRing:
    if source.text:
        return KeyRing.parse(source.text, "[data] key")
    file = source.file or store.file.with_name(FILE)
    try:
        return read_ring(file)
    except FileNotFoundError:
        held = store.write_sync(_count)
    if held:
        raise KeyFault(
            f"{store.file} holds {held} sealed values, and the key file {file} is missing: put it "
            "back; or, if it is lost, give up what it sealed: callstage key forget"
        )
    if source.file is not None:
        raise KeyFault(f"the key file {file} is missing; make one: callstage key new > {file}")
    return make_ring(file)


def forget(connection: Connection, ring: KeyRing | None) -> dict[str, int]:
    """Delete what does not open with the ring (None: everything that is sealed), by kind."""
    gone: dict[str, int] = {}
    for each in _ALL:
        lost = [key for key, sealed in _rows(connection, each) if not (ring and ring.knows(sealed))]
        for key in lost:
            connection.execute(delete(each.table).where(*_is(each, key)))
        gone[each.kind] = len(lost)
    return gone


def _count(connection: Connection) -> int:
    counted = (select(func.count()).select_from(each.table) for each in _ALL)
    return sum(connection.execute(query).scalar() or 0 for query in counted)


def _unknown_keys(connection: Connection, ring: KeyRing) -> list[str]:
    unknown: set[str] = set()
    for each in _ALL:
        for sealed in connection.execute(select(_mark(each)).distinct()).scalars():
            if not ring.knows(sealed):
                unknown.add(sealed_with(sealed).hex() or "(of another version)")
    return sorted(unknown)


def _mark(each: Sealed) -> ColumnElement[bytes]:
    return func.substr(each.table.c.sealed, 1, MARK_BYTES)


def _reseal(connection: Connection, ring: KeyRing) -> int:
    renewed = 0
    for each in _ALL:
        for key, sealed in _rows(connection, each, _mark(each) != ring.mark):
            place = (each.kind, *key)
            value = ring.seal(ring.open(sealed, place), place)
            connection.execute(update(each.table).where(*_is(each, key)).values(sealed=value))
            renewed += 1
    return renewed


def _rows(
    connection: Connection, each: Sealed, *conditions: ColumnElement[bool]
) -> list[tuple[tuple[str, ...], bytes]]:
    """Keys and sealed values."""
    columns: list[Column[Any]] = [*each.key, each.table.c.sealed]
    found = connection.execute(select(*columns).where(*conditions))
    return [(tuple(row[:-1]), row[-1]) for row in found]


def _is(each: Sealed, key: tuple[str, ...]) -> list[ColumnElement[bool]]:
    return [column == part for column, part in zip(each.key, key, strict=True)]
