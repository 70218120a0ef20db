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
from collections.abc import Awaitable, Callable, Hashable, Iterator, Sequence
from typing import Final, cast
from weakref import WeakValueDictionary

import attrs
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
MAX_LOOKUPS_OF_OWNER: Final = 4
"""Of one scenario: names whose server does not answer would else keep all threads for ever."""
_EXHAUSTED: Final = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""(host, port) -> its addresses, best first; raises OSError."""


class SystemResolver:
    """The addresses of a name, by the system's resolver."""

    def __init__(self) -> None:
        self._all: trio.CapacityLimiter | None = None
        self._shares: WeakValueDictionary[Hashable, trio.CapacityLimiter] = WeakValueDictionary()
        """Of those who look something up."""

    def of(self, owner: Hashable) -> Resolve:
        """On behalf of somebody who leaves threads to others; None is the operator."""
        return functools.partial(self._look_up, owner)

    async def _look_up(self, owner: Hashable, host: str, port: int) -> Sequence[str]:
        if self._all is None:
            self._all = trio.CapacityLimiter(MAX_LOOKUPS)
        limiter: object = self._all
        if owner is not None:
            own = self._shares.get(owner) or trio.CapacityLimiter(MAX_LOOKUPS_OF_OWNER)
            self._shares[owner] = own
            limiter = _Both(own, self._all)
        found = await trio.to_thread.run_sync(
            functools.partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM),
            abandon_on_cancel=True,
            limiter=cast("trio.CapacityLimiter", limiter),
        )
        return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


@attrs.frozen(eq=False)
class _Both:
    """A limiter of trio's kind: a thread counts until it has ended, whoever has given it up."""

    _own: trio.CapacityLimiter
    _all: trio.CapacityLimiter

    async def acquire_on_behalf_of(self, borrower: object) -> None:
        await self._own.acquire_on_behalf_of(borrower)
        try:
            await self._all.acquire_on_behalf_of(borrower)
        except BaseException:
            self._own.release_on_behalf_of(borrower)
            raise

    def release_on_behalf_of(self, borrower: object) -> None:
        self._all.release_on_behalf_of(borrower)
        self._own.release_on_behalf_of(borrower)


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
        self._resolver_of = SystemResolver().of if resolver is None else lambda _: resolver
        self._tls = tls

    async def send(self, hop: Hop, connect_s: float, owner: Hashable = None) -> Reply:
        """The head of the answer; its owner closes it. Raises FetchError."""
        stream = await self.connect(hop, connect_s, owner)
        exchange = Exchange(stream, hop)
        try:
            await exchange.open()
        except BaseException:
            await exchange.aclose()
            raise
        return exchange

    async def connect(self, hop: Hop, connect_s: float, owner: Hashable = None) -> trio.abc.Stream:
        """Name, address and TLS within the time; each address gets its share of what is left.
        Raises FetchError."""
        with _in_time(hop, connect_s) as scope:
            addresses = await self._addresses(hop, self._resolver_of(owner))
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

    async def _addresses(self, hop: Hop, resolve: Resolve) -> list[str]:
        try:
            found = await resolve(hop.host, hop.port)
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
