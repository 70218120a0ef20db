"""From the host of a destination to addresses: the one seam where RFC 3263 will be fitted in.

Literals are taken as they are. Names go through the system's resolver, in a bounded time; answers
are remembered for a minute.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import trio

from sip.address import Transport, ip_literal

from .limits import MAX_RESOLVED, RESOLVE_S, RESOLVED_FOR_S

Lookup = Callable[..., Awaitable[list[Any]]]


class ResolveError(Exception):
    """The name has no address, or nobody said so in time; the text is for people."""


@attrs.frozen(kw_only=True)
class _Answer:
    addresses: tuple[str, ...]
    until: float


class Resolver:
    """Names to addresses, in the order of preference that the system gives."""

    def __init__(self, lookup: Lookup = trio.socket.getaddrinfo) -> None:
        self._lookup = lookup
        self._answers: dict[str, _Answer] = {}

    def known(self, host: str, now: float) -> tuple[str, ...] | None:
        """Addresses that need no waiting; None when somebody has to be asked."""
        literal = ip_literal(host)
        if literal is not None:
            return (str(literal),)
        answer = self._answers.get(host.lower())
        return answer.addresses if answer is not None and answer.until > now else None

    async def resolve(self, host: str, port: int, transport: Transport) -> tuple[str, ...]:
        """All addresses of `host`; ResolveError when there are none."""
        known = self.known(host, trio.current_time())
        if known is not None:
            return known
        kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
        try:
            with trio.fail_after(RESOLVE_S):
                found = await self._lookup(host, port, type=kind)
        except trio.TooSlowError:
            raise ResolveError(f"{host}: no answer from the resolver in {RESOLVE_S:g} s") from None
        except (OSError, UnicodeError) as exc:
            raise ResolveError(f"{host}: {exc}") from exc
        addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
        if not addresses:
            raise ResolveError(f"{host}: the name has no address")
        self._remember(host.lower(), addresses)
        return addresses

    def _remember(self, host: str, addresses: tuple[str, ...]) -> None:
        self._answers.pop(host, None)
        if len(self._answers) >= MAX_RESOLVED:
            del self._answers[next(iter(self._answers))]
        until = trio.current_time() + RESOLVED_FOR_S
        self._answers[host] = _Answer(addresses=addresses, until=until)


def source_address(host: str) -> str | None:
    """The local address from which packets to `host` leave; nothing is sent to find out."""
    literal = ip_literal(host)
    if literal is None:
        # a name is not worth a wait here: loopback for localhost, else the way to the world
        probe = "127.0.0.1" if host.lower() == "localhost" else "192.0.2.1"
    else:
        probe = str(literal)
    family = socket.AF_INET6 if ":" in probe else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((probe, 9))
            return str(sock.getsockname()[0])
    except OSError:
        return None
