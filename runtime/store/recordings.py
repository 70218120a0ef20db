"""Recordings in the index: found page by page, the oldest first to go, never those still needed."""

from __future__ import annotations

import re
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, delete, exists, func, select, tuple_

from runtime.store.schema import recordings, sessions
from runtime.store.search import BadCursor

MAX_PAGE: Final = 200
Key = tuple[str, int]
"""Session and number."""
_CURSOR: Final = re.compile(r"(\d{1,12}(?:\.\d{1,20})?)~([A-Za-z0-9_-]{1,64})~(\d{1,9})")


def of_session(connection: Connection, session_id: str) -> list[dict[str, Any]]:
    """In order."""
    query = select(recordings).where(recordings.c.session_id == session_id)
    found = connection.execute(query.order_by(recordings.c.number)).mappings()
    return [dict(row) for row in found]


def page(
    connection: Connection,
    *,
    since: float | None,
    until: float | None,
    after: str,
    limit: int,
    application: str = "",
) -> tuple[list[dict[str, Any]], str]:
    """Of all sessions, or of those of an application, newest first, and where the next page
    begins. Raises BadCursor."""
    r = recordings.c
    query = select(recordings).order_by(r.finished_at.desc(), r.session_id.desc(), r.number.desc())
    if application:
        own = exists().where(sessions.c.id == r.session_id, sessions.c.application == application)
        query = query.where(own)
    if since is not None:
        query = query.where(r.finished_at >= since)
    if until is not None:
        query = query.where(r.finished_at < until)
    if after:
        match = _CURSOR.fullmatch(after)
        if match is None:
            raise BadCursor("give the `next` of a page, unchanged")
        place = (float(match[1]), match[2], int(match[3]))
        query = query.where(tuple_(r.finished_at, r.session_id, r.number) < tuple_(*place))
    limit = min(limit, MAX_PAGE)
    rows = [dict(row) for row in connection.execute(query.limit(limit + 1)).mappings()]
    last = rows[limit - 1] if len(rows) > limit else None
    following = f"{last['finished_at']!r}~{last['session_id']}~{last['number']}" if last else ""
    return rows[:limit], following


def total_bytes(connection: Connection) -> int:
    return connection.execute(select(func.sum(recordings.c.size_bytes))).scalar() or 0


def oldest(connection: Connection, limit: int) -> list[tuple[Key, int, float]]:
    """Key, size and time of those that may go, the oldest first."""
    r = recordings.c
    query = select(r.session_id, r.number, r.size_bytes, r.finished_at).where(~_of_live_session())
    found = connection.execute(query.order_by(r.finished_at).limit(limit))
    return [((row.session_id, row.number), row.size_bytes, row.finished_at) for row in found]


def older_than(connection: Connection, moment: float, limit: int) -> list[Key]:
    """Those that were finished before `moment` and may go, the oldest first."""
    r = recordings.c
    query = select(r.session_id, r.number).where(r.finished_at < moment, ~_of_live_session())
    found = connection.execute(query.order_by(r.finished_at).limit(limit))
    return [(session, number) for session, number in found]


def expired(connection: Connection, now: float, limit: int) -> list[Key]:
    """Those whose scripts wanted them no longer than this, and that may go."""
    r = recordings.c
    query = select(r.session_id, r.number).where(r.expires_at < now, ~_of_live_session())
    found = connection.execute(query.order_by(r.expires_at).limit(limit))
    return [(session, number) for session, number in found]


def name_of(connection: Connection, session_id: str, number: int) -> str:
    """What it is saved as; empty while it is not known."""
    key = (recordings.c.session_id == session_id) & (recordings.c.number == number)
    return connection.execute(select(recordings.c.name).where(key)).scalar() or ""


def is_of_live_session(connection: Connection, session_id: str) -> bool:
    live = (sessions.c.id == session_id) & sessions.c.duration_s.is_(None)
    return connection.execute(select(sessions.c.id).where(live)).first() is not None


def forget(connection: Connection, keys: list[Key]) -> None:
    """After their files."""
    key = tuple_(recordings.c.session_id, recordings.c.number)
    connection.execute(delete(recordings).where(key.in_(keys)))


def _of_live_session() -> ColumnElement[bool]:
    """It may still be played, or be written: its script has its URL."""
    return exists().where(sessions.c.id == recordings.c.session_id, sessions.c.duration_s.is_(None))
