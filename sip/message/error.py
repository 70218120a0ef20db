"""The one exception that comes out of the parsers, whatever the bytes were.

It is a remote fault: the peer sent something wrong. It says what to answer, and holds
what could be read, so that an answer with the right Via, From, To, Call-ID and CSeq exists.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .framing import KeepAlive
    from .message import Request, Response


class MessageError(ValueError):
    """What the peer sent cannot be used.

    `status` and `reason` are for the answer (a request only; a bad response is dropped).
    `message` is what could be read, or None when not even the start line made sense.

    From a `StreamFramer` alone: `before` holds what the same `feed` completed before this
    message, and `fatal` tells that the border of messages is lost: close the connection.
    When it is False, answer and go on with `feed(b"")`.
    """

    def __init__(self, status: int, reason: str, message: Request | Response | None = None) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status
        self.reason = reason
        self.message = message
        self.before: list[Request | Response | KeepAlive] = []
        self.fatal = False
