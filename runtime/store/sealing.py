"""Values that are encrypted before they are written: AES-256-GCM under the first key of a ring.

What was sealed names its key, so that a wrong key is told from a broken file, and is bound to its
place, so that a row that was moved elsewhere does not open.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Callable
from typing import Final

import attrs
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES: Final = 32
MAX_KEYS: Final = 16
"""Of one ring: the one that seals, and those before it until all is sealed anew."""
_FORM: Final = b"\x01"
"""The first byte of what was sealed; another one is of a version that is not known here."""
_ID_BYTES: Final = 8
_NONCE_BYTES: Final = 12
"""NIST SP 800-38D 8.2.2: random ones are good for 2**32 values under a key."""
MARK_BYTES: Final = len(_FORM) + _ID_BYTES
"""Of a sealed value: its form and its key."""
_HEAD_BYTES: Final = MARK_BYTES + _NONCE_BYTES


class KeyFault(Exception):
    """There is no key that can be used; str() says where it was looked for and what to do."""


class SealBroken(Exception):
    """The value does not open, although its key is there: the file was changed by somebody."""


@attrs.frozen
class Key:
    secret: bytes = attrs.field(repr=False)

    @property
    def id(self) -> bytes:
        return hashlib.sha256(b"callstage key" + self.secret).digest()[:_ID_BYTES]

    @property
    def text(self) -> str:
        """As it stands in a key file."""
        return base64.b64encode(self.secret).decode("ascii")


def new_key(random_bytes: Callable[[int], bytes] = os.urandom) -> Key:
    return Key(random_bytes(KEY_BYTES))


@attrs.frozen
class KeyRing:
    """The first key seals, all of them open. `source` is where they came from, for people."""

    keys: tuple[Key, ...] = attrs.field(repr=False)
    source: str

    @classmethod
    def parse(cls, text: str, source: str) -> KeyRing:
        """Keys in base64, a line each; raises KeyFault, which does not repeat them."""
        lines = [line.strip() for line in text.splitlines()]
        found = [_parse_key(line, source) for line in lines if line and not line.startswith("#")]
        if not 0 < len(found) <= MAX_KEYS:
            raise KeyFault(f"{source} has {len(found)} keys; give 1 to {MAX_KEYS}, a line each")
        return cls(tuple(found), source)

    @property
    def mark(self) -> bytes:
        """How everything begins that is sealed now."""
        return _FORM + self.keys[0].id

    def knows(self, sealed: bytes) -> bool:
        """Whether the key is there that this, or what begins so, was sealed with."""
        return any(key.id == sealed_with(sealed) for key in self.keys)

    def seal(
        self, text: str, place: tuple[str, ...], random_bytes: Callable[[int], bytes] = os.urandom
    ) -> bytes:
        """`place` says what the value is; it opens there only."""
        key, nonce = self.keys[0], random_bytes(_NONCE_BYTES)
        body = AESGCM(key.secret).encrypt(nonce, text.encode(), _bound(place))
        return self.mark + nonce + body

    def open(self, sealed: bytes, place: tuple[str, ...]) -> str:
        """Raises KeyFault without the key, SealBroken when it was changed or moved."""
        key = next((key for key in self.keys if key.id == sealed_with(sealed)), None)
        if key is None:
            raise KeyFault(f"{self.source} has not the key {sealed_with(sealed).hex()}")
        nonce, body = sealed[MARK_BYTES:_HEAD_BYTES], sealed[_HEAD_BYTES:]
        try:
            return AESGCM(key.secret).decrypt(nonce, body, _bound(place)).decode()
        except (InvalidTag, ValueError) as exc:
            raise SealBroken(f"{' '.join(place)} was changed outside of this program") from exc


def sealed_with(sealed: bytes) -> bytes:
    """Which key; empty for what was not sealed here."""
    is_ours = len(sealed) >= MARK_BYTES and sealed.startswith(_FORM)
    return sealed[len(_FORM) : MARK_BYTES] if is_ours else b""


def _bound(place: tuple[str, ...]) -> bytes:
    """Unambiguous, whatever the parts hold."""
    parts = [part.encode("utf-8", "surrogatepass") for part in place]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _parse_key(line: str, source: str) -> Key:
    try:
        secret = base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        secret = b""
    if len(secret) != KEY_BYTES:
        raise KeyFault(f"{source}: a key is {KEY_BYTES} bytes in base64 (44 characters) in a line")
    return Key(secret)
