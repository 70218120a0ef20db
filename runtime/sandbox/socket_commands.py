"""Commands about WebSockets."""

from __future__ import annotations

from typing import ClassVar, Final

import attrs

from runtime.decisions.http import MAX_URL
from runtime.sandbox.command import Command
from runtime.sandbox.schema import (
    MAX_SOCKET_TEXT,
    checked,
    http_headers_field,
    octets_of,
    text_of,
    unit_field,
)

MAX_PROTOCOLS: Final = 256


@attrs.frozen(kw_only=True)
class CreateSocket(Command):
    """`protocols` are separated by commas."""

    op: ClassVar[str] = "socket.create"
    unit: int = unit_field()
    url: str = checked(text_of(MAX_URL, empty=False))
    protocols: str = checked(text_of(MAX_PROTOCOLS), "")
    headers: tuple[tuple[str, str], ...] = http_headers_field()


@attrs.frozen(kw_only=True)
class AllowSockets(Command):
    """Let WebSockets come in at the access URL, for the rest of the session."""

    op: ClassVar[str] = "session.allow_sockets"


@attrs.frozen(kw_only=True)
class SendSocketText(Command):
    op: ClassVar[str] = "socket.send"
    unit: int = unit_field()
    text: str = checked(octets_of(MAX_SOCKET_TEXT))


@attrs.frozen(kw_only=True)
class CloseSocket(Command):
    op: ClassVar[str] = "socket.close"
    unit: int = unit_field()


@attrs.frozen(kw_only=True)
class ClearSocket(Command):
    """Drop the peer's audio that was not heard yet."""

    op: ClassVar[str] = "socket.clear"
    unit: int = unit_field()


SOCKET_COMMANDS: Final[tuple[type[Command], ...]] = (
    CreateSocket,
    AllowSockets,
    SendSocketText,
    CloseSocket,
    ClearSocket,
)
