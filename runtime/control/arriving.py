"""The body of a request as it comes: one that stops coming is given up, and one that is longer
than it may be is refused; HTTP/2 need not say beforehand how long it is.

A bound on the connection's reads would also cut responses that take long, such as event streams,
whose readers say nothing any more.
"""

from __future__ import annotations

from typing import Final

import trio
from starlette.types import Message, Receive

from runtime.control.problem import Problem
from runtime.decisions.problems import Http

PIECE_S: Final = 30.0
"""Without a piece of the body: it would hold a connection for nothing."""


class Arriving:
    """ASGI `receive` of one request with a body of at most `most` bytes."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive = receive
        self._most = most
        self._size = 0
        self._whole = False

    async def __call__(self) -> Message:
        """After the body: when the client leaves. A body that stops is a client that left. Raises
        Problem."""
        if self._whole:
            return await self._receive()
        with trio.move_on_after(PIECE_S):
            message = await self._receive()
            self._whole = not message.get("more_body", False)
            self._size += len(message.get("body", b""))
            if self._size > self._most:
                raise too_long(self._most)
            return message
        return {"type": "http.disconnect"}


def too_long(most: int) -> Problem:
    return Problem(
        Http.TOO_LONG,
        f"send a body of at most {most} bytes, with its Content-Length",
    )
