"""Users of applications in the database; what their passwords became is sealed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs
from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from runtime.store.schema import mailboxes, users
from runtime.store.sealing import KeyRing
from runtime.store.vault import USER


@attrs.frozen(kw_only=True)
class StoredUser:
    name: str
    application: str
    realm: str = ""
    """The secrets are good for this one alone."""
    secrets: Mapping[str, str] = attrs.field(repr=False)
    """H(A1) by algorithm (RFC 7616 3.4.2), in hexadecimal."""
    display_name: str
    max_contacts: int
    changed_at: float
    """Seconds since the epoch."""


def list_users(connection: Connection, ring: KeyRing) -> list[StoredUser]:
    """Of all applications, by name. Raises KeyFault, SealBroken."""
    query = select(users).order_by(users.c.name)
    return [_opened(row, ring) for row in connection.execute(query).mappings()]


def put_user(connection: Connection, ring: KeyRing, new: StoredUser) -> None:
    """Set or replace."""
    kept = json.dumps({"realm": new.realm, "secrets": dict(new.secrets)})
    values = {
        "name": new.name,
        "application": new.application,
        "sealed": ring.seal(kept, (USER.kind, new.name)),
        "display_name": new.display_name,
        "max_contacts": new.max_contacts,
        "changed_at": new.changed_at,
    }
    statement = insert(users).values(values)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))


def delete_user(connection: Connection, name: str) -> None:
    """And what was said of its mailbox."""
    connection.execute(delete(mailboxes).where(mailboxes.c.user == name))
    connection.execute(delete(users).where(users.c.name == name))


def _opened(row: Any, ring: KeyRing) -> StoredUser:
    kept = json.loads(ring.open(row["sealed"], (USER.kind, row["name"])))
    given = {key: row[key] for key in row if key != "sealed"}
    return StoredUser(**given, realm=kept["realm"], secrets=kept["secrets"])
