"""Registrations over HTTP: which users can be reached, and where."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runtime.applications.users import ApplicationUsers
from runtime.control.scopes import caller_of


@attrs.frozen
class Registrations:
    view: Callable[[], list[dict[str, object]]]
    users: ApplicationUsers

    async def listing(self, request: Request) -> Response:
        """Users of the configuration are no application's."""
        found, application = self.view(), caller_of(request).application
        if application:
            own = {user["name"] for user in self.users.listing(application)}
            found = [row for row in found if row["user"] in own]
        return JSONResponse({"registrations": found})
