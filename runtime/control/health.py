"""Probes: whether the process lives, and whether it takes calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runtime.control.problem import problem_response
from runtime.control.scopes import Scope, caller_of
from runtime.decisions.problems import Calls
from runtime.session.registry import SessionRegistry


@attrs.frozen
class Health:
    registry: SessionRegistry
    state: Callable[[], dict[str, Any]]

    async def healthz(self, request: Request) -> Response:
        """Who has no token, or that of an application, learns whether it lives, and nothing of
        trunks, scripts and locks."""
        found: dict[str, Any] = {"status": "draining" if self.registry.draining else "ok"}
        caller = caller_of(request)
        if Scope.READ in caller.scopes and not caller.application:
            found["sessions"] = len(self.registry.sessions())
            found["calls"] = self.registry.live_calls
            found.update(self.state())
        return JSONResponse(found)

    async def readyz(self, _: Request) -> Response:
        if self.registry.draining:
            return problem_response(
                Calls.DRAINING, "the runtime is shutting down and takes no new calls"
            )
        return JSONResponse({"status": "ready"})
