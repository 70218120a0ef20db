"""The control link between the core and a child: one JSON object per packet, with descriptors.

AF_UNIX SOCK_SEQPACKET keeps packet borders, so neither side can be wedged by half a message, and
carries descriptors (SCM_RIGHTS). The peer may be hostile: whatever arrives, only LinkClosed comes
out. Audio never crosses here; it lies in sealed memory (runtime/media/pcm.py).
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import json
import os
import select
import socket
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, Final

import attrs
import trio

MAX_PACKET: Final = 128 * 1024
"""Fits the kernel's default send buffer of 208 KiB, so that a legal packet can always be sent."""
MAX_DESCRIPTORS: Final = 16
"""Per packet; the kernel's own limit is 253, nothing here needs more than a few."""
MAX_QUEUED_PACKETS: Final = 8192
"""Packets waiting for a child that reads slowly: about a second of a very busy engine."""
MAX_QUEUED_BYTES: Final = 4 * 1024 * 1024
"""Memory that a stuck child may cost the core before its owner learns of it."""

JsonObject = dict[str, Any]
_INT_SIZE: Final = array.array("i").itemsize


class LinkClosed(Exception):
    """The peer is gone or broke the protocol; str() says which. The link is of no more use."""


class LinkFull(Exception):
    """The peer has stopped reading and the queue for it is full; its owner should end it."""


@attrs.frozen
class _Packet:
    data: bytes
    fds: tuple[int, ...]


