"""Opening a WebSocket on a connected stream, as its client (RFC 6455 4.1) or server (4.2).

No extension is offered or taken: a compressed message may be a thousand times as long as what came,
and nothing bounds it while it is unpacked.
"""

from __future__ import annotations

from typing import Final

import attrs
import trio
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    RejectConnection,
    RejectData,
    Request,
)
from wsproto.utilities import ProtocolError

from runtime.net import Failure, FetchError, Hop
from runtime.sockets.connection import READ, Connection

ANSWER_S: Final = 5.0
"""Who has sent a handshake takes the answer to it at once, or is gone."""


class HandshakeFailed(Exception):
    """It is no handshake, or who sent it is gone; str() says what is wrong."""


async def connect(stream: trio.abc.Stream, hop: Hop, protocols: tuple[str, ...]) -> Connection:
    """As the client. Raises FetchError; the stream stays the caller's then."""
    wire = WSConnection(ConnectionType.CLIENT)
    request = Request(
        host=hop.url.netloc.decode("ascii"),
        target=hop.url.raw_path.decode("ascii"),
        subprotocols=list(protocols),
        extra_headers=[(name.encode(), value.encode()) for name, value in hop.headers],
    )
    try:
        await stream.send_all(wire.send(request))
        while True:
            data = await stream.receive_some(READ)
            if not data:
                raise _refused(hop, "the connection was closed without a goodbye")
            wire.receive_data(bytes(data))
            for event in wire.events():  # what follows in it belongs to whoever reads messages
                if isinstance(event, AcceptConnection):
                    return Connection(stream, wire)
                if isinstance(event, RejectConnection):
                    raise _refused(hop, f"it answers {event.status_code}")
    except (ProtocolError, trio.BrokenResourceError) as exc:
        raise _refused(hop, str(exc) or "the connection broke") from exc


def _refused(hop: Hop, why: str) -> FetchError:
    return FetchError(Failure.CONNECTION, f"{hop.shown} opens no WebSocket: {why}")


@attrs.define(eq=False)
class Handshake:
    """A client's, which was read; it is answered once, by `accept` or `refuse`."""

    stream: trio.abc.Stream
    request: Request
    _wire: WSConnection

    @classmethod
    def read(cls, stream: trio.abc.Stream, head: bytes) -> Handshake:
        """The request of a connection, whole. Raises HandshakeFailed."""
        wire = WSConnection(ConnectionType.SERVER)
        try:
            wire.receive_data(head)
            request = next(iter(wire.events()), None)
        except ProtocolError as exc:
            raise HandshakeFailed(str(exc)) from exc
        except UnicodeError as exc:  # of wsproto; h11 lets obs-text pass (RFC 9110 5.5)
            raise HandshakeFailed("a header is no ASCII") from exc
        if not isinstance(request, Request):
            raise HandshakeFailed("it is no WebSocket handshake")
        return cls(stream, request, wire)

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        host = ("host", self.request.host)
        others = self.request.extra_headers
        return (host, *((n.decode("latin-1"), v.decode("latin-1")) for n, v in others))

    def connection(self) -> Connection:
        """Open once the handshake is accepted."""
        return Connection(self.stream, self._wire)

    async def accept(self) -> None:
        """With the first of the sub-protocols that are offered. Raises HandshakeFailed."""
        offered = self.request.subprotocols
        answer = AcceptConnection(subprotocol=offered[0] if offered else None)
        await self._send(self._wire.send(answer))

    async def refuse(self, code: int, content_type: str, body: bytes) -> None:
        """Raises HandshakeFailed."""
        headers = [
            (b"content-type", content_type.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        reject = RejectConnection(status_code=code, headers=headers, has_body=True)
        try:
            answer = self._wire.send(reject) + self._wire.send(RejectData(data=body))
        except ProtocolError as exc:  # who came did not take the acceptance
            raise HandshakeFailed("it was answered before") from exc
        await self._send(answer)

    async def _send(self, data: bytes) -> None:
        try:
            with trio.fail_after(ANSWER_S):
                await self.stream.send_all(data)
        except (trio.TooSlowError, trio.BrokenResourceError, trio.ClosedResourceError) as exc:
            raise HandshakeFailed("who came is gone") from exc
