"""The core's end of the link to a child: sends without blocking, receives with trio.

What a packet is says packets.py; the child's end is in blocking_link.py.
"""

from __future__ import annotations

import os
import socket
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

import attrs
import trio

from runtime.processes.packets import (
    JsonObject,
    LinkClosed,
    close_descriptors,
    encode_packet,
    receive_packet,
    send_packet,
)

MAX_QUEUED_PACKETS: Final = 8192
"""Packets waiting for a child that reads slowly: about a second of a very busy engine."""
MAX_QUEUED_BYTES: Final = 4 * 1024 * 1024
"""Memory that a stuck child may cost the core before its owner learns of it."""


class LinkFull(Exception):
    """The peer has stopped reading and the queue for it is full; its owner should end it."""


@attrs.frozen
class _Packet:
    data: bytes
    fds: tuple[int, ...]


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
                received = receive_packet(self._sock, self._receive_fds)
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
            close_descriptors(packet.fds)
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
                    close_descriptors(packet.fds)
                else:
                    await _wait(trio.lowlevel.wait_writable, self._sock)
        if self.closed:
            raise LinkClosed("this end was closed")

    def _try_send(self, data: bytes, fds: Sequence[int]) -> bool:
        try:
            send_packet(self._sock, data, fds)
        except BlockingIOError:
            return False
        return True


async def _wait(wait: Any, sock: socket.socket) -> None:
    """trio's wait_readable / wait_writable, with a link closed meanwhile as LinkClosed."""
    if sock.fileno() < 0:
        raise LinkClosed("this end was closed")
    try:
        await wait(sock)
    except trio.ClosedResourceError:
        raise LinkClosed("this end was closed") from None
