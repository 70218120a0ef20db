"""An answer whose body is still to be read, and the reading of it under a limit.

What is sent compressed is unpacked a bounded piece at a time: a few bytes that would become
gigabytes cost as much as the limit and no more.
"""

from __future__ import annotations

import zlib
from typing import Final, Protocol

from .failure import Failure, FetchError
from .hop import Headers

MAX_PIECE: Final = 64 * 1024
"""Of a body, as it is unpacked and handed on."""
_PACKED: Final = ("gzip", "x-gzip", "deflate")


class Reply(Protocol):
    """The answer of one server."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Headers: ...
    @property
    def declared(self) -> int | None:
        """How many bytes of body are to come, if it is told."""

    async def piece(self) -> bytes | None:
        """The next bytes of the body; None at its end. Raises FetchError."""

    async def aclose(self) -> None: ...


def header(reply: Reply, name: str) -> str:
    """The first header of that (lower-case) name, "" without one."""
    return next((value for each, value in reply.headers if each.lower() == name), "")


class Body:
    """The body of a reply, unpacked, `limit` bytes at most."""

    def __init__(self, reply: Reply, *, limit: int) -> None:
        """Raises FetchError when it is known to be too large."""
        if reply.declared is not None and reply.declared > limit:
            why = f"the answer has {reply.declared:,} bytes, the limit is {limit:,}"
            raise FetchError(Failure.TOO_LARGE, why)
        self.size = 0
        """Bytes so far."""
        self._reply = reply
        self._limit = limit
        packed = header(reply, "content-encoding").strip().lower() in _PACKED
        self._unpacker = _Unpacker() if packed else None

    async def piece(self) -> bytes | None:
        """The next bytes; None at the end. Raises FetchError."""
        unpacker = self._unpacker
        while True:
            if unpacker is not None and (unpacked := unpacker.take()):
                return self._counted(unpacked)
            arrived = await self._reply.piece()
            if arrived is None:
                if unpacker is not None:
                    unpacker.end()
                return None
            if unpacker is None:
                return self._counted(arrived)
            unpacker.feed(arrived)

    def _counted(self, piece: bytes) -> bytes:
        self.size += len(piece)
        if self.size > self._limit:
            why = f"the answer has more than {self._limit:,} bytes"
            raise FetchError(Failure.TOO_LARGE, why)
        return piece


class _Unpacker:
    """gzip and deflate (RFC 9110 8.4.1), deflate also without its zlib header, as some send it."""

    def __init__(self) -> None:
        self._waiting = b""
        self._inflate: zlib._Decompress | None = None

    def feed(self, packed: bytes) -> None:
        self._waiting += packed
        if self._inflate is None and len(self._waiting) > 1:
            self._inflate = zlib.decompressobj(_window(self._waiting))

    def take(self) -> bytes:
        """What is ready, at most MAX_PIECE bytes; nothing when more is needed."""
        if self._inflate is None or self._inflate.eof:
            return b""
        try:
            piece = self._inflate.decompress(self._waiting, MAX_PIECE)
        except zlib.error as exc:
            raise FetchError(Failure.NETWORK, f"the answer is badly compressed: {exc}") from exc
        self._waiting = self._inflate.unconsumed_tail
        return piece

    def end(self) -> None:
        """Nothing more comes. Raises FetchError when something is missing."""
        begun = self._inflate is not None or self._waiting
        if begun and not (self._inflate is not None and self._inflate.eof):
            raise FetchError(Failure.NETWORK, "the answer ends in the middle of its compression")


def _window(begin: bytes) -> int:
    """zlib's parameter for what begins so: gzip, zlib (RFC 1950 2.2), or neither."""
    is_zlib = begin[0] & 0x0F == zlib.DEFLATED and int.from_bytes(begin[:2]) % 31 == 0
    return zlib.MAX_WBITS | 32 if is_zlib or begin[:2] == b"\x1f\x8b" else -zlib.MAX_WBITS
