"""Probes: whether the process lives, and whether it takes calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runtime.control.problem import problem_response
from runtime.session.registry import SessionRegistry


@attrs.frozen
class Health:
    registry: SessionRegistry
    state: Callable[[], dict[str, Any]]

    async def healthz(self, _: Request) -> Response:
        return JSONResponse(
            {
                "status": "draining" if self.registry.draining else "ok",
                "sessions": len(self.registry.sessions()),
                "calls": self.registry.live_calls,
                **self.state(),
            }
        )

    async def readyz(self, _: Request) -> Response:
        if self.registry.draining:
            return problem_response(503, "the runtime is shutting down and takes no new calls")
        return JSONResponse({"status": "ready"})
