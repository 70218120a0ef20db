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
from runtime.control.problem import Problem, on_http_exception, on_problem
from runtime.control.recordings import Recordings
from runtime.control.registrations import Registrations
from runtime.control.sessions import Sessions
from runtime.session.registry import SessionRegistry

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
    state: Callable[[], dict[str, Any]]
    """Facts for /healthz beside the sessions: listeners, engine, sandbox."""
    registrations: Callable[[], list[dict[str, object]]] = list
    """Where users can be reached, for /api/v1/registrations."""


def build_app(parts: ControlParts) -> ASGIApp:
    health = Health(parts.registry, parts.state)
    sessions = Sessions(parts.registry, parts.timelines)
    recordings = Recordings(parts.recording)
    registrations = Registrations(parts.registrations)
    one = f"{API}/sessions/{{session}}"
    routes = [
        Route("/healthz", health.healthz),
        Route("/readyz", health.readyz),
        Route(f"{API}/sessions", sessions.listing),
        Route(f"{API}/refusals", sessions.refusals),
        Route(f"{API}/registrations", registrations.listing),
        Route(one, sessions.one),
        Route(one, sessions.terminate, methods=["DELETE"]),
        Route(f"{one}/timeline", sessions.timeline),
        Route(f"{one}/recordings/{{number:int}}", recordings.one),
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={Problem: on_problem, HTTPException: on_http_exception},
    )
    return Gate(app, parts.access)
