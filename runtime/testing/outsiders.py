"""Somebody outside who knows a session's access URL: the requests that a test makes there.

They go through the production code of the session (places, rates, time-outs); only the listener
and its protocol are left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import attrs
import trio

from runtime.decisions.access import ACCESS, AccessRefused, AccessRequest, token_of
from runtime.session.access_book import AccessBook
from runtime.sockets import SocketListener
from runtime.testing.sockets import Line, SimSocket
from runtime.testing.symbolic_media import SymbolicMedia
from runtime.testing.web import encoded

ORIGIN: Final = "http://callstage.sim"


def access_url(token: str) -> str:
    """As a script gets it."""
    return f"{ORIGIN}{ACCESS}{token}"


@attrs.frozen(kw_only=True)
class SimResponse:
    """What was answered; `text` of a refusal says why."""

    status: int
    content_type: str
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


class SimArrival:
    """A client's handshake (runtime/sockets/port.py)."""

    def __init__(self, client: SimSocket, media: SymbolicMedia) -> None:
        self._client = client
        self._media = media

    async def accept(self, listener: SocketListener) -> Line:
        await trio.lowlevel.checkpoint()
        line = Line(self._client, self._media, listener)
        self._client._connect(None, line)
        return line


async def knock(
    book: AccessBook, url: str, headers: Mapping[str, str], client: SimSocket, media: SymbolicMedia
) -> None:
    """One WebSocket, to its end."""
    path = _path(url)
    request = AccessRequest(
        method="GET", path=path, headers=tuple(headers.items()), remote="simulated"
    )
    try:
        await book.find(token_of(path)).sockets.knock(request, SimArrival(client, media))
    except AccessRefused as exc:
        client._is_refused(f"{exc.code}: {exc}")


def _path(url: str) -> str:
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")


async def ask(
    book: AccessBook, url: str, method: str, content: object, headers: Mapping[str, str]
) -> SimResponse:
    """One request."""
    body, kind = encoded(content)
    given = dict(headers)
    if kind and not any(name.lower() == "content-type" for name in given):
        given["Content-Type"] = kind
    path = _path(url)

    async def read() -> bytes:
        await trio.lowlevel.checkpoint()
        return body

    request = AccessRequest(
        method=method, path=path, headers=tuple(given.items()), remote="simulated"
    )
    try:
        reply = await book.find(token_of(path)).requests.ask(request, read)
    except AccessRefused as exc:
        return SimResponse(
            status=exc.code, content_type="application/problem+json", body=str(exc).encode()
        )
    return SimResponse(status=reply.status, content_type=reply.content_type, body=reply.body)
