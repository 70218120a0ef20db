"""Recordings over HTTP: listed, fetched whole or by range at their URL, deleted."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import attrs
import trio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runtime.control.file_answer import file_answer
from runtime.control.history import read_value
from runtime.control.problem import Problem
from runtime.control.scopes import caller_of
from runtime.control.sessions import session_id
from runtime.decisions.problems import Http
from runtime.store import Database, StoreError
from runtime.store import recordings as stored
from runtime.store.search import BadCursor
from runtime.store.upkeep import StillNeeded

MEDIA_TYPES: Final = {
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
}
SEARCH: Final = ("since", "until", "after", "limit")
USUAL_LIMIT: Final = 50
MAX_NUMBER: Final = 9
"""Digits of a recording's number."""
NUMBER: Final = re.compile(rf"[1-9][0-9]{{0,{MAX_NUMBER - 1}}}")


@attrs.frozen
class Recordings:
    find: Callable[[str, int], Path | None]
    store: Database
    delete_file: Callable[[str, int], Awaitable[bool]]
    """Raises StillNeeded."""

    async def one(self, request: Request) -> Response:
        session, number = _place(request)
        found = await trio.to_thread.run_sync(self.find, session, number)
        if found is None:
            raise _unknown(session, number)
        answer = await file_answer(request, found, MEDIA_TYPES[found.suffix])
        name = ""
        with contextlib.suppress(StoreError):  # the file is what was asked for
            name = await self.store.read(partial(stored.name_of, session_id=session, number=number))
        if name and answer.status_code < HTTPStatus.BAD_REQUEST:
            answer.headers["content-disposition"] = f"inline; filename*=UTF-8''{quote(name, '')}"
        return answer

    async def of_session(self, request: Request) -> Response:
        rows = await self.store.read(partial(stored.of_session, session_id=session_id(request)))
        return JSONResponse({"recordings": [_shown(row) for row in rows]})

    async def search(self, request: Request) -> Response:
        """Of all sessions, newest first."""
        wanted = _read_search(request.query_params)
        wanted["application"] = caller_of(request).application
        try:
            rows, following = await self.store.read(lambda c: stored.page(c, **wanted))
        except BadCursor as exc:
            raise _bad_search([("after", str(exc))]) from exc
        return JSONResponse({"recordings": [_shown(row) for row in rows], "next": following})

    async def delete(self, request: Request) -> Response:
        """409 while the session lives."""
        session, number = _place(request)
        try:
            there = await self.delete_file(session, number)
        except StillNeeded as exc:
            raise Problem(Http.STILL_NEEDED, str(exc)) from exc
        except OSError as exc:
            what = f"it cannot be deleted: {exc.strerror}"
            raise Problem(Http.NOT_DELETED, what) from exc
        if not there:
            raise _unknown(session, number)
        return Response(status_code=HTTPStatus.NO_CONTENT)


def _place(request: Request) -> tuple[str, int]:
    """Raises Problem."""
    session, number = session_id(request), str(request.path_params["number"])
    if not NUMBER.fullmatch(number):
        raise _unknown(session, number[:MAX_NUMBER])
    return session, int(number)


def _unknown(session: str, number: int | str) -> Problem:
    return Problem(Http.NO_RECORDING, f"session {session} has no recording number {number}")


def _read_search(given: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {"since": None, "until": None, "after": "", "limit": USUAL_LIMIT}
    faults: list[tuple[str, str]] = []
    for name, text in given.items():
        try:
            if name not in SEARCH:
                raise ValueError(f"is no parameter; there are {', '.join(SEARCH)}")
            values[name] = read_value(name, text)
        except ValueError as exc:
            faults.append((name[:64], str(exc)))
    if faults:
        raise _bad_search(faults)
    return values


def _bad_search(faults: list[tuple[str, str]]) -> Problem:
    return Problem(Http.BAD_SEARCH, "the search cannot be made", errors=faults)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "path": f"/api/v1/sessions/{row['session_id']}/recordings/{row['number']}"}
