"""A WebSocket client on loopback for tests: raw wsproto on a raw connection."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlsplit

import attrs
import trio
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    CloseConnection,
    Event,
    Ping,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto.extensions import PerMessageDeflate

PATIENCE_S = 60
"""A busy machine may take long; a hanging test must still end."""


@attrs.define
class Visitor:
    """One connection; what comes is kept."""

    stream: trio.SocketStream
    accepted: AcceptConnection | None = None
    status: int = 0
    """Of a refusal."""
    refusal: bytes = b""
    texts: list[str] = attrs.field(factory=list)
    closed: CloseConnection | None = None
    pings: int = 0
    gone: bool = False
    _wire: WSConnection = attrs.field(factory=lambda: WSConnection(ConnectionType.CLIENT))
    _news: trio.Event = attrs.field(factory=trio.Event)

    @property
    def messages(self) -> list[Any]:
        """What is JSON of what came."""
        return [json.loads(text) for text in self.texts if text[:1] == "{"]

    async def knocks(self, url: str) -> None:
        """Send the handshake; offers what browsers offer."""
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        request = Request(
            host=parts.netloc,
            target=target,
            subprotocols=["chat", "other"],
            extensions=[PerMessageDeflate()],
            extra_headers=[(b"X-Who", b"Ann")],
        )
        await self.stream.send_all(self._wire.send(request))

    async def run(self) -> None:
        """Take what comes until the connection ends."""
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            while data := await self.stream.receive_some():
                self._wire.receive_data(bytes(data))
                for event in self._wire.events():
                    await self._on(event)
                self._tell()
        self.gone = True
        self._tell()

    async def _on(self, event: Event) -> None:
        match event:
            case AcceptConnection():
                self.accepted = event
            case RejectConnection(status_code=status):
                self.status = status
            case RejectData(data=data):
                self.refusal += data
            case TextMessage(data=data):
                self.texts.append(data)
            case Ping():
                self.pings += 1
                await self.send(event.response())
            case CloseConnection():
                self.closed = event
                with contextlib.suppress(Exception):  # both said it at once
                    await self.send(event.response())

    def _tell(self) -> None:
        self._news.set()
        self._news = trio.Event()

    async def until(self, enough: Callable[[], object]) -> None:
        with trio.fail_after(PATIENCE_S):
            while not enough():
                await self._news.wait()

    async def send(self, event: Event) -> None:
        await self.stream.send_all(self._wire.send(event))

    async def says(self, text: str) -> None:
        await self.send(TextMessage(data=text))

    async def starts(self, encoding: str, rate: int, **more: Any) -> None:
        form = {"encoding": encoding, "sampleRate": rate}
        await self.says(json.dumps({"event": "start", "start": {"mediaFormat": form, **more}}))

    async def plays(self, audio: bytes) -> None:
        payload = base64.b64encode(audio).decode()
        await self.says(json.dumps({"event": "media", "media": {"payload": payload}}))

    async def leaves(self, code: int = 1000) -> None:
        await self.send(CloseConnection(code=code))


@contextlib.asynccontextmanager
async def visiting(url: str) -> AsyncIterator[Visitor]:
    """Connects to a ws:// or http:// URL, and says the handshake."""
    parts = urlsplit(url)
    stream = await trio.open_tcp_stream(str(parts.hostname), int(parts.port or 80))
    visitor = Visitor(stream)
    async with stream, trio.open_nursery() as nursery:
        await visitor.knocks(url)
        nursery.start_soon(visitor.run)
        yield visitor
        nursery.cancel_scope.cancel()
