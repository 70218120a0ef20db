"""Field checks of the session protocol: type, length, range, and what must never reach SIP.

A command handler never sees a value that was not checked here. Every refusal is a ProtocolError
that names the field and the limit; its words are also the script's, when the value was its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import attrs

from runtime.decisions import http
from runtime.sandbox.wire import ProtocolError

MAX_UNIT: Final = 1_000_000
"""Far above every per-session limit; keeps handles small."""
MAX_URI: Final = 2_000
MAX_NAME: Final = 256
MAX_TEXT: Final = 16_000
"""Longer than the 1,500 characters that `say` accepts, so that the refusal is an event."""
MAX_HEADERS: Final = 64
MAX_HEADER_VALUE: Final = 200
"""VoxEngine's limit for one field of a script's SIP header (voxengine.md 3.8)."""
MAX_HEADERS_TOTAL: Final = 4_095
"""VoxEngine's limit for all SIP headers of a script together."""
MAX_INFO_BODY: Final = 8_192
MAX_SOCKET_TEXT: Final = 48 * 1024
"""Octets of one message of a WebSocket, as JSON: it fits into a worker's frame."""
MAX_REPORT: Final = 8_192
"""Of CallList; a session's task has as much."""
MAX_DIGITS: Final = 256
MAX_CUSTOM_DATA: Final = 8_192
MAX_HTTP_BODY: Final = 64 * 1024 * 1024
"""What an operator may raise a request's body to."""
MAX_HTTP_S: Final = 90.0
MAX_HTTP_CONNECT_S: Final = 6.0
"""VoxEngine's longest (voxengine.md 1.9)."""
MAX_BODY_PIECE: Final = 48 * 1024
"""Characters of base64 in one frame."""
MAX_TRACEBACK: Final = 16_000
MAX_LOG: Final = 15_000


SHOWN: Final = 40
"""Characters of a value that a refusal repeats."""

Check = Callable[[Any, "attrs.Attribute[Any]", Any], None]


class WrongType(ProtocolError):
    """The value is of a type that can never fit."""


def _fail(attribute: attrs.Attribute[Any], why: str) -> None:
    raise ProtocolError(f"{attribute.name}: {why}")


def _wrong_type(attribute: attrs.Attribute[Any], wanted: str, value: Any) -> None:
    raise WrongType(f"{attribute.name}: {wanted}, not {type(value).__name__}")


def _unsendable(text: str) -> bool:
    """JSON and SIP carry UTF-8, which has no halves of characters."""
    if text.isascii():
        return False
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def text_of(limit: int, *, lines: bool = False, empty: bool = True) -> Check:
    """A string of at most `limit` characters; control characters only where `lines` allows."""
    forbidden = ("\0",) if lines else ("\0", "\r", "\n")
    names = "NUL" if lines else "CR, LF or NUL"

    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if not isinstance(value, str):
            return _wrong_type(attribute, "must be a string", value)
        if len(value) > limit:
            return _fail(attribute, f"has {len(value)} characters, the limit is {limit}")
        if not empty and not value:
            return _fail(attribute, "must not be empty")
        if any(character in value for character in forbidden):
            return _fail(attribute, f"must not hold {names}")
        if _unsendable(value):
            return _fail(attribute, "holds half a character (a lone surrogate)")
        return None

    return check


def octets_of(limit: int) -> Check:
    """A text that has at most `limit` octets as JSON, as it goes to the core."""

    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if not isinstance(value, str):
            return _wrong_type(attribute, "must be a string", value)
        if _unsendable(value):
            return _fail(attribute, "holds half a character (a lone surrogate)")
        size = len(json.dumps(value, ensure_ascii=False).encode())
        if size > limit:
            return _fail(attribute, f"has {size} octets as JSON, the limit is {limit}")
        return None

    return check


def whole_number(low: int, high: int) -> Check:
    wanted = f"must be a whole number from {low} to {high}"

    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if type(value) is not int:
            _wrong_type(attribute, wanted, value)
        elif not low <= value <= high:
            _fail(attribute, f"{wanted}, not {str(value)[:SHOWN]}")

    return check


