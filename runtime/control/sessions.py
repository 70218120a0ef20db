"""Sessions over HTTP: the list, one of them, its timeline (whole or followed live), its end."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import attrs
import trio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from runtime.applications.reading import is_text
from runtime.config.settings import MAX_CUSTOM_DATA
from runtime.control.bodies import json_body
from runtime.control.growing import file_so_far
from runtime.control.live import EVENT_STREAM, event_stream, head_of_stream
from runtime.control.problem import Problem
from runtime.control.reach import unknown_session
from runtime.control.scopes import caller_of
from runtime.decisions.problems import Http
from runtime.session.registry import SessionRefused, SessionRegistry
from runtime.session.timeline import Timeline

SESSION_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
JSON_LINES: Final = "application/jsonl"
BUSY: Final = 503
RETRY_AFTER_S: Final = 10
"""What is told who asks for a session that has no room now."""


def session_id(request: Request) -> str:
    """The id in the path; whatever is no id cannot be a session, nor a file name."""
    found = str(request.path_params["session"])
    if not SESSION_ID.fullmatch(found):
        raise unknown_session(found)
    return found


@attrs.frozen
class Sessions:
    registry: SessionRegistry
    folder: Path
    caught_up: Callable[[], Awaitable[object]]
    """Waits until the history has what began before."""

    async def listing(self, request: Request) -> Response:
        caller, live = caller_of(request), self.registry.sessions()
        views = [attrs.asdict(view) for view in live if caller.reaches(view.application)]
        return JSONResponse({"sessions": views})

    async def refusals(self, _: Request) -> Response:
        views = [attrs.asdict(view) for view in self.registry.refused.views()]
        return JSONResponse({"refusals": views})

    async def one(self, request: Request) -> Response:
        found = session_id(request)
        view = self.registry.get(found)
        if view is None:
            raise unknown_session(found)
        return JSONResponse(attrs.asdict(view))

    async def start(self, request: Request) -> Response:
        """A session without a caller; 201 with where its script can be reached. Who is told of it
        finds it in the history, whatever happens to this process."""
        app = str(request.path_params["app"])
        scenario, custom_data = _wanted(await json_body(request))
        try:
            view = await self.registry.start(scenario, custom_data, app)
        except SessionRefused as exc:
            headers = {"retry-after": str(RETRY_AFTER_S)} if exc.kind.status == BUSY else {}
            raise Problem(exc.kind, exc.reason, headers=headers) from exc
        await self.caught_up()
        url = self.registry.access_url(view.id)
        body = {"session_id": view.id, "access_url": url, "version": view.version}
        return JSONResponse(body, HTTPStatus.CREATED)

    async def terminate(self, request: Request) -> Response:
        found = session_id(request)
        if not self.registry.terminate(found, "ended over HTTP"):
            raise unknown_session(found)
        return Response(status_code=HTTPStatus.ACCEPTED)

    async def timeline(self, request: Request) -> Response:
        """JSON lines: the whole file, or with `?follow=1` what is kept and then live lines.

        With `Accept: text/event-stream`, live as server-sent events.
        """
        found = session_id(request)
        live = self.registry.timeline(found)
        as_events = EVENT_STREAM in request.headers.get("accept", "")
        if live is not None and (as_events or request.query_params.get("follow") in ("1", "true")):
            if request.method == "HEAD":
                return head_of_stream(EVENT_STREAM if as_events else JSON_LINES)
            if as_events:
                return event_stream(live.follow, lambda entry: (entry.kind, entry.to_json()))
            return StreamingResponse(_lines(live), media_type=JSON_LINES)
        file = self.folder / found / "timeline.jsonl"
        if await trio.to_thread.run_sync(file.is_file):
            return await file_so_far(file, JSON_LINES)
        if live is None:
            raise unknown_session(found)
        text = "".join(entry.to_json() + "\n" for entry in live.entries)
        return Response(text, media_type=JSON_LINES)


async def _lines(timeline: Timeline) -> AsyncIterator[str]:
    async with timeline.follow() as entries:
        async for entry in entries:
            yield entry.to_json() + "\n"


def _wanted(body: Any) -> tuple[str, str]:
    """Scenario and custom data. Raises Problem with everything that is wrong."""
    given = body if isinstance(body, dict) else {}
    unknown = sorted(given.keys() - {"scenario", "customData"})[:10]
    faults = [(key[:64], "is not known; there are scenario, customData") for key in unknown]
    scenario, data = given.get("scenario"), given.get("customData", "")
    if not isinstance(scenario, str) or not scenario:
        faults.append(("scenario", "must be the name of a scenario"))
    if not isinstance(data, str) or not is_text(data):
        faults.append(("customData", "must be a text"))
    elif len(data.encode()) > MAX_CUSTOM_DATA:
        faults.append(("customData", f"has more than {MAX_CUSTOM_DATA} bytes, the limit"))
    if faults:
        raise Problem(Http.BAD_FIELDS, "the session is not started", errors=faults)
    return str(scenario), str(data)


def read_timeline(file: Path) -> list[dict[str, Any]]:
    """The entries of a timeline file; a line that was cut by a crash is left out."""
    entries: list[dict[str, Any]] = []
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entries.append(json.loads(line))
        except ValueError:
            continue
    return entries
