"""Secrets over HTTP: set, listed without their values, deleted."""

from __future__ import annotations

from http import HTTPStatus

import attrs
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runtime.applications.secrets import ApplicationSecrets
from runtime.control.bodies import json_body
from runtime.control.scopes import caller_of


@attrs.frozen
class Secrets:
    desk: ApplicationSecrets

    async def listing(self, request: Request) -> Response:
        return JSONResponse({"secrets": self.desk.listing(request.path_params["app"])})

    async def put(self, request: Request) -> Response:
        """201 for a new one; the answer never holds the value."""
        shown, is_new = await self.desk.put(
            request.path_params["app"],
            request.path_params["secret"],
            await json_body(request),
            by=caller_of(request).name,
        )
        return JSONResponse(shown, HTTPStatus.CREATED if is_new else HTTPStatus.OK)

    async def delete(self, request: Request) -> Response:
        await self.desk.delete(request.path_params["app"], request.path_params["secret"])
        return Response(status_code=HTTPStatus.NO_CONTENT)
