"""A WebSocket server on loopback for tests: it keeps what it gets, and says what the test says."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import attrs
import trio
from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import (
    AcceptConnection,
    CloseConnection,
    Event,
    Ping,
    RejectConnection,
    Request,
    TextMessage,
)

PATIENCE_S = 60
"""A busy machine may take long; a hanging test must still end."""


@attrs.define
class SocketServer:
    """Serves one connection at a time. `status` other than 101 refuses."""

    port: int = 0
    status: int = 101
    answers_goodbye: bool = True
    request: Request | None = None
    texts: list[str] = attrs.field(factory=list)
    closed: CloseConnection | None = None
    accepted: trio.Event = attrs.field(factory=trio.Event)
    _news: trio.Event = attrs.field(factory=trio.Event)
    _stream: trio.SocketStream | None = None
    _wire: WSConnection = attrs.field(factory=lambda: WSConnection(ConnectionType.SERVER))
    _sending: trio.Lock = attrs.field(factory=trio.Lock)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/room?a=1"

    @property
    def messages(self) -> list[Any]:
        """What is JSON of what came."""
        return [json.loads(text) for text in self.texts if text[:1] == "{"]

    async def run(self, *, task_status: trio.TaskStatus[None]) -> None:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listener.socket.getsockname()[1]
        task_status.started()
        await trio.serve_listeners(self._serve, [listener])

    async def _serve(self, stream: trio.SocketStream) -> None:
        self._stream, self._wire = stream, WSConnection(ConnectionType.SERVER)
        with contextlib.suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            while data := await stream.receive_some():
                self._wire.receive_data(bytes(data))
                for event in self._wire.events():
                    await self._on(event)
        self._tell()

    async def _on(self, event: Event) -> None:
        match event:
            case Request():
                self.request = event
                if self.status == 101:
                    await self.send(AcceptConnection(subprotocol=(event.subprotocols or [None])[0]))
                    self.accepted.set()
                else:
                    await self.send(RejectConnection(status_code=self.status))
            case TextMessage(data=data):
                self.texts.append(data)
            case Ping():
                await self.send(event.response())
            case CloseConnection():
                self.closed = event
                if self.answers_goodbye and self._wire.state is ConnectionState.REMOTE_CLOSING:
                    await self.send(event.response())
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = trio.Event()

    async def send(self, event: Event) -> None:
        await self.send_bytes(self._wire.send(event))

    async def send_bytes(self, data: bytes) -> None:
        assert self._stream is not None
        async with self._sending:
            await self._stream.send_all(data)

    async def says(self, text: str) -> None:
        await self.send(TextMessage(data=text))

    async def starts(self, encoding: str, rate: int, **more: Any) -> None:
        form = {"encoding": encoding, "sampleRate": rate}
        await self.says(json.dumps({"event": "start", "start": {"mediaFormat": form, **more}}))

    async def plays(self, audio: bytes) -> None:
        payload = base64.b64encode(audio).decode()
        await self.says(json.dumps({"event": "media", "media": {"payload": payload}}))

    async def until(self, enough: Callable[[], bool]) -> None:
        with trio.fail_after(PATIENCE_S):
            while not enough():
                await self._news.wait()

    async def vanishes(self) -> None:
        assert self._stream is not None
        await trio.aclose_forcefully(self._stream)


@contextlib.asynccontextmanager
async def serving(**settings: Any) -> AsyncIterator[SocketServer]:
    server = SocketServer(**settings)
    async with trio.open_nursery() as nursery:
        await nursery.start(server.run)
        yield server
        nursery.cancel_scope.cancel()
