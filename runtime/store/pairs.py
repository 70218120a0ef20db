"""Key-value pairs of applications in the database: keys in the open, values sealed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Protocol

import attrs
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from runtime.decisions.storage import MAX_KEY, MAX_VALUE, Pair
from runtime.store.database import Database
from runtime.store.schema import pairs
from runtime.store.sealing import KeyRing
from runtime.store.vault import PAIR

Place = tuple[str, str]
"""Application and key."""
Changes = Mapping[Place, Pair | None]
"""What a pair is now; None: it is gone."""


class PairsFile(Protocol):
    """Where pairs outlive the runtime."""

    def load(self, now: float) -> dict[str, dict[str, Pair]]:
        """Those that are not over, by application and key. Blocks."""

    async def write(self, changes: Changes) -> None:
        """All or nothing. Raises StoreError."""


@attrs.frozen
class StoredPairs:
    """The pairs of a database."""

    store: Database
    ring: KeyRing

    def load(self, now: float) -> dict[str, dict[str, Pair]]:
        """Before anything runs. Raises StoreError, SealBroken."""
        return self.store.write_sync(partial(_load, ring=self.ring, now=now))

    async def write(self, changes: Changes) -> None:
        await self.store.write(partial(_write, ring=self.ring, changes=changes))


def _load(connection: Connection, ring: KeyRing, now: float) -> dict[str, dict[str, Pair]]:
    connection.execute(delete(pairs).where(pairs.c.expire <= now))
    found: dict[str, dict[str, Pair]] = {}
    for row in connection.execute(select(pairs).order_by(pairs.c.expire)):
        value = ring.open(row.sealed, (PAIR.kind, row.application, row.name))
        if len(row.name) <= MAX_KEY and len(value) <= MAX_VALUE:
            found.setdefault(row.application, {})[row.name] = Pair(row.name, value, row.expire)
    return found


def _write(connection: Connection, ring: KeyRing, changes: Changes) -> None:
    put = insert(pairs)
    put = put.on_conflict_do_update(
        index_elements=["application", "name"],
        set_={"sealed": put.excluded.sealed, "expire": put.excluded.expire},
    )
    rows = [
        {
            "application": application,
            "name": name,
            "sealed": ring.seal(pair.value, (PAIR.kind, application, name)),
            "expire": pair.expire,
        }
        for (application, name), pair in changes.items()
        if pair is not None
    ]
    if rows:
        connection.execute(put, rows)
    for (application, name), pair in changes.items():
        if pair is None:
            there = (pairs.c.application == application) & (pairs.c.name == name)
            connection.execute(delete(pairs).where(there))
