"""Pairs of RTP and RTCP ports: an even one and the odd one above it (RFC 3550 section 11).

Ports are given out in turn, so that one that was given back rests as long as possible: packets of
its last call may still be under way.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
from collections.abc import Iterator
from typing import Final

from runtime.media.rtp.datagrams import NoPorts

MAX_BIND_TRIES: Final = 256
"""Ports of other programs that are stepped over for one leg."""
RECEIVE_BUFFER: Final = 64 * 1024
"""Some 80 packets: what a flood may occupy in the kernel."""
DSCP_EF: Final = 0xB8
"""RFC 4594: telephony bearer traffic."""

BOTH_FAMILIES: Final = "::"
"""With this host sockets take IPv4 as well, as IPv4-mapped addresses (RFC 4291 2.5.5.2)."""

SocketPair = tuple[socket.socket, socket.socket, int]
"""RTP, RTCP, and the RTP port."""


class PortPool:
    """Binds pairs between `first` and `last`; any free ones when `first` is 0."""

    def __init__(self, host: str, first: int, last: int) -> None:
        self._host = host
        version = ipaddress.ip_address(host).version
        self._family = socket.AF_INET6 if version == 6 else socket.AF_INET
        self._ports = range(first + first % 2, last, 2)
        """Even ports with an odd one above them in the range."""
        self._any = first == 0
        self._turn = 0

    def take(self) -> SocketPair:
        """The next free pair. Raises NoPorts."""
        if self._any:
            return self._take_any()
        for _ in range(min(MAX_BIND_TRIES, len(self._ports))):
            port = self._ports[self._turn % len(self._ports)]
            self._turn += 1
            pair = self._try(port)
            if pair is not None:
                return pair
        raise NoPorts(
            f"no free pair of RTP ports from {self._ports.start} to {self._ports.stop} on "
            f"{self._host}; widen --rtp-ports or end other programs that use them"
        )

    def beside(self, taken: socket.socket) -> socket.socket | None:
        """Another socket on the port of this one; None where the system gives none.

        Once it is connected it takes what comes from there, and `taken` everything else. Only
        meanwhile may the port be shared at all, so that no other program joins.
        """
        try:
            sock = self._socket()
        except NoPorts:
            return None
        try:
            with _shared(taken, sock):
                sock.bind(taken.getsockname())
        except OSError:
            sock.close()
            return None
        return sock

    def _take_any(self) -> SocketPair:
        for _ in range(MAX_BIND_TRIES):
            with self._socket() as probe:
                try:
                    probe.bind((self._host, 0))
                except OSError as exc:
                    raise self._refusal(exc) from exc
                port = probe.getsockname()[1]
            pair = self._try(port) if port % 2 == 0 else None
            if pair is not None:
                return pair
        raise NoPorts(f"no pair of neighbouring ports is free on {self._host}")

    def _try(self, port: int) -> SocketPair | None:
        with contextlib.ExitStack() as failing:
            rtp = failing.enter_context(self._socket())
            rtcp = failing.enter_context(self._socket())
            try:
                rtp.bind((self._host, port))
                rtcp.bind((self._host, port + 1))
            except OSError as exc:
                if exc.errno in (errno.EADDRINUSE, errno.EACCES):
                    return None
                raise self._refusal(exc) from exc
            failing.pop_all()
        return rtp, rtcp, port

    def _refusal(self, exc: OSError) -> NoPorts:
        return NoPorts(
            f"cannot listen on {self._host} ({exc.strerror}); --rtp-host must be an address of "
            "this machine"
        )

    def _socket(self) -> socket.socket:
        try:
            sock = socket.socket(self._family, socket.SOCK_DGRAM)
        except OSError as exc:
            raise NoPorts(
                f"no more sockets ({exc.strerror}); raise the limit of open files"
            ) from exc
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        if self._family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, DSCP_EF)
        else:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, DSCP_EF)
            if self._host == BOTH_FAMILIES:
                # The system's default may be otherwise.
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        return sock


@contextlib.contextmanager
def _shared(*sockets: socket.socket) -> Iterator[None]:
    """Sockets of ours may be bound to one port meanwhile."""
    try:
        for sock in sockets:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        yield
    finally:
        for sock in sockets:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 0)
