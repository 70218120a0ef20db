"""One UDP socket: reads in bursts, writes at once, and hears of datagrams that nobody took.

Sending never waits: when the socket's buffer is full, datagrams queue (bounded, oldest dropped) and
a task sends them as soon as there is room. On Linux, ICMP errors come back with the datagram that
caused them, so that a request to a dead port fails at once (RFC 3261 18.4).
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
from collections import deque

import trio

from sip.address import BoundAddress, Flow, ListenAddress, PeerAddress
from sip.transaction import Transmit

from .limits import MAX_RETURNED, MAX_UDP_BACKLOG, UDP_BUFFER_BYTES, UDP_BURST
from .receiver import Receiver
from .stun import answer, is_stun

_IP_RECVERR = 11
_IPV6_RECVERR = 25
_ERROR_HEAD = struct.Struct("=IBBBB")
"""The begin of `struct sock_extended_err` (linux/errqueue.h): errno, origin, type, code."""
_HAS_ERROR_QUEUE = sys.platform == "linux"
_MAX_DATAGRAM = 65_535
_PING, _PONG = b"\r\n\r\n", b"\r\n"


class UdpListener:
    """One bound socket."""

    def __init__(self, flow_id: int, sock: socket.socket, receiver: Receiver) -> None:
        self.id = flow_id
        self._socket = sock
        self._receiver = receiver
        host, port = sock.getsockname()[:2]
        self.address = BoundAddress(transport="udp", host=host, port=port)
        self.is_ipv6 = sock.family == socket.AF_INET6
        self._backlog: deque[tuple[Transmit, tuple[str, int]]] = deque(maxlen=MAX_UDP_BACKLOG)
        self._has_backlog = trio.Event()

    @classmethod
    def bind(cls, flow_id: int, where: ListenAddress, receiver: Receiver) -> UdpListener:
        """Open a socket; OSError when the address cannot be had."""
        family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            _ask_for_buffers(sock)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if _HAS_ERROR_QUEUE and family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
            elif _HAS_ERROR_QUEUE:
                sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
            sock.bind((where.host, where.port))
        except OSError:
            sock.close()
            raise
        return cls(flow_id, sock, receiver)

    def close(self) -> None:
        self._socket.close()

    async def run(self) -> None:
        """Read until cancelled or closed."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._send_backlog)
            while self._socket.fileno() >= 0:
                await trio.lowlevel.wait_readable(self._socket)
                self._read_returned()
                self._read_burst()
            nursery.cancel_scope.cancel()

    def send(self, output: Transmit, host: str, port: int) -> None:
        """Send now, or as soon as the socket takes it; failures go to the receiver."""
        if self._backlog:
            self._backlog.append((output, (host, port)))
        elif not self._try_send(output, (host, port)):
            self._backlog.append((output, (host, port)))
            self._has_backlog.set()

    def _try_send(self, output: Transmit, where: tuple[str, int]) -> bool:
        """False when the socket takes nothing at the moment."""
        try:
            try:
                self._socket.sendto(output.data, where)
            except ConnectionRefusedError:
                # a pending error of an earlier datagram; this one was not sent yet
                self._read_returned()
                self._socket.sendto(output.data, where)
        except BlockingIOError:
            return False
        except OSError as exc:
            reason = f"udp:{where[0]}:{where[1]}: {exc.strerror or exc}"
            self._receiver.undelivered(output, reason)
            return True
        remote = PeerAddress(transport="udp", host=where[0], port=where[1])
        self._receiver.sent(output, self.address, remote)
        return True

    async def _send_backlog(self) -> None:
        while True:
            await self._has_backlog.wait()
            await trio.lowlevel.wait_writable(self._socket)
            while self._backlog and self._try_send(*self._backlog[0]):
                self._backlog.popleft()
            if not self._backlog:
                self._has_backlog = trio.Event()

    def _read_burst(self) -> None:
        for _ in range(UDP_BURST):
            try:
                data, sender = self._socket.recvfrom(_MAX_DATAGRAM)
            except OSError as exc:
                if not isinstance(exc, BlockingIOError):
                    self._read_returned()
                return
            if is_stun(data):
                self._answer_stun(data, sender)
            elif data.strip(b"\r\n\0 \t"):
                peer = PeerAddress(transport="udp", host=sender[0], port=sender[1])
                self._receiver.datagram(data, Flow(id=self.id, local=self.address, peer=peer))
            elif data == _PING:
                self._pong(sender)

    def _answer_stun(self, data: bytes, where: tuple[str, int]) -> None:
        reply = answer(data, where[0], where[1])
        if reply is not None:
            self._send_quietly(reply, where)

    def _pong(self, where: tuple[str, int]) -> None:
        """Some phones keep their NAT open with CRLFs on UDP too; a lost answer does not matter."""
        self._send_quietly(_PONG, where)

    def _send_quietly(self, data: bytes, where: tuple[str, int]) -> None:
        try:
            self._socket.sendto(data, where)
        except OSError:
            return

    def _read_returned(self) -> None:
        """Datagrams that the network returned; reading them also clears the socket's error."""
        if not _HAS_ERROR_QUEUE:
            return
        for _ in range(MAX_RETURNED):
            try:
                data, notes, _, _ = self._socket.recvmsg(_MAX_DATAGRAM, 512, socket.MSG_ERRQUEUE)
            except OSError:
                return
            code = _error_code(notes)
            if code in (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH):
                self._receiver.returned(data, os.strerror(code))


def _error_code(notes: list[tuple[int, int, bytes]]) -> int:
    for level, kind, content in notes:
        is_error = (level, kind) in (
            (socket.IPPROTO_IP, _IP_RECVERR),
            (socket.IPPROTO_IPV6, _IPV6_RECVERR),
        )
        if is_error and len(content) >= _ERROR_HEAD.size:
            code, _, _, _, _ = _ERROR_HEAD.unpack_from(content)
            return int(code)
    return 0


def _ask_for_buffers(sock: socket.socket) -> None:
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        try:
            sock.setsockopt(socket.SOL_SOCKET, option, UDP_BUFFER_BYTES)
        except OSError:
            continue  # the system's own size will have to do
