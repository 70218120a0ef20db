"""A child's end of the link to the core, for processes without trio."""

from __future__ import annotations

import fcntl
import select
import socket
from collections.abc import Sequence

from runtime.processes.packets import (
    MAX_DESCRIPTORS,
    JsonObject,
    LinkClosed,
    encode_packet,
    receive_packet,
    send_packet,
)


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
                packets.append(receive_packet(self._sock, self._receive_fds))
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
                return receive_packet(self._sock, self._receive_fds)
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
            send_packet(self._sock, data, fds)
        except BlockingIOError:
            return False
        return True


def _poll(sock: socket.socket, events: int, timeout_s: float | None) -> bool:
    poll = select.poll()  # select() cannot watch descriptors over 1023
    poll.register(sock, events)
    return bool(poll.poll(None if timeout_s is None else timeout_s * 1000))