def encode_packet(message: JsonObject) -> bytes:
    """Serialise one packet; ValueError when it is too large or is not plain JSON."""
    data = json.dumps(message, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode()
    if len(data) > MAX_PACKET:
        raise ValueError(
            f"packet of {len(data)} bytes is over the limit of {MAX_PACKET}; audio and files "
            "belong into shared memory, not onto the link"
        )
    return data


def socket_pair() -> tuple[socket.socket, socket.socket]:
    """The two ends of a new link, neither inherited by children."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


class Link:
    """The core's end: sends without blocking, receives with trio. One receiving task at a time.

    `receive_fds` is how many descriptors the peer may attach to a packet; most children may none.
    """

    def __init__(self, sock: socket.socket, *, receive_fds: int = 0) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._receive_fds = receive_fds
        self._queue: deque[_Packet] = deque()
        self._queued_bytes = 0
        self._queued = trio.Event()
        self._draining = trio.Lock()

    def __repr__(self) -> str:
        return f"<Link fd={self._sock.fileno()} queued={len(self._queue)}>"

    @property
    def closed(self) -> bool:
        return self._sock.fileno() < 0

    def send_nowait(self, message: JsonObject, fds: Sequence[int] = ()) -> None:
        """Send at once, or queue when the peer is slow; `run_writer` or a `send` then delivers.

        Descriptors stay the caller's (queued ones are duplicated). Raises LinkFull, LinkClosed.
        """
        data = encode_packet(message)
        if self._queue or not self._try_send(data, fds):
            self._enqueue(data, fds)

    async def send(self, message: JsonObject, fds: Sequence[int] = ()) -> None:
        """Return when the packet is with the kernel. If cancelled it may be delivered later."""
        self.send_nowait(message, fds)
        await trio.lowlevel.checkpoint()
        await self._drain()

    async def run_writer(self) -> None:
        """Deliver what `send_nowait` had to queue, until cancelled; LinkClosed when it is over."""
        while True:
            await self._queued.wait()
            await self._drain()
            self._queued = trio.Event()

    async def receive(self) -> tuple[JsonObject, list[int]]:
        """The next packet and its descriptors (now the caller's). Raises LinkClosed."""
        while True:
            try:
                received = _receive(self._sock, self._receive_fds)
            except BlockingIOError:
                await _wait(trio.lowlevel.wait_readable, self._sock)
            else:
                await trio.lowlevel.checkpoint()
                return received

    def close(self) -> None:
        """Close this end; the peer sees the end of the link. Safe twice."""
        if self.closed:
            return
        trio.lowlevel.notify_closing(self._sock)
        self._sock.close()
        for packet in self._queue:
            _close_all(packet.fds)
        self._queue.clear()
        self._queued_bytes = 0
        self._queued.set()

    def _enqueue(self, data: bytes, fds: Sequence[int]) -> None:
        size = self._queued_bytes + len(data)
        if len(self._queue) >= MAX_QUEUED_PACKETS or size > MAX_QUEUED_BYTES:
            raise LinkFull(f"{len(self._queue)} packets wait for a peer that does not read")
        self._queue.append(_Packet(data, tuple(os.dup(fd) for fd in fds)))
        self._queued_bytes = size
        self._queued.set()

    async def _drain(self) -> None:
        async with self._draining:
            while self._queue:
                packet = self._queue[0]
                if self._try_send(packet.data, packet.fds):
                    self._queue.popleft()
                    self._queued_bytes -= len(packet.data)
                    _close_all(packet.fds)
                else:
                    await _wait(trio.lowlevel.wait_writable, self._sock)
        if self.closed:
            raise LinkClosed("this end was closed")

    def _try_send(self, data: bytes, fds: Sequence[int]) -> bool:
        try:
            _send(self._sock, data, fds)
        except BlockingIOError:
            return False
        return True


class BlockingLink:
    """The child's end, for processes without trio: poll it, or wait on it."""

    def __init__(self, sock: socket.socket, *, receive_fds: int = MAX_DESCRIPTORS) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._receive_fds = receive_fds

    def fileno(self) -> int:
        return self._sock.fileno()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Whether a packet (or the end of the link) is there within the time."""
        return _poll(self._sock, select.POLLIN, timeout_s)

    def receive_nowait(self) -> list[tuple[JsonObject, list[int]]]:
        """All packets that are there; raises LinkClosed only when nothing came before the end."""
        packets: list[tuple[JsonObject, list[int]]] = []
        while True:
            try:
                packets.append(_receive(self._sock, self._receive_fds))
            except BlockingIOError:
                return packets
            except LinkClosed:
                if packets:
                    return packets
                raise

    def receive(self) -> tuple[JsonObject, list[int]]:
        """Block until the next packet; raises LinkClosed."""
        while True:
            try:
                return _receive(self._sock, self._receive_fds)
            except BlockingIOError:
                self.wait()

    def send(self, message: JsonObject, fds: Sequence[int] = ()) -> None:
        """Block until the packet is with the kernel; raises LinkClosed."""
        data = encode_packet(message)
        while not self._try_send(data, fds):
            _poll(self._sock, select.POLLOUT, None)

    def moved(self, lowest: int) -> BlockingLink:
        """The same link on a descriptor that is not below `lowest`; this object is closed."""
        number = fcntl.fcntl(self._sock.fileno(), fcntl.F_DUPFD_CLOEXEC, lowest)
        self._sock.close()
        return BlockingLink(socket.socket(fileno=number), receive_fds=self._receive_fds)

    def try_send(self, message: JsonObject, fds: Sequence[int] = ()) -> bool:
        """Send without blocking; False when the core is slow and the packet was not sent."""
        return self._try_send(encode_packet(message), fds)

    def close(self) -> None:
        self._sock.close()

    def _try_send(self, data: bytes, fds: Sequence[int]) -> bool:
        try:
            _send(self._sock, data, fds)
        except BlockingIOError:
            return False
        return True


def _poll(sock: socket.socket, events: int, timeout_s: float | None) -> bool:
    poll = select.poll()  # select() cannot watch descriptors over 1023
    poll.register(sock, events)
    return bool(poll.poll(None if timeout_s is None else timeout_s * 1000))


async def _wait(wait: Any, sock: socket.socket) -> None:
    """trio's wait_readable / wait_writable, with a link closed meanwhile as LinkClosed."""
    if sock.fileno() < 0:
        raise LinkClosed("this end was closed")
    try:
        await wait(sock)
    except trio.ClosedResourceError:
        raise LinkClosed("this end was closed") from None


def _send(sock: socket.socket, data: bytes, fds: Sequence[int]) -> None:
    if len(fds) > MAX_DESCRIPTORS:
        raise ValueError(f"{len(fds)} descriptors in one packet, the limit is {MAX_DESCRIPTORS}")
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    try:
        sock.sendmsg([data], rights, socket.MSG_NOSIGNAL)
    except BlockingIOError:
        raise
    except OSError as exc:
        raise LinkClosed(f"the peer is gone ({exc.strerror})") from exc


def _receive(sock: socket.socket, receive_fds: int) -> tuple[JsonObject, list[int]]:
    """One packet; BlockingIOError when there is none, LinkClosed for everything else."""
    space = socket.CMSG_SPACE(receive_fds * _INT_SIZE) if receive_fds else 0
    try:
        data, ancillary, flags, _ = sock.recvmsg(MAX_PACKET, space, socket.MSG_CMSG_CLOEXEC)
    except BlockingIOError:
        raise
    except OSError as exc:
        raise LinkClosed(f"the peer is gone ({exc.strerror})") from exc
    fds = _descriptors(ancillary)
    try:
        return _decode(data, flags), fds
    except LinkClosed:
        _close_all(fds)
        raise


def _decode(data: bytes, flags: int) -> JsonObject:
    if not data:
        raise LinkClosed("the peer closed its end")
    if flags & socket.MSG_TRUNC:
        raise LinkClosed(f"the peer sent a packet over {MAX_PACKET} bytes")
    if flags & socket.MSG_CTRUNC:
        raise LinkClosed("the peer sent descriptors that were not asked for")
    try:
        message = json.loads(data)
    except (ValueError, RecursionError) as exc:
        raise LinkClosed("the peer sent a packet that is not JSON") from exc
    if not isinstance(message, dict):
        raise LinkClosed("the peer sent a packet that is not a JSON object")
    return message


def _descriptors(ancillary: Iterable[tuple[int, int, bytes]]) -> list[int]:
    fds = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[: len(data) - len(data) % _INT_SIZE])
    return list(fds)


def _close_all(fds: Iterable[int]) -> None:
    for fd in fds:
        with contextlib.suppress(OSError):
            os.close(fd)
