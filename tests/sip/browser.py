"""A telephone in a browser: a WebSocket client on wsproto that speaks SIP as RFC 7118 shows it."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import trio
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    Event,
    Request,
    TextMessage,
)

from sip.message import Message, Response, parse_datagram
from sip.message import Request as SipRequest

HOST = "df7jal23ls0d.invalid"
"""What a browser says of its address: it knows none (RFC 7118 5.1)."""
PATIENCE_S = 200
"""Longer than the silence after which pings are sent, on a clock that jumps."""


@attrs.define
class Browser:
    """A WebSocket that is open, or was refused."""

    stream: trio.abc.Stream
    wire: WSConnection
    transport: str = "WS"
    seen: list[Event] = attrs.field(factory=list)
    texts: list[str | bytes] = attrs.field(factory=list)
    """Whole messages that came, as they came."""
    ended: bool = False
    _partial: str = ""
    branches: int = 0
    """Requests of its own so far."""

    async def put(self, event: Event) -> None:
        await self.stream.send_all(self.wire.send(event))

    async def say(self, text: str) -> None:
        await self.put(TextMessage(data=text))

    async def hear(self, kind: type[Event]) -> Event:
        """The next event of this kind; earlier ones of others are left in `seen`."""
        with trio.fail_after(PATIENCE_S):
            while True:
                found = next((event for event in self.seen if isinstance(event, kind)), None)
                if found is not None:
                    self.seen.remove(found)
                    return found
                await self._read()

    async def message(self) -> Message:
        """The next SIP message."""
        with trio.fail_after(PATIENCE_S):
            while not self.texts:
                await self._read()
        text = self.texts.pop(0)
        return parse_datagram(text if isinstance(text, bytes) else text.encode())

    async def until_text(self, text: str) -> None:
        """Wait for a message that is exactly this, and take it out."""
        with trio.fail_after(PATIENCE_S):
            while text not in self.texts:
                await self._read()
        self.texts.remove(text)

    async def response(self, status: int) -> Response:
        """The response with this status; lower ones are passed over."""
        while True:
            message = await self.message()
            if isinstance(message, Response) and message.status >= 200:
                assert message.status == status, message
            if isinstance(message, Response) and message.status == status:
                return message

    async def request(self, method: str) -> SipRequest:
        message = await self.message()
        assert isinstance(message, SipRequest)
        assert message.method == method
        return message

    async def end(self) -> None:
        """Wait until the connection is closed."""
        with trio.fail_after(PATIENCE_S):
            while not self.ended:
                await self._read()

    async def _read(self) -> None:
        try:
            data = await self.stream.receive_some()
        except trio.BrokenResourceError:
            data = b""
        if not data:
            assert not self.ended, "the connection is closed; nothing more will come"
            self.ended = True
            return
        self.wire.receive_data(bytes(data))
        for event in self.wire.events():
            if isinstance(event, TextMessage):
                self._partial += event.data
                if event.message_finished:
                    self.texts.append(self._partial)
                    self._partial = ""
            elif isinstance(event, BytesMessage):
                self.texts.append(bytes(event.data))
            else:
                self.seen.append(event)

    # --- SIP ---

    def sip(
        self, method: str, uri: str, *, to: str = "<sip:us@h>", number: int = 1, **more: str
    ) -> str:
        """A request of this browser; `more` are headers, `body` the body."""
        self.branches += 1
        body = more.pop("body", "")
        contact = f"<sip:rb@{HOST};transport=ws>"
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/{self.transport} {HOST};branch=z9hG4bK{self.branches}b{method}",
            "Max-Forwards: 70",
            f"To: {to}",
            "From: <sip:browser@h>;tag=b1",
            "Call-ID: browser-1",
            f"CSeq: {number} {method}",
            f"Contact: {more.pop('contact', contact)}",
            *(f"{name.replace('_', '-')}: {value}" for name, value in more.items()),
            f"Content-Length: {len(body)}",
        ]
        return "\r\n".join(lines) + "\r\n\r\n" + body


async def connect(
    port: int,
    *,
    origin: str | None = None,
    protocols: tuple[str, ...] = ("sip",),
    context: ssl.SSLContext | None = None,
) -> Browser:
    """Open the connection and send the handshake; the answer is still to be heard."""
    stream: trio.abc.Stream = await trio.open_tcp_stream("127.0.0.1", port)
    if context is not None:
        assert isinstance(stream, trio.SocketStream)
        stream = trio.SSLStream(stream, context, server_hostname="127.0.0.1", https_compatible=True)
    browser = Browser(
        stream, WSConnection(ConnectionType.CLIENT), "WSS" if context is not None else "WS"
    )
    headers = [] if origin is None else [(b"Origin", origin.encode())]
    await browser.put(
        Request(host="127.0.0.1", target="/", subprotocols=list(protocols), extra_headers=headers)
    )
    return browser


@asynccontextmanager
async def browser(
    port: int, *, origin: str | None = None, context: ssl.SSLContext | None = None
) -> AsyncIterator[Browser]:
    """A WebSocket that is open for SIP."""
    made = await connect(port, origin=origin, context=context)
    accepted = await made.hear(AcceptConnection)
    assert isinstance(accepted, AcceptConnection)
    assert accepted.subprotocol == "sip"
    try:
        yield made
    finally:
        await trio.aclose_forcefully(made.stream)
