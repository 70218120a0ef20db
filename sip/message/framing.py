"""Cuts a byte stream (TCP, TLS) into messages and keep-alives (RFC 3261 18.3, RFC 5626 4.4.1).

Rules: the result does not depend on how the bytes were chunked; no byte is looked at more
than a bounded number of times; at most one message of bounded size is ever held.
"""

from __future__ import annotations

from typing import TypeAlias

import attrs

from .error import MessageError
from .limits import MAX_HEAD_BYTES
from .message import Request, Response
from .parser import HEAD_END, Head, read_head


@attrs.frozen
class KeepAlive:
    """A CRLF between messages. Each second in a row is `double`: a ping, answered by one CRLF.

    A single one is the pong to our own ping, or padding before a message; ignore it.
    """

    double: bool


StreamItem: TypeAlias = Request | Response | KeepAlive


class StreamFramer:
    """The receiving side of one connection."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0  # no empty line ends before this offset
        self._head: Head | None = None  # read, and waiting for its body
        self._after_crlf = False
        self._broken = False

    def feed(self, data: bytes) -> list[StreamItem]:
        """Take what was read from the connection; return what is complete, in order.

        Raises MessageError for a bad message. Its `before` holds the items that this call
        completed first. When its `fatal` is False, the bad message is consumed: answer it,
        then call `feed(b"")` for what follows. When True, answer it and close.
        """
        if self._broken:
            self._lose_framing(MessageError(400, "the border of messages was lost before"))
        self._buffer += data
        items: list[StreamItem] = []
        try:
            while (item := self._next_item()) is not None:
                items.append(item)
        except MessageError as exc:
            exc.before = items
            raise
        return items

    def _next_item(self) -> StreamItem | None:
        if self._head is None:
            if self._take_line_end():
                double, self._after_crlf = self._after_crlf, not self._after_crlf
                return KeepAlive(double)
            self._head = self._take_head()
            if self._head is None:
                return None
        length = self._head.content_length or 0
        if len(self._buffer) < length:
            return None
        head, self._head = self._head, None
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        message = head.accept()
        message.body = body
        return message

    def _take_line_end(self) -> bool:
        for line_end in (b"\r\n", b"\n"):
            if self._buffer.startswith(line_end):
                del self._buffer[: len(line_end)]
                return True
        return False

    def _take_head(self) -> Head | None:
        # Two bytes of the empty line may have been searched before its last one came.
        end = HEAD_END.search(self._buffer, max(0, self._searched - 2), MAX_HEAD_BYTES)
        if end is None:
            self._searched = len(self._buffer)
            if self._searched >= MAX_HEAD_BYTES:
                reason = f"no end of headers within {MAX_HEAD_BYTES} bytes"
                self._lose_framing(MessageError(513, reason))
            return None
        head = read_head(bytes(self._buffer[: end.start()]))
        del self._buffer[: end.end()]
        self._searched = 0
        self._after_crlf = False
        if head.fault is not None and (head.framing_lost or head.message is None):
            self._lose_framing(head.fault)
        self._check_length_known(head)
        return head

    def _check_length_known(self, head: Head) -> None:
        """RFC 3261 18.3 demands Content-Length here; without any body we do without it."""
        message = head.message
        if head.content_length is None and message and "Content-Type" in message.headers:
            reason = "Content-Length is required on a stream (RFC 3261 18.3)"
            self._lose_framing(MessageError(400, reason, message))

    def _lose_framing(self, error: MessageError) -> None:
        self._broken = True
        self._buffer.clear()
        error.fatal = True
        raise error
