"""The HTTP interface: the handlers, the table of requests, and the gate before them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import attrs
import trio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from runtime.applications import Applications, Refused
from runtime.applications.secrets import ApplicationSecrets
from runtime.applications.users import ApplicationUsers
from runtime.control.access import AccessDoor
from runtime.control.answered import Answered, Counting
from runtime.control.applications import ApplicationsDoor, on_refused
from runtime.control.auth import AccessRule, Gate
from runtime.control.figures import Figures
from runtime.control.health import Health
from runtime.control.history import History
from runtime.control.live import LiveFeed
from runtime.control.metrics import Metrics
from runtime.control.openapi import document
from runtime.control.problem import (
    PAGES,
    Problem,
    on_fault,
    on_http_exception,
    on_problem,
    on_store_busy,
    on_store_full,
)
from runtime.control.problems import one_problem
from runtime.control.rates import Rates
from runtime.control.reach import Bounds
from runtime.control.recordings import Recordings
from runtime.control.registrations import Registrations
from runtime.control.routes import API, Doors, Endpoint, Table, endpoints
from runtime.control.secrets import Secrets
from runtime.control.sessions import Sessions
from runtime.control.tokens import TokenBook, Tokens
from runtime.control.users import UsersDoor
from runtime.decisions.limits import Limits
from runtime.session.registry import SessionRegistry
from runtime.store import Database, StoreBusy, StoreFull, search


@attrs.frozen(kw_only=True)
class ControlParts:
    """What the HTTP interface shows."""

    registry: SessionRegistry
    loopback: bool
    """Whether only this machine can reach it; then nobody needs a token."""
    tokens: TokenBook
    rates: Rates
    timelines: Path
    """The folder with a folder for each session."""
    recording: Callable[[str, int], Path | None]
    """The file of a session's recording."""
    delete_recording: Callable[[str, int], Awaitable[bool]]
    store: Database
    live: LiveFeed
    applications: Applications | None
    """None where nothing may be uploaded."""
    secrets: ApplicationSecrets
    users: ApplicationUsers
    state: Callable[[], dict[str, Any]]
    """Facts for /healthz beside the sessions: listeners, engine, sandbox."""
    figures: Callable[[], Figures] = Figures
    """For /metrics beside sessions and requests."""
    caught_up: Callable[[], Awaitable[object]] = trio.lowlevel.checkpoint
    """Waits until the history has what began before."""
    access_bytes: int = Limits().access_request_bytes
    """The largest body at an access URL."""
    registrations: Callable[[], list[dict[str, object]]] = list
    """Where users can be reached, for /api/v1/registrations."""


def build_app(parts: ControlParts) -> ASGIApp:
    answered = Answered()
    table = build_table(parts, answered)
    app = Starlette(
        routes=table.routes,
        exception_handlers={
            Problem: on_problem,
            HTTPException: on_http_exception,
            Refused: on_refused,
            StoreBusy: on_store_busy,
            StoreFull: on_store_full,
            Exception: on_fault,
        },
    )
    app.router.redirect_slashes = False  # by a name that the client has sent
    rule = AccessRule(loopback=parts.loopback, owner=parts.tokens.owner, rates=parts.rates)
    door = AccessDoor(Gate(app, rule, table), parts.registry.access, parts.access_bytes)
    return Counting(door, answered)


def build_table(parts: ControlParts, answered: Answered) -> Table:
    """All requests, that for the document about them included."""
    doors = Doors(
        health=Health(parts.registry, parts.state),
        metrics=Metrics(parts.registry, parts.figures, answered),
        sessions=Sessions(parts.registry, parts.timelines, parts.caught_up),
        recordings=Recordings(parts.recording, parts.store, parts.delete_recording),
        registrations=Registrations(parts.registrations, parts.users),
        history=History(parts.store),
        live=parts.live,
        applications=ApplicationsDoor(parts.applications),
        secrets=Secrets(parts.secrets),
        users=UsersDoor(parts.users),
        tokens=Tokens(parts.tokens),
    )

    async def described(_: Request) -> Response:
        return JSONResponse(document(table, metadata.version("callstage")))

    async def application_of(session: str) -> str | None:
        live = parts.registry.get(session)
        if live is not None:
            return live.application
        return await parts.store.read(partial(search.application_of, session_id=session))

    description = Endpoint(
        method="GET",
        path=f"{API}/openapi.json",
        handler=described,
        summary="This document",
        is_own=True,
    )
    explanation = Endpoint(
        method="GET",
        path=f"{PAGES}{{problem}}",
        handler=one_problem,
        summary="What is known of a numbered problem",
        scope=None,
    )
    table = Table((*endpoints(doors), description, explanation), Bounds(application_of))
    return table
