"""The body of a request as it comes: one that stops coming is given up, and nothing else is.

A bound on the connection's reads would also cut responses that take long, such as event streams,
whose readers say nothing any more.
"""

from __future__ import annotations

from typing import Final

import trio
from starlette.types import Message, Receive

PIECE_S: Final = 30.0
"""Without a piece of the body: it would hold a connection for nothing."""


class Arriving:
    """ASGI `receive` of one request."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._whole = False

    async def __call__(self) -> Message:
        """After the body: when the client leaves. A body that stops is a client that left."""
        if self._whole:
            return await self._receive()
        with trio.move_on_after(PIECE_S):
            message = await self._receive()
            self._whole = not message.get("more_body", False)
            return message
        return {"type": "http.disconnect"}
