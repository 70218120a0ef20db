"""Crypto: the digests that ported scripts compute; hashlib and hmac are there as well."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final, TypeAlias, cast

from runtime.api.names import StrictNames

Data: TypeAlias = str | bytes | bytearray | list[int]
"""A text stands for its UTF-8 bytes; a list holds bytes, as VoxEngine's str2bytes gives."""


class Digests(StrictNames):
    """Digests as lower-case hexadecimal text. VoxEngine reference: Crypto."""

    __slots__ = ()
    _shown_as = "Crypto"

    def __repr__(self) -> str:
        return "Crypto"

    def md5(self, data: Data) -> str:
        """The MD5 digest of a text (its UTF-8), of bytes or of a list of bytes. Not for anything
        that an attacker may choose. VoxEngine reference: Crypto.md5."""
        return hashlib.md5(_bytes("md5", "data", data), usedforsecurity=False).hexdigest()

    def sha1(self, data: Data) -> str:
        """The SHA-1 digest; as md5. VoxEngine reference: Crypto.sha1."""
        return hashlib.sha1(_bytes("sha1", "data", data), usedforsecurity=False).hexdigest()

    def sha256(self, data: Data) -> str:
        """The SHA-256 digest. VoxEngine reference: Crypto.sha256."""
        return hashlib.sha256(_bytes("sha256", "data", data)).hexdigest()

    def hmac_sha256(self, key: Data, data: Data) -> str:
        """The HMAC (RFC 2104) of `data` with SHA-256. The key is what the script holds: what stands
        for a secret of VoxEngine.getSecretValue is not the secret. VoxEngine reference:
        Crypto.hmac_sha256."""
        what = "hmac_sha256"
        return hmac.digest(_bytes(what, "key", key), _bytes(what, "data", data), "sha256").hex()


Crypto: Final = Digests()


def _bytes(what: str, name: str, value: object) -> bytes:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    if isinstance(value, list):
        try:
            return bytes(cast("list[int]", value))
        except (TypeError, ValueError) as exc:
            raise TypeError(f"Crypto.{what}(): {name} must hold bytes: {exc}") from None
    kind = type(value).__name__
    raise TypeError(
        f"Crypto.{what}(): {name} must be a string, bytes or a list of bytes, not {kind}"
    )
