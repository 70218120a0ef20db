"""Sessions over HTTP: the list, one of them, its timeline (whole or followed live), its end."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import attrs
import trio
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse

from runtime.control.problem import Problem
from runtime.session.registry import SessionRegistry
from runtime.session.timeline import Timeline

SESSION_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
JSON_LINES: Final = "application/jsonl"


def session_id(request: Request) -> str:
    """The id in the path; whatever is no id cannot be a session, nor a file name."""
    found = str(request.path_params["session"])
    if not SESSION_ID.fullmatch(found):
        raise unknown_session(found)
    return found


def unknown_session(found: str) -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, f"no session is called {found[:64]!r}")


@attrs.frozen
class Sessions:
    registry: SessionRegistry
    folder: Path

    async def listing(self, _: Request) -> Response:
        views = [attrs.asdict(view) for view in self.registry.sessions()]
        return JSONResponse({"sessions": views})

    async def refusals(self, _: Request) -> Response:
        views = [attrs.asdict(view) for view in self.registry.refusals()]
        return JSONResponse({"refusals": views})

    async def one(self, request: Request) -> Response:
        found = session_id(request)
        view = self.registry.get(found)
        if view is None:
            raise unknown_session(found)
        return JSONResponse(attrs.asdict(view))

    async def terminate(self, request: Request) -> Response:
        found = session_id(request)
        if not self.registry.terminate(found, "ended over HTTP"):
            raise unknown_session(found)
        return Response(status_code=HTTPStatus.ACCEPTED)

    async def timeline(self, request: Request) -> Response:
        """JSON lines: the whole file, or with `?follow=1` what is kept and then live lines."""
        found = session_id(request)
        live = self.registry.timeline(found)
        if request.query_params.get("follow") in ("1", "true") and live is not None:
            return StreamingResponse(_lines(live), media_type=JSON_LINES)
        file = self.folder / found / "timeline.jsonl"
        if await trio.to_thread.run_sync(file.is_file):
            return FileResponse(file, media_type=JSON_LINES)
        if live is None:
            raise unknown_session(found)
        text = "".join(entry.to_json() + "\n" for entry in live.entries)
        return Response(text, media_type=JSON_LINES)


async def _lines(timeline: Timeline) -> AsyncIterator[str]:
    async with timeline.follow() as entries:
        async for entry in entries:
            yield entry.to_json() + "\n"


def read_timeline(file: Path) -> list[dict[str, Any]]:
    """The entries of a timeline file; a line that was cut by a crash is left out."""
    entries: list[dict[str, Any]] = []
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entries.append(json.loads(line))
        except ValueError:
            continue
    return entries
