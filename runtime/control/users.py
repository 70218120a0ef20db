"""Users of applications over HTTP: set, listed without passwords, deleted; their mailboxes."""

from __future__ import annotations

from http import HTTPStatus

import attrs
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runtime.applications.users import ApplicationUsers
from runtime.control.bodies import json_body


@attrs.frozen
class UsersDoor:
    desk: ApplicationUsers

    async def listing(self, request: Request) -> Response:
        return JSONResponse({"users": self.desk.listing(request.path_params["app"])})

    async def put(self, request: Request) -> Response:
        """201 for a new one."""
        app, name = request.path_params["app"], request.path_params["user"]
        shown, is_new = await self.desk.put(app, name, await json_body(request))
        return JSONResponse(shown, HTTPStatus.CREATED if is_new else HTTPStatus.OK)

    async def delete(self, request: Request) -> Response:
        await self.desk.delete(request.path_params["app"], request.path_params["user"])
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def mailbox(self, request: Request) -> Response:
        return JSONResponse(
            self.desk.mailbox(request.path_params["app"], request.path_params["user"])
        )

    async def set_mailbox(self, request: Request) -> Response:
        app, name = request.path_params["app"], request.path_params["user"]
        return JSONResponse(await self.desk.set_mailbox(app, name, await json_body(request)))
