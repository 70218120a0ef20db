"""Registrations over HTTP: which users can be reached, and where."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from starlette.requests import Request
from starlette.responses import JSONResponse, Response


@attrs.frozen
class Registrations:
    view: Callable[[], list[dict[str, object]]]

    async def listing(self, _: Request) -> Response:
        return JSONResponse({"registrations": self.view()})
