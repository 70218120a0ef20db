"""Two byte streams joined in memory: a session's channel where worker and core share a process."""

from __future__ import annotations

from typing import Final

import trio

MAX_BUFFERED: Final = 1024 * 1024
"""As much as a socket pair would hold; then the sender waits."""


class _Pipe:
    """One direction."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.closed = False
        self.changed = trio.Event()

    def notify(self) -> None:
        self.changed.set()
        self.changed = trio.Event()


class MemoryStream(trio.abc.Stream):
    """One end; what is sent here is received at the other end."""

    def __init__(self, incoming: _Pipe, outgoing: _Pipe) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._closed = False

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.lowlevel.checkpoint()
        pipe = self._outgoing
        while len(pipe.data) > MAX_BUFFERED and not (pipe.closed or self._closed):
            await pipe.changed.wait()
        if self._closed:
            raise trio.ClosedResourceError("this end is closed")
        if pipe.closed:
            raise trio.BrokenResourceError("the other end is closed")
        pipe.data += data
        pipe.notify()

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        pipe = self._incoming
        while not (pipe.data or pipe.closed or self._closed):
            await pipe.changed.wait()
        if self._closed:
            raise trio.ClosedResourceError("this end is closed")
        size = len(pipe.data) if max_bytes is None else max_bytes
        data = bytes(pipe.data[:size])
        del pipe.data[:size]
        pipe.notify()
        return data

    def close(self) -> None:
        self._closed = True
        for pipe in (self._incoming, self._outgoing):
            pipe.closed = True
            pipe.notify()

    async def aclose(self) -> None:
        self.close()
        await trio.lowlevel.checkpoint()


def memory_stream_pair() -> tuple[MemoryStream, MemoryStream]:
    one, other = _Pipe(), _Pipe()
    return MemoryStream(one, other), MemoryStream(other, one)
