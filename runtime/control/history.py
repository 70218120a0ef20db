"""The history over HTTP: sessions that were, found by custom data, number, time and result."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, get_args

import attrs
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runtime.control.problem import Problem
from runtime.control.scopes import caller_of
from runtime.control.sessions import session_id
from runtime.decisions.problems import Http
from runtime.session.history import CallResult
from runtime.store import Database
from runtime.store.search import MAX_PAGE, BadCursor, Wanted, find, find_one

MAX_VALUE: Final = 8_192
"""Of one parameter: as long as custom data may be."""
COUNT: Final = re.compile(r"[0-9]{1,9}")
MAX_TIME: Final = 24
"""Characters of seconds since the epoch."""
_TIMES: Final = ("since", "until")


@attrs.frozen
class History:
    store: Database

    async def search(self, request: Request) -> Response:
        wanted, caller = read_wanted(request.query_params), caller_of(request)
        if not caller.reaches(wanted.application):
            if wanted.application:
                return JSONResponse({"sessions": [], "next": ""})
            wanted = attrs.evolve(wanted, application=caller.application)
        try:
            page = await self.store.read(partial(find, wanted=wanted))
        except BadCursor as exc:
            raise Problem(
                Http.BAD_SEARCH, "the search cannot be made", errors=[("after", str(exc))]
            ) from exc
        return JSONResponse({"sessions": page.sessions, "next": page.next})

    async def one(self, request: Request) -> Response:
        found = session_id(request)
        row = await self.store.read(partial(find_one, session_id=found))
        if row is None:
            raise Problem(Http.NO_SESSION, f"the history has no session {found!r}")
        return JSONResponse(row)


def read_wanted(given: Mapping[str, str]) -> Wanted:
    """The parameters of a search. Raises Problem with everything that is wrong."""
    fields = {field.name for field in attrs.fields(Wanted)}
    values: dict[str, Any] = {}
    faults: list[tuple[str, str]] = []
    for name, text in given.items():
        try:
            if name not in fields:
                raise ValueError(f"is no parameter; there are {', '.join(sorted(fields))}")
            values[name] = read_value(name, text)
        except ValueError as exc:
            faults.append((name[:64], str(exc)))
    if faults:
        raise Problem(Http.BAD_SEARCH, "the search cannot be made", errors=faults)
    return Wanted(**values)


def read_value(name: str, text: str) -> Any:
    """Of one parameter. Raises ValueError."""
    if len(text) > MAX_VALUE:
        raise ValueError(f"has {len(text)} characters, the limit is {MAX_VALUE}")
    if name in _TIMES:
        return read_time(text)
    if name == "limit":
        if not (COUNT.fullmatch(text) and 1 <= int(text) <= MAX_PAGE):
            raise ValueError(f"must be a number from 1 to {MAX_PAGE}")
        return int(text)
    if name == "result" and text not in get_args(CallResult):
        raise ValueError(f"must be one of {', '.join(get_args(CallResult))}")
    return text


def read_time(text: str) -> float:
    """Seconds since the epoch, or ISO 8601; without a zone it is UTC. Raises ValueError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        if text.isascii() and text.replace(".", "", 1).isdigit() and len(text) <= MAX_TIME:
            return float(text)
        raise ValueError(
            "must be a time such as 2026-05-01T08:00:00Z, or seconds since 1970"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
