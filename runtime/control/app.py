"""The HTTP interface: which path leads to which handler; calls are reached by the registry only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import ASGIApp

from runtime.control.auth import AccessRule, Gate
from runtime.control.health import Health
from runtime.control.history import History
from runtime.control.problem import (
    Problem,
    on_http_exception,
    on_problem,
    on_store_busy,
    on_store_error,
)
from runtime.control.recordings import Recordings
from runtime.control.sessions import Sessions
from runtime.session.registry import SessionRegistry
from runtime.store import Database, StoreBusy, StoreError

API = "/api/v1"


@attrs.frozen(kw_only=True)
class ControlParts:
    """What the HTTP interface shows."""

    registry: SessionRegistry
    access: AccessRule
    timelines: Path
    """The folder with a folder for each session."""
    recording: Callable[[str, int], Path | None]
    """The file of a session's recording."""
    store: Database
    state: Callable[[], dict[str, Any]]
    """Facts for /healthz beside the sessions: listeners, engine, sandbox."""


def build_app(parts: ControlParts) -> ASGIApp:
    health = Health(parts.registry, parts.state)
    sessions = Sessions(parts.registry, parts.timelines)
    recordings = Recordings(parts.recording)
    history = History(parts.store)
    one = f"{API}/sessions/{{session}}"
    routes = [
        Route("/healthz", health.healthz),
        Route("/readyz", health.readyz),
        Route(f"{API}/sessions", sessions.listing),
        Route(f"{API}/refusals", sessions.refusals),
        Route(f"{API}/history", history.search),
        Route(f"{API}/history/{{session}}", history.one),
        Route(one, sessions.one),
        Route(one, sessions.terminate, methods=["DELETE"]),
        Route(f"{one}/timeline", sessions.timeline),
        Route(f"{one}/recordings/{{number:int}}", recordings.one),
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={
            Problem: on_problem,
            HTTPException: on_http_exception,
            StoreBusy: on_store_busy,
            StoreError: on_store_error,
        },
    )
    return Gate(app, parts.access)
