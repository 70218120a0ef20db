"""Secrets of applications in the database: names and hosts in the open, values sealed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import attrs
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from runtime.store.schema import secrets
from runtime.store.sealing import KeyRing
from runtime.store.vault import SECRET


@attrs.frozen(kw_only=True)
class StoredSecret:
    application: str
    name: str
    value: str = attrs.field(repr=False)
    hosts: Sequence[str]
    changed_at: float
    """Seconds since the epoch."""
    changed_by: str


def list_secrets(connection: Connection, ring: KeyRing) -> list[StoredSecret]:
    """Of all applications, by name. Raises KeyFault, SealBroken."""
    query = select(secrets).order_by(secrets.c.application, secrets.c.name)
    return [_opened(row, ring) for row in connection.execute(query).mappings()]


def put_secret(connection: Connection, ring: KeyRing, new: StoredSecret) -> bool:
    """Set or replace it; whether it is a new one."""
    there = (secrets.c.application == new.application) & (secrets.c.name == new.name)
    is_new = connection.execute(select(secrets.c.name).where(there)).first() is None
    place = (SECRET.kind, new.application, new.name)
    statement = insert(secrets).values(
        application=new.application,
        name=new.name,
        sealed=ring.seal(new.value, place),
        hosts=json.dumps(list(new.hosts)),
        changed_at=new.changed_at,
        changed_by=new.changed_by,
    )
    given = ("sealed", "hosts", "changed_at", "changed_by")
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["application", "name"],
            set_={name: statement.excluded[name] for name in given},
        )
    )
    return is_new


def delete_secret(connection: Connection, application: str, name: str) -> bool:
    """Whether there was one."""
    there = (secrets.c.application == application) & (secrets.c.name == name)
    return connection.execute(delete(secrets).where(there)).rowcount > 0


def _opened(row: Any, ring: KeyRing) -> StoredSecret:
    place = (SECRET.kind, row["application"], row["name"])
    return StoredSecret(
        application=row["application"],
        name=row["name"],
        value=ring.open(row["sealed"], place),
        hosts=tuple(json.loads(row["hosts"])),
        changed_at=row["changed_at"],
        changed_by=row["changed_by"],
    )
