"""SIP over WebSocket, the server's side (RFC 7118): handshake, one message per WebSocket message.

Pure. Phones in browsers must offer the sub-protocol `sip`, and come from an origin that the
operator named: a page of any other site could otherwise place calls with the visitor's address,
which on loopback is one that may call.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import attrs
from wsproto import ConnectionType, WSConnection, events
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Event,
    Ping,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from sip.message import MessageError, parse_datagram

from .arrivals import Answer, Arrival, Damaged, Lost, Pong, Whole
from .limits import MAX_HANDSHAKE_BYTES, MAX_WEBSOCKET_MESSAGE_BYTES

SUB_PROTOCOL = "sip"
ANY_ORIGIN = "*"
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_PING, _PONG = b"\r\n\r\n", b"\r\n"


@attrs.frozen(kw_only=True)
class WebSocketSettings:
    origins: tuple[str, ...] = ()
    """Sites whose pages may connect, as browsers write them: `https://phone.example.com`, with the
    port unless it is the scheme's own. `*` allows all. Programs that send no Origin may connect
    anyway."""


@attrs.frozen(kw_only=True)
class Accepted:
    reply: bytes


@attrs.frozen(kw_only=True)
class Rejected:
    reply: bytes
    why: str


class WebSocketFraming:
    """One connection: first `shake_hands` until it says yes or no, then a framing like others."""

    answers_pings = True  # RFC 6455 5.5.2

    def __init__(self, settings: WebSocketSettings) -> None:
        self._settings = settings
        self._wire = WSConnection(ConnectionType.SERVER)
        self._head = b""
        self._early = b""
        """What came after the handshake before we answered it."""
        self._pieces: list[bytes] = []
        self._size = 0
        self._is_over = False

    # --- the handshake ---

    def shake_hands(self, data: bytes) -> Accepted | Rejected | None:
        """Take bytes of the HTTP request; None while it is not complete."""
        self._head += data
        end = _HEAD_END.search(self._head)
        if end is None and len(self._head) <= MAX_HANDSHAKE_BYTES:
            return None
        border = len(self._head) if end is None else end.end()
        # wsproto forgets what comes after the head, so that it is given to it later
        head, self._early, self._head = self._head[:border], self._head[border:], b""
        try:
            self._wire.receive_data(head)
            arrived = list(self._wire.events())
        except RemoteProtocolError as exc:
            hint = exc.event_hint
            status = hint.status_code if isinstance(hint, RejectConnection) else 400
            return self._reject(status, f"no WebSocket handshake: {exc}")
        except UnicodeError:  # a header that is no ASCII, a host that is no name
            return self._reject(400, "no WebSocket handshake: bytes that no header may have")
        request = next((event for event in arrived if isinstance(event, Request)), None)
        if request is None:
            return self._reject(400, f"no WebSocket handshake within {MAX_HANDSHAKE_BYTES} bytes")
        return self._judge(request)

    def _judge(self, request: Request) -> Accepted | Rejected:
        if SUB_PROTOCOL not in request.subprotocols:
            why = f"the WebSocket sub-protocol {SUB_PROTOCOL!r} is not offered (RFC 7118 4.1)"
            return self._reject(400, why)
        origins = [value for name, value in request.extra_headers if name == b"origin"]
        if not all(self._is_welcome(value.decode("latin-1")) for value in origins):
            shown = origins[0].decode("latin-1")[:100]
            return self._reject(
                403, f"pages of {shown!r} may not connect: no [sip.websocket] origins"
            )
        reply = self._wire.send(AcceptConnection(subprotocol=SUB_PROTOCOL))
        self._wire.receive_data(self._early)
        return Accepted(reply=reply)

    def _is_welcome(self, origin: str) -> bool:
        return any(allowed in (ANY_ORIGIN, origin.lower()) for allowed in self._settings.origins)

    def _reject(self, status: int, why: str) -> Rejected:
        """In plain HTTP; nothing but the reason for a request that was no HTTP at all."""
        body = f"{why}\n".encode()
        headers = [
            (b"Content-Type", b"text/plain; charset=utf-8"),
            (b"Content-Length", str(len(body)).encode()),
            (b"Connection", b"close"),
        ]
        if status == 426:
            headers.append((b"Sec-WebSocket-Version", b"13"))
        refusal = RejectConnection(status_code=status, headers=headers, has_body=True)
        try:
            reply = self._wire.send(refusal) + self._wire.send(RejectData(data=body))
        except LocalProtocolError:
            reply = b""
        return Rejected(reply=reply, why=why)

    # --- messages (sip.transport.arrivals.Framing) ---

    def feed(self, data: bytes) -> list[Arrival]:
        found: list[Arrival] = []
        if self._is_over:
            return found
        try:
            if data:
                self._wire.receive_data(data)
            for event in self._wire.events():
                found += self._take(event)
                if self._is_over:
                    break
        except RemoteProtocolError as exc:
            hint = exc.event_hint
            code = hint.code if isinstance(hint, CloseConnection) else CloseReason.PROTOCOL_ERROR
            found += self._end(code, f"not WebSocket: {exc}")
        return found

    def _take(self, event: Event) -> Iterable[Arrival]:
        match event:
            case TextMessage(data=text):
                return self._piece(text.encode(), event.message_finished)
            case BytesMessage(data=data):
                return self._piece(bytes(data), event.message_finished)
            case Ping():
                return [Answer(self._wire.send(event.response()))]
            case events.Pong():
                return [Pong()]
            case CloseConnection(code=code):
                self._is_over = True
                reply = self._wire.send(event.response())
                return [Answer(reply), Lost(f"the peer closed the WebSocket ({int(code)})")]
            case _:
                return []

    def _piece(self, data: bytes, is_last: bool) -> Iterable[Arrival]:
        """Fragments are joined; their sum is bounded as they come."""
        self._size += len(data)
        if self._size > MAX_WEBSOCKET_MESSAGE_BYTES:
            reason = f"a message of over {MAX_WEBSOCKET_MESSAGE_BYTES} bytes"
            return self._end(CloseReason.MESSAGE_TOO_BIG, reason)
        self._pieces.append(data)
        if not is_last:
            return []
        whole = b"".join(self._pieces)
        self._pieces, self._size = [], 0
        return [self._message(whole)]

    def _message(self, data: bytes) -> Arrival:
        if data == _PING:
            # RFC 7118 6: some clients keep alive with the CRLFs of RFC 5626
            return Answer(self.wrap(_PONG))
        if not data.strip():
            return Pong()
        try:
            return Whole(parse_datagram(data))
        except MessageError as exc:
            return Damaged(exc, data)

    def _end(self, code: int, why: str) -> list[Arrival]:
        return [Answer(self._close(code, why)), Lost(why)]

    def _close(self, code: int, why: str) -> bytes:
        self._is_over = True
        self._pieces = []
        try:
            return self._wire.send(CloseConnection(code=code, reason=why))
        except LocalProtocolError:
            return b""

    def wrap(self, data: bytes) -> bytes:
        """Text where it can be (RFC 7118 4.2): JavaScript finds that easier to read."""
        try:
            return self._wire.send(TextMessage(data=data.decode()))
        except UnicodeDecodeError:
            return self._wire.send(BytesMessage(data=data))
        except LocalProtocolError:
            return b""  # the peer said that it is leaving

    def ping(self) -> bytes:
        return b"" if self._is_over else self._wire.send(Ping())

    def farewell(self, why: str) -> bytes:
        return b"" if self._is_over else self._close(CloseReason.GOING_AWAY, why)
