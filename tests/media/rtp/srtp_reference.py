"""SRTP written out from the RFCs, slowly, for tests to compare the real one with.

Key derivation and AES-CM: RFC 3711 4.1.1, 4.3; GCM: RFC 7714 8, 9, 11.
"""

from __future__ import annotations

import hashlib
import hmac
import struct

import attrs
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

KEY_OCTETS = {
    "AES_CM_128_HMAC_SHA1_80": 16,
    "AES_CM_128_HMAC_SHA1_32": 16,
    "AEAD_AES_128_GCM": 16,
    "AEAD_AES_256_GCM": 32,
}


def keystream(key: bytes, iv: int, length: int) -> bytes:
    """RFC 3711 4.1.1: the cipher in counter mode, from `iv` on."""
    encryptor = Cipher(AES(key), CTR(iv.to_bytes(16, "big"))).encryptor()
    return encryptor.update(bytes(length))


def derive(master: bytes, salt: bytes, label: int, length: int) -> bytes:
    """RFC 3711 4.3.1 with a key derivation rate of zero; a short salt is padded (RFC 7714 11)."""
    x = (label << 48) ^ int.from_bytes(salt.ljust(14, b"\0"), "big")
    return keystream(master, x << 16, length)


def xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


@attrs.frozen
class Reference:
    """One direction."""

    suite: str
    secret: bytes

    @property
    def gcm(self) -> bool:
        return self.suite.startswith("AEAD")

    def _keys(self, first_label: int) -> tuple[bytes, bytes, bytes]:
        size = KEY_OCTETS[self.suite]
        master, salt = self.secret[:size], self.secret[size:]
        return (
            derive(master, salt, first_label, size),
            derive(master, salt, first_label + 1, 20),
            derive(master, salt, first_label + 2, len(salt)),
        )

    def rtp(self, packet: bytes, rollovers: int = 0) -> bytes:
        """A packet with the twelve octets of header alone."""
        key, auth, salt = self._keys(0)
        head, payload = packet[:12], packet[12:]
        sequence, ssrc = struct.unpack(">2xH4xI", head)
        if self.gcm:
            return head + seal_gcm(key, salt, (ssrc, rollovers, sequence), head, payload)
        index = rollovers << 16 | sequence
        sealed = head + encrypt_cm(key, salt, ssrc, index, payload)
        tag = hmac.new(auth, sealed + struct.pack(">I", rollovers), hashlib.sha1).digest()
        return sealed + tag[: 4 if self.suite.endswith("_32") else 10]

    def rtcp(self, packet: bytes, index: int) -> bytes:
        key, auth, salt = self._keys(3)
        head, body = packet[:8], packet[8:]
        (ssrc,) = struct.unpack(">4xI", head)
        word = struct.pack(">I", 1 << 31 | index)
        if self.gcm:
            number = (ssrc, index >> 16, index & 0xFFFF)
            return head + seal_gcm(key, salt, number, head + word, body) + word
        sealed = head + encrypt_cm(key, salt, ssrc, index, body) + word
        # RFC 3711 5.2, RFC 4568 6.2: the tag of SRTCP is 80 bits in both suites
        return sealed + hmac.new(auth, sealed, hashlib.sha1).digest()[:10]


def encrypt_cm(key: bytes, salt: bytes, ssrc: int, index: int, text: bytes) -> bytes:
    iv = int.from_bytes(salt, "big") << 16 ^ ssrc << 64 ^ index << 16
    return xor(text, keystream(key, iv, len(text)))


def seal_gcm(
    key: bytes, salt: bytes, number: tuple[int, int, int], aad: bytes, text: bytes
) -> bytes:
    """RFC 7714 8.1; `number` is SSRC, rollover counter and sequence number."""
    nonce = xor(struct.pack(">2xIIH", *number), salt)
    return AESGCM(key).encrypt(nonce, text, aad)
