"""HTTP requests for scripts and sounds: redirects are followed, hop by hop, under one deadline.

How a hop gets to its server is the transport's: the network (direct.py), or a test's table of
answers. Every hop is dressed just before it is sent (secrets are put in for the hosts they are
meant for), and the next one is made of the undressed one.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Hashable, Iterator
from typing import Final, Protocol

import attrs
import trio

from .failure import Failure, FetchError
from .hop import REDIRECTS, Headers, Hop
from .reply import Reply, header

MAX_REDIRECTS: Final = 5
CONNECT_S: Final = 6.0
"""For name, connection and TLS of one hop (voxengine.md 3.8)."""
TIMEOUT_ERROR: Final = "Timeout is reached"
"""The platform's words (voxengine.md 1.3)."""

Dress = Callable[[Hop], Hop]
"""The hop as it is sent. Raises FetchError when it may not be."""


class Transport(Protocol):
    """Takes one request to its server."""

    async def send(self, hop: Hop, connect_s: float, owner: Hashable = None) -> Reply:
        """The answer, its body not read yet; whoever asked closes it. `owner`: on whose behalf.
        Raises FetchError."""


@attrs.frozen(kw_only=True)
class Request:
    """What is to be fetched."""

    url: str
    method: str = "GET"
    headers: Headers = ()
    content: bytes = attrs.field(default=b"", repr=False)
    timeout_s: float
    """For everything, the reading of the body included."""
    connect_s: float = CONNECT_S


def as_it_is(hop: Hop) -> Hop:
    return hop


class Fetcher:
    """Makes requests; holds no connection between them."""

    def __init__(self, transport: Transport, owner: Hashable = None) -> None:
        self._transport = transport
        self._owner = owner

    def of(self, owner: Hashable) -> Fetcher:
        """On behalf of somebody who shares the transport with others (turnstile.py)."""
        return Fetcher(self._transport, owner)

    @contextlib.asynccontextmanager
    async def request(self, request: Request, dress: Dress = as_it_is) -> AsyncIterator[Reply]:
        """The final answer, to be read with `Body`; closed with the context. Raises FetchError."""
        with _time_limit(request.timeout_s):
            reply, _ = await self._follow(request, dress)
            try:
                yield reply
            finally:
                await reply.aclose()

    async def open(self, request: Request) -> tuple[Reply, bool]:
        """The final answer, and whether redirections led to it. Whoever asked reads it with `Body`,
        closes it, and bounds the time. Raises FetchError.
        """
        return await self._follow(request, as_it_is)

    async def _follow(self, request: Request, dress: Dress) -> tuple[Reply, bool]:
        hop = Hop.first(request.method, request.url, request.headers, request.content)
        first = hop.shown
        for redirections in range(MAX_REDIRECTS + 1):
            reply = await self._transport.send(dress(hop), request.connect_s, self._owner)
            location = header(reply, "location")
            if reply.status not in REDIRECTS or not location:
                return reply, redirections > 0
            await reply.aclose()
            hop = hop.redirected(reply.status, location)
        why = f"{first} redirects more than {MAX_REDIRECTS} times"
        raise FetchError(Failure.TOO_MANY_REDIRECTS, why)


@contextlib.contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    try:
        with trio.fail_after(seconds):
            yield
    except trio.TooSlowError:
        raise FetchError(Failure.TIMEOUT, TIMEOUT_ERROR) from None
