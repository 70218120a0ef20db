"""Finding sessions in the history: by custom data, number, time and result, newest first.

A page at a time: the next one begins where the last ended, however much was added meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import attrs
from sqlalchemy import Connection, Select, and_, exists, func, or_, select, tuple_

from runtime.store.schema import calls, recordings, sessions

MAX_PAGE: Final = 200
"""Sessions in an answer: some milliseconds of the core to write it down."""
MAX_CALLS: Final = 1_000
"""Calls in an answer; a shared session may have had many callers."""
USUAL_RESULT: Final = "answered"
_CURSOR: Final = re.compile(r"(\d{1,12}(?:\.\d{1,20})?)~([A-Za-z0-9_-]{1,64})")


class BadCursor(ValueError):
    """The `after` of a search is none that a page gave."""


@attrs.frozen(kw_only=True)
class Wanted:
    """What to look for; None and "" = anything. All that is given must be so."""

    application: str = ""
    scenario: str = ""
    number: str = ""
    """Of one of its calls: dialled, or calling."""
    custom_data: str = ""
    """The whole custom data of the session or of one of its calls."""
    custom_data_contains: str = ""
    result: str = ""
    """Of one of its calls: live, answered, failed or interrupted."""
    end_cause: str = ""
    since: float | None = None
    until: float | None = None
    """Seconds since the epoch; when the session began."""
    after: str = ""
    """`next` of the page before."""
    limit: int = 50


@attrs.frozen
class Page:
    """Sessions as they go to the client, and where the next page begins ("" at the end)."""

    sessions: list[dict[str, Any]]
    next: str


def find(connection: Connection, wanted: Wanted) -> Page:
    """Raises BadCursor."""
    limit = min(wanted.limit, MAX_PAGE)
    query = select(sessions).order_by(sessions.c.started_at.desc(), sessions.c.id.desc())
    rows = connection.execute(_filtered(query, wanted).limit(limit + 1)).mappings().all()
    found = [_shown(row) for row in rows[:limit]]
    _add_parts(connection, found)
    more = len(rows) > limit
    return Page(found, f"{found[-1]['started_at']!r}~{found[-1]['id']}" if more else "")


def find_one(connection: Connection, session_id: str) -> dict[str, Any] | None:
    """One session with its calls and recordings."""
    row = connection.execute(select(sessions).where(sessions.c.id == session_id)).mappings().first()
    if row is None:
        return None
    found = _shown(row)
    _add_parts(connection, [found])
    return found


def application_of(connection: Connection, session_id: str) -> str | None:
    """Whose a session is."""
    query = select(sessions.c.application).where(sessions.c.id == session_id)
    return connection.execute(query).scalar()


def _filtered(query: Select[Any], wanted: Wanted) -> Select[Any]:
    s, c = sessions.c, calls.c
    conditions: list[Any] = []
    for column, value in ((s.application, wanted.application), (s.scenario, wanted.scenario)):
        if value:
            conditions.append(column == value)
    if wanted.end_cause:
        conditions.append(s.end_cause == wanted.end_cause)
    if wanted.number:
        conditions.append(_by_call(or_(c.number == wanted.number, c.callerid == wanted.number)))
    if wanted.result == USUAL_RESULT:
        # Most sessions have one: looked for from the sessions on, which ends at the page's end.
        conditions.append(exists().where(and_(c.session_id == s.id, c.result == wanted.result)))
    elif wanted.result:
        conditions.append(_by_call(c.result == wanted.result))
    if wanted.custom_data:
        whole = wanted.custom_data
        conditions.append(or_(s.custom_data == whole, _by_call(c.custom_data == whole)))
    if wanted.custom_data_contains:
        part = wanted.custom_data_contains
        within = and_(c.session_id == s.id, func.instr(c.custom_data, part) > 0)
        conditions.append(or_(func.instr(s.custom_data, part) > 0, exists().where(within)))
    if wanted.since is not None:
        conditions.append(s.started_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(s.started_at < wanted.until)
    if wanted.after:
        conditions.append(tuple_(s.started_at, s.id) < tuple_(*_cursor(wanted.after)))
    return query.where(*conditions)


def _by_call(condition: Any) -> Any:
    """From the calls to their sessions, so that the index of the calls is used."""
    return sessions.c.id.in_(select(calls.c.session_id).where(condition))


def _cursor(text: str) -> tuple[float, str]:
    match = _CURSOR.fullmatch(text)
    if match is None:
        raise BadCursor("give the `next` of a page, unchanged")
    return float(match[1]), match[2]


def _shown(row: Any) -> dict[str, Any]:
    found: dict[str, Any] = {name: value for name, value in row.items() if name != "run"}
    return {**found, "calls": [], "recordings": []}


def _add_parts(connection: Connection, found: Sequence[dict[str, Any]]) -> None:
    by_id = {each["id"]: each for each in found}
    for table, key, order in (
        (calls, "calls", calls.c.started_at),
        (recordings, "recordings", recordings.c.number),
    ):
        query = select(table).where(table.c.session_id.in_(list(by_id)))
        for row in connection.execute(query.order_by(order).limit(MAX_CALLS)).mappings():
            part = dict(row)
            by_id[part.pop("session_id")][key].append(part)
