"""How many messages wait in the mailboxes of users, in the database."""

from __future__ import annotations

import attrs
from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from runtime.store.schema import mailboxes


@attrs.frozen(kw_only=True)
class StoredMailbox:
    user: str
    new: int
    """Messages that nobody has heard yet."""
    old: int
    changed_at: float
    """Seconds since the epoch."""


def list_mailboxes(connection: Connection) -> list[StoredMailbox]:
    rows = connection.execute(select(mailboxes).order_by(mailboxes.c.user)).mappings()
    return [StoredMailbox(**row) for row in rows]


def put_mailbox(connection: Connection, new: StoredMailbox) -> None:
    """Set or replace."""
    values = attrs.asdict(new)
    statement = insert(mailboxes).values(values)
    connection.execute(statement.on_conflict_do_update(index_elements=["user"], set_=values))
