"""The door of WebSockets at access URLs: reads the handshake, and takes it to the session.

What is refused is answered as other requests at access URLs are: with a problem body.
"""

from __future__ import annotations

import contextlib

import trio

from runtime.control.problem import problem_response
from runtime.decisions.access import AccessRefused, AccessRequest, token_of
from runtime.decisions.problems import Http
from runtime.session.access_book import AccessBook
from runtime.sockets import Arrival, Handshake, HandshakeFailed, SocketClient


class SocketDoor:
    """Takes connections that begin with a handshake (listener.py)."""

    def __init__(self, book: AccessBook, sockets: SocketClient) -> None:
        self._book = book
        self._sockets = sockets

    async def __call__(self, stream: trio.SocketStream, first: bytes) -> None:
        """Return when the socket is over."""
        try:
            handshake = Handshake.read(stream, first)
        except HandshakeFailed as exc:
            await _bad_request(stream, str(exc))
            return
        try:
            request = AccessRequest(
                method="GET",
                path=handshake.request.target,
                headers=handshake.headers,
                remote=_remote(stream),
            )
            desk = self._book.find(token_of(request.path))
            await desk.sockets.knock(request, Arrival(handshake, self._sockets))
        except AccessRefused as exc:
            problem = problem_response(exc.kind, str(exc))
            with contextlib.suppress(HandshakeFailed):
                kind = problem.headers["content-type"]
                await handshake.refuse(exc.code, kind, bytes(problem.body))


def _remote(stream: trio.SocketStream) -> str:
    with contextlib.suppress(OSError):
        return str(stream.socket.getpeername()[0])
    return ""


async def _bad_request(stream: trio.SocketStream, why: str) -> None:
    """To who does not speak the protocol well enough to be refused in it."""
    body = bytes(problem_response(Http.BAD_HANDSHAKE, why[:200]).body)
    head = (
        b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n"
        b"content-type: application/problem+json\r\n"
        b"content-length: %d\r\n\r\n" % len(body)
    )
    with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        with trio.move_on_after(1.0):
            await stream.send_all(head + body)
