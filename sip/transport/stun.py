"""STUN on SIP's UDP ports: the keep-alives of phones behind a NAT (RFC 5626 3.5.2, RFC 8489). Pure.

Binding requests are answered with the address that they came from, which also tells the phone
when its NAT gave it another one. Nothing else of STUN is spoken. An answer is hardly longer than
its question, so that a false source address gains nothing.
"""

from __future__ import annotations

import ipaddress
import struct
from typing import Final

_HEAD: Final = struct.Struct("!HHI12s")
_COOKIE: Final = 0x2112A442
_BINDING_REQUEST, _BINDING_SUCCESS, _BINDING_ERROR = 0x0001, 0x0101, 0x0111
_XOR_MAPPED_ADDRESS, _ERROR_CODE, _UNKNOWN_ATTRIBUTES = 0x0020, 0x0009, 0x000A
_FIRST_OPTIONAL: Final = 0x8000
"""Attributes from here on may be ignored by who does not know them (RFC 8489 14)."""
_KNOWN: Final = frozenset({0x0006, 0x0008, 0x0014, 0x0015})
"""USERNAME, MESSAGE-INTEGRITY, REALM, NONCE: allowed, and of no use here, where nobody has keys."""
MAX_UNKNOWN: Final = 4
"""Attributes named in an error answer; more would make it longer than a question."""
MAX_STUN_BYTES: Final = 548
"""RFC 8489 6.1: with an unknown path MTU no STUN message is longer over IPv4."""


def is_stun(data: bytes) -> bool:
    """Whether a datagram is STUN; no SIP message begins with a zero bit pair and the cookie."""
    return len(data) >= _HEAD.size and data[0] < 0x40 and data[4:8] == b"\x21\x12\xa4\x42"


def answer(data: bytes, host: str, port: int) -> bytes | None:
    """The answer to a datagram from there for which `is_stun`; None for what needs none."""
    kind, length, _, transaction = _HEAD.unpack_from(data)
    body = data[_HEAD.size :]
    if kind != _BINDING_REQUEST or len(data) > MAX_STUN_BYTES or length != len(body) or length % 4:
        return None
    unknown = _unknown(body)
    if unknown is None:
        return None
    if unknown:
        return _error(transaction, unknown[:MAX_UNKNOWN])
    value = _address(host, port, transaction)
    return (
        None
        if value is None
        else _message(_BINDING_SUCCESS, transaction, _attribute(_XOR_MAPPED_ADDRESS, value))
    )


def _unknown(body: bytes) -> list[int] | None:
    """Attributes that must not be ignored and are not known; None when they cannot be read."""
    found: list[int] = []
    while body:
        if len(body) < 4:
            return None
        kind, length = struct.unpack_from("!HH", body)
        padded = 4 + (length + 3) // 4 * 4
        if padded > len(body):
            return None
        if kind < _FIRST_OPTIONAL and kind not in _KNOWN:
            found.append(kind)
        body = body[padded:]
    return found


def _address(host: str, port: int, transaction: bytes) -> bytes | None:
    """XOR-MAPPED-ADDRESS (RFC 8489 14.2)."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    key = _COOKIE.to_bytes(4, "big") + transaction
    hidden = bytes(a ^ b for a, b in zip(address.packed, key, strict=False))
    family = 1 if address.version == 4 else 2
    return struct.pack("!BBH", 0, family, port ^ (_COOKIE >> 16)) + hidden


def _error(transaction: bytes, unknown: list[int]) -> bytes:
    """420 Unknown Attribute (RFC 8489 6.3.1)."""
    listed = b"".join(struct.pack("!H", kind) for kind in unknown)
    return _message(
        _BINDING_ERROR,
        transaction,
        _attribute(_ERROR_CODE, b"\x00\x00\x04\x14") + _attribute(_UNKNOWN_ATTRIBUTES, listed),
    )


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + b"\0" * (-len(value) % 4)


def _message(kind: int, transaction: bytes, body: bytes) -> bytes:
    return _HEAD.pack(kind, len(body), _COOKIE, transaction) + body
