"""How many requests of all scripts run at once on this machine; the next ones wait in order.

A session has a limit of its own, so that none can fill the queue. What waits does so within its
own time: who asked bounds it.
"""

from __future__ import annotations

import attrs
import trio

from .fetch import Transport
from .hop import Headers, Hop
from .reply import Reply


class Turnstile:
    """A transport that lets `most` requests through at once, to another one."""

    def __init__(self, transport: Transport, most: int) -> None:
        self._transport = transport
        self._places = trio.Semaphore(most, max_value=most)

    async def send(self, hop: Hop, connect_s: float) -> Reply:
        """As the transport does it; the place is free again when the answer is closed."""
        await self._places.acquire()
        try:
            reply = await self._transport.send(hop, connect_s)
        except BaseException:
            self._places.release()
            raise
        return _Counted(reply, self._places)


@attrs.define(eq=False)
class _Counted:
    """An answer that holds a place."""

    _reply: Reply
    _places: trio.Semaphore
    _is_closed: bool = False

    @property
    def status(self) -> int:
        return self._reply.status

    @property
    def headers(self) -> Headers:
        return self._reply.headers

    @property
    def declared(self) -> int | None:
        return self._reply.declared

    async def piece(self) -> bytes | None:
        return await self._reply.piece()

    async def aclose(self) -> None:
        """Safe twice."""
        is_first, self._is_closed = not self._is_closed, True
        try:
            await self._reply.aclose()
        finally:
            if is_first:
                self._places.release()
