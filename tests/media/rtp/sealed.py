"""Keys, packets and reports that tests seal and open."""

from __future__ import annotations

import random
import struct

import pytest

from runtime.media.rtp.rtcp import ReceiverReport
from runtime.media.rtp.srtp import MasterKey

SIZES = {
    "AES_CM_128_HMAC_SHA1_80": 30,
    "AES_CM_128_HMAC_SHA1_32": 30,
    "AEAD_AES_128_GCM": 28,
    "AEAD_AES_256_GCM": 44,
}
"""Octets of master key and salt."""
every_suite = pytest.mark.parametrize("suite", SIZES)
SSRC = 0xCAFEBABE


def key(suite: str = "AES_CM_128_HMAC_SHA1_80", seed: int = 1) -> MasterKey:
    return MasterKey(suite, random.Random(seed).randbytes(SIZES[suite]))


def packet(index: int, ssrc: int = SSRC, payload: bytes = b"\xff" * 160) -> bytes:
    """Packet number `index`, wrapped as on the wire."""
    return struct.pack(">BBHII", 0x80, 0, index & 0xFFFF, index * 160 & 0xFFFFFFFF, ssrc) + payload


def report(ssrc: int = SSRC) -> bytes:
    return ReceiverReport(ssrc=ssrc).to_bytes()
