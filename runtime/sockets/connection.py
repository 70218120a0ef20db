"""The WebSocket protocol on one open connection, as its client or server: RFC 6455, by wsproto.

Bounds what a peer may send: the size of a message, the pieces it comes in, and the silence before
it counts as gone.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncGenerator
from typing import Final

import trio
from wsproto import WSConnection
from wsproto.events import (
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    TextMessage,
)
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import ProtocolError

READ: Final = 16 * 1024
MAX_MESSAGE: Final = 512 * 1024
"""Octets of one message as JSON: it must fit between the events that wait for a script
(session/channel.py)."""
MAX_PIECES: Final = 1_024
"""Of one message; one that comes in more is made to keep us busy."""
PING_S: Final = 20.0
SILENT_S: Final = 60.0
"""Three pings without an answer: the peer is gone."""
NOT_SAID: Final = 1006
"""RFC 6455 7.4.1: the connection ended without a goodbye."""


class Gone(Exception):
    """The peer has closed, broken the rules, or is gone."""

    def __init__(self, code: int, reason: str, *, clean: bool) -> None:
        super().__init__(reason)
        self.code, self.reason, self.clean = code, reason, clean


class Connection:
    """After the handshake (handshake.py)."""

    def __init__(self, stream: trio.abc.Stream, wire: WSConnection) -> None:
        self._stream = stream
        self._wire = wire
        self._first = True
        self._sending = trio.Lock()
        self.binary = 0
        """Messages that are no text; they are left out."""

    async def texts(self) -> AsyncGenerator[str, None]:
        """Messages as they come. Raises Gone."""
        parts: list[str] = []
        size = 0
        while True:
            for event in await self._read():
                match event:
                    case TextMessage(data=data, message_finished=finished):
                        parts.append(data)
                        size += len(json.dumps(data)) - 2
                        if size > MAX_MESSAGE or len(parts) > MAX_PIECES:
                            await self.close(CloseReason.MESSAGE_TOO_BIG)
                            raise Gone(1009, "a message is too long", clean=False)
                        if finished:
                            text, size = "".join(parts), 0
                            parts.clear()
                            yield text
                    case BytesMessage(message_finished=True):
                        self.binary += 1
                    case Ping():
                        await self._send(self._wire.send(event.response()))
                    case CloseConnection(code=code, reason=reason):
                        await self._goodbye(event.response())
                        raise Gone(int(code), reason or "", clean=int(code) != NOT_SAID)
                    case _:
                        pass

    async def _read(self) -> list[Event]:
        try:
            if self._first:  # what came in one piece with the handshake
                self._first = False
                return list(self._wire.events())
            with trio.fail_after(SILENT_S):
                return await self._receive()
        except trio.TooSlowError:
            raise Gone(NOT_SAID, "the peer does not answer any more", clean=False) from None
        except ProtocolError as exc:
            await self.close(CloseReason.PROTOCOL_ERROR)
            raise Gone(1002, f"the peer broke the protocol: {exc}", clean=False) from exc
        except (trio.BrokenResourceError, trio.ClosedResourceError) as exc:
            raise Gone(NOT_SAID, "the connection broke", clean=False) from exc

    async def _receive(self) -> list[Event]:
        data = await self._stream.receive_some(READ)
        if not data:
            raise Gone(NOT_SAID, "the connection was closed without a goodbye", clean=False)
        self._wire.receive_data(bytes(data))
        return list(self._wire.events())

    async def send(self, text: str) -> None:
        """Raises Gone."""
        try:
            await self._send(self._wire.send(TextMessage(data=text)))
        except ProtocolError as exc:
            raise Gone(NOT_SAID, "it is being closed", clean=False) from exc

    async def keep_alive(self) -> None:
        """Ask now and then whether the peer is still there; until Gone."""
        while True:
            await trio.sleep(PING_S)
            await self._send(self._wire.send(Ping()))

    async def _send(self, data: bytes) -> None:
        async with self._sending:
            try:
                await self._stream.send_all(data)
            except (trio.BrokenResourceError, trio.ClosedResourceError) as exc:
                raise Gone(NOT_SAID, "the connection broke", clean=False) from exc

    async def close(self, code: int = CloseReason.NORMAL_CLOSURE) -> None:
        """Say goodbye; what the peer answers comes from `texts`. Never raises."""
        await self._goodbye(CloseConnection(code=code))

    async def _goodbye(self, event: CloseConnection) -> None:
        with contextlib.suppress(Gone, ProtocolError):
            await self._send(self._wire.send(event))

    async def aclose(self) -> None:
        await trio.aclose_forcefully(self._stream)
