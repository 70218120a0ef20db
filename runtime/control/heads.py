"""What a new connection of the HTTP listener brings: a WebSocket handshake, or HTTP. Pure.

Only the first request of a connection is looked at, as clients of WebSockets open one for each.
"""

from __future__ import annotations

import enum
import re
from typing import Final

from runtime.decisions.access import ACCESS

MAX_HEAD: Final = 32 * 1024
"""Octets of request line and headers."""
_BEGIN: Final = f"GET {ACCESS}".encode("ascii")
_END: Final = b"\r\n\r\n"
_UPGRADE: Final = re.compile(rb"\r\nupgrade:[ \t]*websocket[ \t]*\r\n", re.IGNORECASE)


class Kind(enum.Enum):
    NOT_CLEAR = "more must come"
    SOCKET = "a WebSocket handshake at an access URL"
    HTTP = "anything else"


def kind_of(data: bytes) -> Kind:
    """By what has come so far."""
    if data[: len(_BEGIN)] != _BEGIN[: len(data)]:
        return Kind.HTTP
    end = data.find(_END)
    if end < 0:
        return Kind.HTTP if len(data) > MAX_HEAD else Kind.NOT_CLEAR
    return Kind.SOCKET if _UPGRADE.search(data, 0, end + 2) else Kind.HTTP
