"""What comes out of a connection's bytes, whatever carries the messages. Pure.

A framing cuts what was read into arrivals and dresses what is to be sent. Plain streams (TCP, TLS)
are cut by Content-Length; the framing decides nothing about time.
"""

from __future__ import annotations

from typing import Protocol

import attrs

from sip.message import KeepAlive, Message, MessageError, StreamFramer

_PING, _PONG = b"\r\n\r\n", b"\r\n"


@attrs.frozen
class Whole:
    """A message."""

    message: Message


@attrs.frozen
class Damaged:
    """Something that is no message; the connection goes on."""

    error: MessageError
    data: bytes


@attrs.frozen
class Answer:
    """The transport's own reply to what was read, to be written at once."""

    data: bytes


@attrs.frozen
class Lost:
    """Nothing after this can be understood, or the peer took leave: close the connection."""

    reason: str


@attrs.frozen
class Pong:
    """What may be the answer to a ping of ours."""


Arrival = Whole | Damaged | Answer | Pong | Lost


class Framing(Protocol):
    """The border of messages on one connection."""

    answers_pings: bool
    """Whether a living peer answers every ping; many SIP peers ignore CRLFs."""

    def feed(self, data: bytes) -> list[Arrival]:
        """What is complete now, in order. Never raises; nothing follows a Lost."""
        ...

    def wrap(self, data: bytes) -> bytes:
        """The bytes on the wire for one message."""
        ...

    def ping(self) -> bytes:
        """What a peer may answer to show that it is there."""
        ...

    def farewell(self, why: str) -> bytes:
        """What is owed to the peer when we close, if anything."""
        ...


class StreamFraming:
    """SIP on a byte stream (RFC 3261 18.3), CRLF keep-alives answered (RFC 5626 4.4.1)."""

    answers_pings = False

    def __init__(self) -> None:
        self._framer = StreamFramer()

    def feed(self, data: bytes) -> list[Arrival]:
        found: list[Arrival] = []
        piece = data
        while True:
            fault: MessageError | None = None
            try:
                items = self._framer.feed(piece)
            except MessageError as exc:
                fault, items = exc, exc.before
            for item in items:
                if not isinstance(item, KeepAlive):
                    found.append(Whole(item))
                else:
                    found.append(Answer(_PONG) if item.double else Pong())
            if fault is None:
                return found
            found.append(Damaged(fault, data))
            if fault.fatal:
                found.append(Lost(f"the border of messages was lost: {fault.reason}"))
                return found
            piece = b""

    def wrap(self, data: bytes) -> bytes:
        return data

    def ping(self) -> bytes:
        return _PING

    def farewell(self, why: str) -> bytes:
        return b""
