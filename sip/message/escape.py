"""Percent-escapes of URIs (RFC 3261 19.1.2, 25.1), on text that holds any byte.

Rule: `unescape(escape(x)) == x` for every decoded text, and a `%` that starts no escape stays.
Bytes that are no UTF-8 live in the text as surrogate escapes, as everywhere in this package.
"""

import re
from typing import Final

_UNRESERVED: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()"
_RESERVED: Final = ";/?:@&=+$,"

USER_SAFE: Final = frozenset(_UNRESERVED + "&=+$,;?/")
PARAM_SAFE: Final = frozenset(_UNRESERVED + "[]/:&+$")
HEADER_SAFE: Final = frozenset(_UNRESERVED + "[]/?:+$")

_BREAKS_USERINFO: Final = re.compile(r'[\x00-\x20\x7f<>"@]')
_ESCAPES: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_ONE_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})|([^%])", re.DOTALL)


def unescape(text: str) -> str:
    """Decode every `%HH`; the bytes of neighbouring escapes form UTF-8 together."""
    if "%" not in text:
        return text
    decoded = _ESCAPES.sub(lambda m: _decode(bytes.fromhex(m[0].replace("%", ""))), text)
    # Escaped and raw bytes may form one character only together; settle on one spelling.
    return _decode(decoded.encode("utf-8", "surrogateescape"))


def escape(text: str, safe: frozenset[str]) -> str:
    """Write every character outside `safe` as the `%HH` of its UTF-8 bytes."""
    if safe.issuperset(text):
        return text
    return "".join(c if c in safe else _percent(c) for c in text)


def escape_breaks(text: str) -> str:
    """Escape only what could not stand before the `@`; what is escaped already stays."""
    return _BREAKS_USERINFO.sub(lambda m: _percent(m[0]), text)


def normalize(text: str) -> str:
    """One spelling for all that RFC 3261 19.1.4 calls equivalent.

    Escapes of unreserved characters are decoded; what may not stand unescaped is escaped;
    escapes of reserved characters keep their meaning and therefore stay escapes.
    """
    if text.isascii() and "%" not in text and text.isalnum():
        return text
    return _ONE_ESCAPE.sub(_normalize_one, text)


def _normalize_one(match: re.Match[str]) -> str:
    if match[1]:
        char = chr(int(match[1], 16))
        return char if char in _UNRESERVED else f"%{match[1].upper()}"
    char = match[2]
    return char if char in _UNRESERVED or char in _RESERVED else _percent(char)


def _decode(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")


def _percent(char: str) -> str:
    return "".join(f"%{octet:02X}" for octet in char.encode("utf-8", "surrogateescape"))
