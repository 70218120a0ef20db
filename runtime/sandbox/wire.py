"""Framing between core and session worker: 4-byte big-endian length, then one UTF-8 JSON object.

The worker is hostile until proven otherwise, so the decoder refuses everything that a well-behaved
peer never sends (sandbox.md 4.2) and says so with ProtocolError; the session's owner decides what
that ends. Pure: bytes in, objects out.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator
from typing import Any, Final, NoReturn

MAX_WORKER_FRAME: Final = 64 * 1024
"""Worker to core: a legal 15,000-character log line is cut to fit before framing."""
MAX_CORE_FRAME: Final = 4 * 1024 * 1024
"""Core to worker: one module of 256 Ki characters may take twelve bytes each as JSON escapes."""
MAX_NESTING: Final = 32
"""Deeper JSON is never needed and would recurse in the parser."""
MAX_INTEGER: Final = 2**53
"""Beyond it JSON peers disagree about the value."""

VALUE_NESTING: Final = MAX_NESTING - 8
"""Of a stranger's JSON that a frame carries somewhere in its fields."""

_LENGTH = struct.Struct(">I")

JsonObject = dict[str, Any]


class ProtocolError(Exception):
    """The peer broke the frame protocol; the session that owns the socket ends with `protocol`."""


def encode_frame(message: JsonObject, limit: int) -> bytes:
    """Serialise one frame; ValueError when it is over `limit` bytes or is not plain JSON."""
    body = json.dumps(message, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode()
    if len(body) > limit:
        raise ValueError(
            f"frame of {len(body)} bytes is over the limit of {limit}; send the content in pieces"
        )
    return _LENGTH.pack(len(body)) + body


class FrameDecoder:
    """Bytes in, JSON objects out; keeps at most one partial frame of `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()

    @property
    def partial(self) -> bool:
        """Whether part of a frame is waiting for its rest (the owner times that out)."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> Iterator[JsonObject]:
        """The frames that are whole now; ProtocolError after those that are in order."""
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > self._limit:
                raise ProtocolError(f"frame of {length} bytes, the limit is {self._limit}")
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                break
            body = bytes(self._buffer[_LENGTH.size : end])
            del self._buffer[:end]
            yield _parse(body)


def parse_value(text: str) -> Any:
    """A stranger's JSON, if a frame can carry it: no peer may make a frame that the other side
    refuses. Raises ProtocolError."""
    _check_nesting(text.encode("utf-8", "replace"), VALUE_NESTING)
    try:
        value = _CARRIED.decode(text)
    except (ValueError, RecursionError) as exc:
        raise ProtocolError(f"it is not acceptable JSON: {exc}") from exc
    _refuse_surrogates(value)
    return value


def _parse(body: bytes) -> JsonObject:
    _check_nesting(body, MAX_NESTING)
    try:
        text = body.decode("utf-8")
        value = _JSON.decode(text)
    except (ValueError, RecursionError) as exc:
        raise ProtocolError(f"frame is not acceptable JSON: {exc}") from exc
    if not isinstance(value, dict):
        raise ProtocolError(f"frame is a JSON {type(value).__name__}, not an object")
    if "\\ud" in text or "\\uD" in text:
        _refuse_surrogates(value)
    return value


def _check_nesting(body: bytes, most: int) -> None:
    """Bound the depth before the recursive parser runs, at the speed of searching: the core pays
    for every frame that a script cares to send."""
    if body.count(b"[") + body.count(b"{") <= most:
        return
    # Without its escapes, every second piece between quotes is a string.
    pieces = body.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')
    left = b"".join(pieces[::2]).translate(_AS_SQUARE, delete=_NO_BRACKETS)
    for _ in range(most):
        inner, left = left, left.replace(b"[]", b"")
        if left == inner:
            break
    if left:
        raise ProtocolError(f"frame is nested deeper than {most}, or its brackets do not match")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _small_integer(digits: str) -> int:
    if len(digits) > 17 or abs(value := int(digits)) > MAX_INTEGER:
        raise ValueError("integer beyond 2^53")
    return value


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError("number beyond all floats")
    return value


_AS_SQUARE: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_JSON: Final = json.JSONDecoder(parse_constant=_refuse_constant, parse_int=_small_integer)
_CARRIED: Final = json.JSONDecoder(
    parse_constant=_refuse_constant, parse_int=_small_integer, parse_float=_finite
)


def _refuse_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as exc:
        raise ProtocolError("frame holds a lone surrogate") from exc
