"""Field checks of the session protocol: type, length, range, and what must never reach SIP.

A command handler never sees a value that was not checked here. Every refusal is a ProtocolError
that names the field and the limit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import attrs

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
MAX_DIGITS: Final = 256
MAX_CUSTOM_DATA: Final = 8_192
MAX_TRACEBACK: Final = 16_000
MAX_LOG: Final = 15_000


Check = Callable[[Any, "attrs.Attribute[Any]", Any], None]


def _fail(attribute: attrs.Attribute[Any], why: str) -> None:
    raise ProtocolError(f"{attribute.name}: {why}")


def text_of(limit: int, *, lines: bool = False, empty: bool = True) -> Check:
    """A string of at most `limit` characters; control characters only where `lines` allows."""

    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if not isinstance(value, str):
            return _fail(attribute, f"{type(value).__name__} instead of a string")
        if len(value) > limit:
            return _fail(attribute, f"{len(value)} characters, the limit is {limit}")
        if not empty and not value:
            return _fail(attribute, "is empty")
        if "\0" in value or (not lines and ("\r" in value or "\n" in value)):
            return _fail(attribute, "holds a CR, LF or NUL")
        return None

    return check


def whole_number(low: int, high: int) -> Check:
    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if type(value) is not int or not low <= value <= high:
            _fail(attribute, f"must be a whole number from {low} to {high}")

    return check


def number(low: float, high: float) -> Check:
    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if type(value) not in (int, float) or not low <= value <= high:
            _fail(attribute, f"must be a number from {low} to {high}")

    return check


def flag(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if type(value) is not bool:
        _fail(attribute, "must be true or false")


def one_of(*choices: str) -> Check:
    def check(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if not isinstance(value, str) or value not in choices:
            _fail(attribute, f"must be one of {', '.join(choices)}")

    return check


def _header_map(_: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    """Names and values a script may put into SIP; which names is the core's decision."""
    if not isinstance(value, dict) or len(value) > MAX_HEADERS:
        return _fail(attribute, f"must be an object of at most {MAX_HEADERS} headers")
    total = 0
    for name, text in value.items():
        if not isinstance(name, str) or not isinstance(text, str):
            return _fail(attribute, "header names and values must be strings")
        if not name or not all(c.isascii() and (c.isalnum() or c in "-._!%*+`'~") for c in name):
            return _fail(attribute, f"{name[:40]!r} is not a header name")
        if any(c in text for c in "\r\n\0"):
            return _fail(attribute, f"the value of {name} holds a CR, LF or NUL")
        if len(text.encode("utf-8", "surrogatepass")) > MAX_HEADER_VALUE:
            return _fail(attribute, f"{name} is longer than {MAX_HEADER_VALUE} bytes")
        total += len(name) + len(text) + 4
    if total > MAX_HEADERS_TOTAL:
        return _fail(attribute, f"{total} bytes of headers, the limit is {MAX_HEADERS_TOTAL}")
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
