"""Sockets that take connections, and what to tell an operator whose address cannot be had."""

from __future__ import annotations

import errno
import socket

import trio

from sip.address import BoundAddress, ListenAddress

_BACKLOG = 512
"""Connections that may wait to be accepted: a burst of a load generator."""


class ListenError(Exception):
    """A listener cannot be had; the text says which, why and what to do."""

    def __init__(self, text: str, *, is_taken: bool = False) -> None:
        """`is_taken`: somebody else has the address."""
        super().__init__(text)
        self.is_taken = is_taken


def bind_stream(where: ListenAddress) -> tuple[BoundAddress, trio.socket.SocketType]:
    """A socket that takes connections; OSError when the address cannot be had."""
    family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((where.host, where.port))
        sock.listen(_BACKLOG)
    except OSError:
        sock.close()
        raise
    host, port = sock.getsockname()[:2]
    address = BoundAddress(transport=where.transport, host=host, port=port)
    return address, trio.socket.from_stdlib_socket(sock)


def listen_error(exc: Exception, where: ListenAddress) -> ListenError:
    """What to tell the operator."""
    why = _advice(exc, where) if isinstance(exc, OSError) else str(exc)
    is_taken = isinstance(exc, OSError) and exc.errno == errno.EADDRINUSE
    return ListenError(f"cannot listen on {where}: {why}", is_taken=is_taken)


def _advice(exc: OSError, where: ListenAddress) -> str:
    if exc.errno == errno.EADDRINUSE:
        return "the port is taken; choose another one, or 0 for any"
    if exc.errno == errno.EADDRNOTAVAIL:
        return f"this machine has no address {where.host}"
    if exc.errno == errno.EACCES:
        return "ports below 1024 need privileges; choose a higher one"
    return exc.strerror or str(exc)
