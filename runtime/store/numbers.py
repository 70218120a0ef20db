"""Numbers in the database: which application each belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.sqlite import insert

from runtime.store.schema import numbers


def list_numbers(connection: Connection) -> list[dict[str, Any]]:
    """All of them, in order."""
    found = connection.execute(select(numbers).order_by(numbers.c.number)).mappings()
    return [dict(row) for row in found]


def put_number(connection: Connection, row: Mapping[str, Any]) -> None:
    """Set or replace."""
    statement = insert(numbers).values(dict(row))
    replaced = statement.on_conflict_do_update(index_elements=["number"], set_=dict(row))
    connection.execute(replaced)


def delete_number(connection: Connection, number: str) -> None:
    connection.execute(delete(numbers).where(numbers.c.number == number))