def number(low: float, high: float) -> Check:
    wanted = f"must be a number from {low} to {high}"

    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if type(value) not in (int, float):
            _wrong_type(attribute, wanted, value)
        elif not low <= value <= high:
            _fail(attribute, f"{wanted}, not {str(value)[:SHOWN]}")

    return check


def numbers(low: float, high: float, most: int) -> Check:
    """A list of at most `most` numbers."""
    wanted = f"must be a list of up to {most} numbers from {low:g} to {high:g}"

    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if not isinstance(value, list) or any(type(one) not in (int, float) for one in value):
            _wrong_type(attribute, wanted, value)
        elif len(value) > most or not all(low <= one <= high for one in value):
            _fail(attribute, f"{wanted}, not {str(value)[:SHOWN]}")

    return check


def flag(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if type(value) is not bool:
        _wrong_type(attribute, "must be True or False", value)


def one_of(*choices: str) -> Check:
    wanted = f"must be one of {', '.join(choices)}"

    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if not isinstance(value, str):
            _wrong_type(attribute, wanted, value)
        elif value not in choices:
            _fail(attribute, f"{wanted}, not {value[:SHOWN]!r}")

    return check


def _header_map(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """Names and values a script may put into SIP; which names is the core's decision."""
    if not isinstance(value, dict):
        return _wrong_type(attribute, "must be a dict", value)
    if len(value) > MAX_HEADERS:
        return _fail(attribute, f"holds {len(value)} headers, the limit is {MAX_HEADERS}")
    total = 0
    for name, text in value.items():
        if not isinstance(name, str) or not isinstance(text, str):
            return _fail(attribute, "must hold strings only")
        if not name or not all(c.isascii() and (c.isalnum() or c in "-._!%*+`'~") for c in name):
            return _fail(attribute, f"holds {name[:SHOWN]!r}, which cannot be a header's name")
        if any(c in text for c in "\r\n\0"):
            return _fail(attribute, f"must not hold CR, LF or NUL, {name[:SHOWN]} does")
        if _unsendable(text):
            return _fail(attribute, f"holds half a character (a lone surrogate) in {name[:SHOWN]}")
        size = len(text.encode("utf-8"))
        if size > MAX_HEADER_VALUE:
            return _fail(
                attribute, f"holds {size} bytes in {name[:SHOWN]}, the limit is {MAX_HEADER_VALUE}"
            )
        total += len(name) + len(text) + 4
    if total > MAX_HEADERS_TOTAL:
        return _fail(attribute, f"has {total} bytes in all, the limit is {MAX_HEADERS_TOTAL}")
    return None


def unit_field(*, optional: bool = False) -> Any:
    check = whole_number(0, MAX_UNIT)
    if optional:
        return attrs.field(default=None, validator=attrs.validators.optional(check))
    return attrs.field(validator=check)


def checked(check: Check, default: Any = attrs.NOTHING) -> Any:
    return attrs.field(default=default, validator=check)


def headers_field() -> Any:
    return attrs.field(factory=dict, validator=_header_map)


def _http_headers(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """Pairs of strings; what a script may say in them is decided in decisions/http.py."""
    if not isinstance(value, list | tuple):
        return _wrong_type(attribute, "must be a list", value)
    if len(value) > http.MAX_HEADERS:
        return _fail(attribute, f"holds {len(value)} headers, the limit is {http.MAX_HEADERS}")
    total = 0
    for pair in value:
        if not isinstance(pair, list | tuple) or [type(part) for part in pair] != [str, str]:
            return _fail(attribute, "must hold pairs of strings only")
        name, text = pair
        if _unsendable(text):
            return _fail(attribute, f"holds half a character (a lone surrogate) in {name[:SHOWN]}")
        why = http.why_not(name, text)
        if why is not None:
            return _fail(attribute, why)
        total += len(name) + len(text.encode()) + 4
    if total > http.MAX_HEADERS_TOTAL:
        return _fail(attribute, f"has {total} bytes in all, the limit is {http.MAX_HEADERS_TOTAL}")
    return None


def _pairs(value: Any) -> Any:
    """What comes as JSON lists becomes what it was."""
    if not isinstance(value, list) or not all(isinstance(pair, list) for pair in value):
        return value
    return tuple(tuple(pair) for pair in value)


def http_headers_field() -> Any:
    return attrs.field(default=(), converter=_pairs, validator=_http_headers)
