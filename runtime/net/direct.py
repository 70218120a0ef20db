"""One request over the network: to an address that was resolved once and judged.

The name is resolved, the address is judged (addresses.py), and the connection is made to that very
address, so that a second answer of the name server cannot lead elsewhere. No proxy, cookie or
credential of the core is ever used, and no connection is kept.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final

import httpx
import trio

from .addresses import Network, why_refused
from .exchange import Exchange
from .failure import Failure, FetchError, FetchRefused
from .hop import Hop
from .reply import Reply

MAX_ADDRESSES: Final = 3
"""Addresses of one name that are tried; more only prolongs the waiting for a dead server."""
MAX_LOOKUPS: Final = 16
"""Names that are looked up at once. Each takes a thread, for as long as a name server that does not
answer is waited for; others of the core's threads read files for calls."""
_EXHAUSTED: Final = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""(host, port) -> its addresses, best first; raises OSError."""


class SystemResolver:
    """The addresses of a name, by the system's resolver."""

    def __init__(self) -> None:
        self._limiter: trio.CapacityLimiter | None = None

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        if self._limiter is None:
            self._limiter = trio.CapacityLimiter(MAX_LOOKUPS)
        found = await trio.to_thread.run_sync(
            functools.partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM),
            abandon_on_cancel=True,
            limiter=self._limiter,
        )
        return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class Direct:
    """The network, as scripts may use it.

    `allowed` are the operator's networks. `tls` verifies servers (the default: public authorities).
    """

    def __init__(
        self,
        allowed: Sequence[Network] = (),
        *,
        resolver: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allowed = tuple(allowed)
        self._resolve = resolver or SystemResolver()
        self._tls = tls

    async def send(self, hop: Hop, connect_s: float) -> Reply:
        """The head of the answer; its owner closes it. Raises FetchError."""
        stream = await self.connect(hop, connect_s)
        exchange = Exchange(stream, hop)
        try:
            await exchange.open()
        except BaseException:
            await exchange.aclose()
            raise
        return exchange

    async def connect(self, hop: Hop, connect_s: float) -> trio.abc.Stream:
        """Name, address and TLS within the time; each address gets its share of what is left.
        Raises FetchError."""
        with _in_time(hop, connect_s) as scope:
            addresses = await self._addresses(hop)
            trouble: OSError | None = None
            for number, address in enumerate(addresses):
                left = scope.deadline - trio.current_time()
                with trio.move_on_after(left / (len(addresses) - number)):
                    try:
                        stream = await trio.open_tcp_stream(address, hop.port)
                    except OSError as exc:
                        trouble = exc
                        continue
                    return await self._secured(hop, stream)
        raise _unreachable(hop, trouble) from trouble

    async def _secured(self, hop: Hop, stream: trio.SocketStream) -> trio.abc.Stream:
        if not hop.secure:
            return stream
        try:
            tls = await self._tls_context()
            secured = trio.SSLStream(stream, tls, server_hostname=hop.host, https_compatible=True)
            await secured.do_handshake()
        except (trio.BrokenResourceError, ssl.CertificateError, ValueError) as exc:
            await trio.aclose_forcefully(stream)
            why = f"no secure connection to {hop.url.host}: {reason(exc)}"
            raise FetchError(Failure.CONNECTION, why) from exc
        except BaseException:
            await trio.aclose_forcefully(stream)
            raise
        return secured

    async def _addresses(self, hop: Hop) -> list[str]:
        try:
            found = await self._resolve(hop.host, hop.port)
        except (OSError, UnicodeError) as exc:
            why = f"the host {hop.url.host} is not known"
            raise FetchError(Failure.HOST_NOT_FOUND, why) from exc
        refusals = {address: why_refused(address, self._allowed) for address in found}
        allowed = [address for address, refusal in refusals.items() if refusal is None]
        if not allowed:
            address, kind = next(iter(refusals.items()), ("no address", "nothing"))
            raise FetchRefused(
                Failure.CONNECTION,
                f"{hop.url.host} is {address}, which is {kind}; scripts may only reach public "
                "addresses and what [net] allow lists",
            )
        return allowed[:MAX_ADDRESSES]

    async def _tls_context(self) -> ssl.SSLContext:
        if self._tls is None:  # reading all authorities takes 20 ms and more
            create = functools.partial(httpx.create_ssl_context, trust_env=False)
            self._tls = await trio.to_thread.run_sync(create)
        return self._tls


@contextlib.contextmanager
def _in_time(hop: Hop, connect_s: float) -> Iterator[trio.CancelScope]:
    try:
        with trio.fail_after(connect_s) as scope:
            yield scope
    except trio.TooSlowError:
        raise _unreachable(hop, None) from None


def _unreachable(hop: Hop, trouble: OSError | None) -> FetchError:
    host = hop.url.host
    if trouble is None:
        why = f"Timeout is reached: no connection to {host} in time"
        return FetchError(Failure.TIMEOUT, why)
    kind = Failure.INTERNAL if trouble.errno in _EXHAUSTED else Failure.CONNECTION
    return FetchError(kind, f"{host} does not accept the connection: {reason(trouble)}")


def reason(exc: BaseException) -> str:
    """The last message along the chain of causes: trio's own only says that something broke."""
    text = type(exc).__name__
    following: BaseException | None = exc
    for _ in range(10):
        if following is None:
            break
        text = str(following) or text
        following = following.__cause__ or following.__context__
    return text
