"""The door of access URLs: `/request/SECRET/anything`, by any method, to the script of one session.

The secret is all the authorisation there is, so that the door stands before the gate of the API and
leads nowhere else. What it answers tells nothing of other sessions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import trio
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from runtime.control.problem import problem_response
from runtime.decisions.access import (
    ACCESS,
    AccessRefused,
    AccessReply,
    AccessRequest,
    token_of,
)
from runtime.decisions.problems import Http
from runtime.session.access_book import AccessBook

BODY_S: Final = 10.0
"""A body that takes longer holds a place for nothing."""
MAX_HEAD_BYTES: Final = 32 * 1024
"""Of path and headers, whatever protocol they came by (heads.py)."""
HEADERS: Final[Mapping[str, str]] = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
}


class AccessDoor:
    """ASGI middleware: takes what is asked at access URLs, and passes on the rest."""

    def __init__(self, app: ASGIApp, book: AccessBook, most_bytes: int) -> None:
        self._app = app
        self._book = book
        self._most = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(ACCESS):
            response = await self._response(scope, receive)
            await response(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _response(self, scope: Scope, receive: Receive) -> Response:
        try:
            reply = await self._ask(scope, receive)
        except AccessRefused as exc:
            headers = dict(HEADERS)
            if exc.retry_after_s is not None:
                headers["retry-after"] = str(max(1, math.ceil(exc.retry_after_s)))
            return problem_response(exc.kind, str(exc), headers=headers)
        return Response(reply.body, reply.status, HEADERS, media_type=reply.content_type)

    async def _ask(self, scope: Scope, receive: Receive) -> AccessReply:
        request = _request(scope)
        session = self._book.find(token_of(request.path))
        body = _Body(Headers(scope=scope), receive, self._most)
        return await session.requests.ask(request, body.read)


def _request(scope: Scope) -> AccessRequest:
    """Raises AccessRefused."""
    raw, query = scope["raw_path"], scope["query_string"]
    headers = scope["headers"]
    size = len(raw) + len(query) + sum(len(name) + len(value) + 4 for name, value in headers)
    if size > MAX_HEAD_BYTES:
        raise AccessRefused(
            Http.HEAD_TOO_LARGE,
            f"path and headers have {size:,} bytes, the limit is {MAX_HEAD_BYTES:,}",
        )
    path = raw.decode("latin-1") + ("?" + query.decode("latin-1") if query else "")
    return AccessRequest(
        method=scope["method"],
        path=path,
        headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers),
        remote=(scope.get("client") or ("",))[0],
    )


class _Body:
    """The body of one request, read once it is taken."""

    def __init__(self, headers: Headers, receive: Receive, most: int) -> None:
        self._declared = headers.get("content-length", "")
        self._receive = receive
        self._most = most

    async def read(self) -> bytes:
        """Raises AccessRefused."""
        if self._declared.isascii() and self._declared.isdigit():
            self._check(int(self._declared[:20]))
        with trio.move_on_after(BODY_S):
            return await self._whole()
        raise AccessRefused(Http.BODY_TOO_SLOW, f"the body was not there after {BODY_S:g} s")

    async def _whole(self) -> bytes:
        body = bytearray()
        while True:
            message = await self._receive()
            if message["type"] != "http.request":
                raise AccessRefused(Http.BODY_NOT_WHOLE, "the body did not come whole")
            body += message.get("body", b"")
            self._check(len(body))
            if not message.get("more_body", False):
                return bytes(body)

    def _check(self, size: int) -> None:
        if size > self._most:
            raise AccessRefused(
                Http.TOO_LONG,
                f"send a body of at most {self._most:,} bytes",
            )
