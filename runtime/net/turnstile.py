"""How many requests of all scripts run at once on this machine; the next ones wait in order.

A session has a limit of its own for what it asks for, but none for the sounds that it plays by URL,
and a scenario may have many sessions: so one scenario has a quarter of all places, and what another
one asks for finds one. What waits does so within its own time: who asked bounds it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import Final

import attrs
import trio

from .fetch import Transport
from .hop import Headers, Hop
from .reply import Reply

OWNERS: Final = 4
"""So many may take all that they can before somebody has to wait for others."""


class Turnstile:
    """A transport that lets `most` requests through at once, to another one."""

    def __init__(self, transport: Transport, most: int) -> None:
        self._transport = transport
        self._places = trio.Semaphore(most, max_value=most)
        self._most_of_owner = max(1, most // OWNERS)
        self._shares: dict[Hashable, _Share] = {}
        """Of those who have or want a place."""

    async def send(self, hop: Hop, connect_s: float, owner: Hashable = None) -> Reply:
        """As the transport does it; the place is free again when the answer is closed. What has no
        owner is the operator's own, and has no share."""
        leave = await self._enter(owner)
        try:
            reply = await self._transport.send(hop, connect_s, owner)
        except BaseException:
            leave()
            raise
        return _Counted(reply, leave)

    async def _enter(self, owner: Hashable) -> Callable[[], None]:
        if owner is None:
            await self._places.acquire()
            return self._places.release
        share = self._shares.setdefault(owner, _Share(trio.Semaphore(self._most_of_owner)))
        share.users += 1
        try:
            await share.places.acquire()
            try:
                await self._places.acquire()
            except BaseException:
                share.places.release()
                raise
        except BaseException:
            self._forget(owner, share)
            raise
        return partial(self._leave, owner, share)

    def _leave(self, owner: Hashable, share: _Share) -> None:
        self._places.release()
        share.places.release()
        self._forget(owner, share)

    def _forget(self, owner: Hashable, share: _Share) -> None:
        share.users -= 1
        if not share.users:
            del self._shares[owner]


@attrs.define(eq=False)
class _Share:
    """What one owner may have at once."""

    places: trio.Semaphore
    users: int = 0


@attrs.define(eq=False)
class _Counted:
    """An answer that holds a place."""

    _reply: Reply
    _leave: Callable[[], None]
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
                self._leave()
