"""The a=crypto lines of SDES (RFC 4568): keys for SRTP inside a session description.

Rules: one key per line, and no parameter that weakens SRTP or that we cannot keep; such a line is
refused with its reason and the next one is looked at. Keys are secrets: no repr and no error text
holds one.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

import attrs

from .error import quoted
from .limits import MAX_CRYPTO_CHARS, MAX_DIGITS

SUITES: Final = {
    "AES_CM_128_HMAC_SHA1_80": 30,
    "AEAD_AES_128_GCM": 28,
    "AEAD_AES_256_GCM": 44,
    "AES_CM_128_HMAC_SHA1_32": 30,
}
"""Octets of master key and salt (RFC 4568 6.2, RFC 7714 14.2), in our order of preference: what
every peer has comes first, the short authentication tag last."""

MAX_LIFETIME: Final = 1 << 48
"""Packets; no key of these suites may protect more (RFC 3711 9.2, RFC 7714 14.2)."""

_MAX_TAG_DIGITS: Final = 9
"""RFC 4568 9.1."""
_METHOD: Final = "inline"
_WINDOW_HINT: Final = "WSH="
"""RFC 4568 6.3.7 lets the receiver choose another window; ours is larger than any hint."""


class CryptoError(ValueError):
    """A line that cannot be used; str() says why, without the key."""


@attrs.frozen
class SrtpKey:
    """A master key and its salt for one direction of one stream."""

    suite: str
    secret: bytes = attrs.field(repr=False)
    """Key, then salt."""

    @property
    def inline(self) -> str:
        """As a=crypto writes it (RFC 4568 6.1)."""
        return base64.b64encode(self.secret).decode("ascii")


@attrs.frozen
class Crypto:
    """One usable a=crypto line."""

    tag: str
    """A number without leading zeros; the answer repeats it."""
    key: SrtpKey
    lifetime: int | None = None
    """Packets that the sender will protect with this key; None when not said."""

    @classmethod
    def parse(cls, value: str) -> Crypto:
        """Read what stands after `a=crypto:`. Raises CryptoError."""
        if len(value) > MAX_CRYPTO_CHARS:
            raise CryptoError(f"a=crypto of {len(value)} characters (limit {MAX_CRYPTO_CHARS})")
        fields = value.split()
        if len(fields) < 3:
            raise CryptoError("a=crypto without tag, suite and key")
        tag, suite, keys, *params = fields
        if not (tag.isascii() and tag.isdigit() and len(tag) <= _MAX_TAG_DIGITS):
            raise CryptoError(f"a=crypto with the tag {quoted(tag)}, which is no number")
        if suite not in SUITES:
            raise CryptoError(f"{quoted(suite)} is not supported")
        for param in params:
            if not param.startswith((_WINDOW_HINT, "-")):
                name = quoted(param.partition("=")[0])
                raise CryptoError(f"{suite} with the session parameter {name} is not accepted")
        secret, lifetime = _read_keys(suite, keys)
        return cls(str(int(tag)), SrtpKey(suite, secret), lifetime)

    def __str__(self) -> str:
        lifetime = "" if self.lifetime is None else f"|{self.lifetime}"
        return f"{self.tag} {self.key.suite} {_METHOD}:{self.key.inline}{lifetime}"


def _read_keys(suite: str, text: str) -> tuple[bytes, int | None]:
    """Key and lifetime of `inline:KEY|LIFETIME`."""
    method, _, inline = text.partition(":")
    if method.lower() != _METHOD:
        raise CryptoError(f"{suite} with the key method {quoted(method)}; only inline is known")
    if ";" in inline:
        raise CryptoError(f"{suite} with several keys needs an MKI, which is not supported")
    encoded, *rest = inline.split("|")
    if any(":" in part for part in rest):
        raise CryptoError(f"{suite} with an MKI, which is not supported")
    if len(rest) > 1:
        raise CryptoError(f"{suite} with a key that cannot be read")
    return _decoded(suite, encoded), _lifetime(suite, rest[0]) if rest else None


def _decoded(suite: str, encoded: str) -> bytes:
    try:
        # Some peers leave the padding out.
        secret = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        # `from None`: the cause would carry the key into a traceback.
        raise CryptoError(f"{suite} with a key that is not base64") from None
    if len(secret) != SUITES[suite]:
        raise CryptoError(f"{suite} with a key of {len(secret)} octets instead of {SUITES[suite]}")
    return secret


def _lifetime(suite: str, text: str) -> int:
    """A number of packets, or a power of two: `2^31`."""
    base, power, exponent = text.partition("^")
    digits = exponent if power else base
    # 2^48 has 15 digits.
    readable = digits.isascii() and digits.isdigit() and len(digits) <= MAX_DIGITS + 5
    if readable and (not power or (base == "2" and len(digits) <= 2)):
        lifetime = 1 << int(digits) if power else int(digits)
        if 0 < lifetime <= MAX_LIFETIME:
            return lifetime
    raise CryptoError(f"{suite} with a key lifetime that is not from 1 to 2^48 packets")
