"""HTTP/1.1 on one connection: one request, one answer, under bounds that a stranger cannot stretch.

Heads, informational answers and pieces are counted, and every event passes through the scheduler,
so that a server can neither fill the core's memory nor hold its thread.
"""

from __future__ import annotations

import contextlib
from typing import Final

import h11
import trio

from .failure import Failure, FetchError
from .hop import Headers, Hop

READ: Final = 16 * 1024
"""Read at once: as much as is parsed before others get their turn."""
MAX_HEAD: Final = 32 * 1024
"""Of the answer's status line and headers, and of a chunk's head; servers send a few hundred
bytes."""
MAX_INFORMATIONAL: Final = 8
"""1xx answers before the real one."""
MAX_PIECES: Final = 50_000
"""Chunks of a body: 2 MB in pieces of 42 bytes. More are an attack on the reader."""


class Exchange:
    """Sends a hop and reads its answer. `open` first; `aclose` in any case."""

    def __init__(self, stream: trio.abc.Stream, hop: Hop) -> None:
        self.status = 0
        self.headers: Headers = ()
        self.declared: int | None = None
        self._stream = stream
        self._hop = hop
        self._wire = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        self._pieces = 0

    async def open(self) -> None:
        """Send the request and read the head of the answer. Raises FetchError."""
        # A server may answer and leave before it has read everything: what it says counts.
        with contextlib.suppress(trio.BrokenResourceError):
            await self._stream.send_all(self._request())
        response = await self._response()
        self.status = response.status_code
        self.headers = tuple(
            (_text(name), _text(value)) for name, value in response.headers.raw_items()
        )
        self.declared = self._declared(response)

    async def piece(self) -> bytes | None:
        event = await self._event()
        if not isinstance(event, h11.Data):
            return None
        self._pieces += 1
        if self._pieces > MAX_PIECES:
            raise self._broken(f"the answer comes in more than {MAX_PIECES:,} pieces")
        return bytes(event.data)

    async def aclose(self) -> None:
        await trio.aclose_forcefully(self._stream)

    def _request(self) -> bytes:
        hop, wire = self._hop, self._wire
        headers = [("Host", hop.url.netloc.decode("ascii")), *hop.headers]
        if hop.content or hop.method in ("POST", "PUT", "PATCH"):
            headers.append(("Content-Length", str(len(hop.content))))
        headers.append(("Connection", "close"))
        request = h11.Request(
            method=hop.method,
            target=hop.url.raw_path,
            headers=[(name.encode(), value.encode()) for name, value in headers],
        )
        parts = [wire.send(request)]
        if hop.content:
            parts.append(wire.send(h11.Data(hop.content)))
        parts.append(wire.send(h11.EndOfMessage()))
        return b"".join(part for part in parts if part)

    async def _response(self) -> h11.Response:
        for _ in range(MAX_INFORMATIONAL + 1):
            event = await self._event()
            if isinstance(event, h11.Response):
                return event
        raise self._broken("the answer does not come to the point")

    async def _event(self) -> h11.Event:
        while True:
            await trio.lowlevel.checkpoint()
            try:
                event = self._wire.next_event()
                if event is h11.NEED_DATA:
                    self._wire.receive_data(bytes(await self._stream.receive_some(READ)))
                    continue
            except h11.RemoteProtocolError as exc:
                raise self._broken(str(exc)) from exc
            except trio.BrokenResourceError as exc:
                raise self._broken("the connection broke") from exc
            if event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                raise self._broken("the connection was closed without an answer")
            assert isinstance(event, h11.Event)
            return event

    def _declared(self, response: h11.Response) -> int | None:
        if self._hop.method == "HEAD" or response.status_code in (204, 304):
            return None
        length = next((v for name, v in response.headers if name == b"content-length"), b"")
        return int(length) if length.isdigit() else None

    def _broken(self, why: str) -> FetchError:
        return FetchError(Failure.NETWORK, f"{self._hop.shown} cannot be fetched: {why}")


def _text(raw: bytes) -> str:
    """Headers are ASCII by the book, UTF-8 or Latin-1 in the field."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
