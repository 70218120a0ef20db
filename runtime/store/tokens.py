"""Tokens in the database: a name, scopes, and the SHA-256; the token itself is nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from runtime.store.schema import tokens


def list_tokens(connection: Connection) -> list[Mapping[str, Any]]:
    return [dict(row) for row in connection.execute(select(tokens)).mappings()]


def add_token(connection: Connection, row: Mapping[str, Any]) -> bool:
    """Whether the name was free."""
    if connection.execute(select(tokens.c.name).where(tokens.c.name == row["name"])).first():
        return False
    connection.execute(insert(tokens), dict(row))
    return True


def delete_token(connection: Connection, name: str, application: str) -> bool:
    """Whether there was one, of this application unless that is empty."""
    drop = delete(tokens).where(tokens.c.name == name)
    if application:
        drop = drop.where(tokens.c.application == application)
    return connection.execute(drop).rowcount > 0
