"""RTP packets written out octet by octet, for tests to feed in and to compare with."""

from __future__ import annotations

import struct

import attrs
import numpy as np

from runtime.media.codec import Law, decode, encode
from runtime.media.rtp.header import MAX_PACKET, Ints, Octets


@attrs.frozen(kw_only=True)
class Packet:
    """One RTP packet as a person reads it."""

    sequence: int
    timestamp: int
    ssrc: int = 0x1234
    payload_type: int = 0
    marker: bool = False
    payload: bytes = b"\xff" * 160

    def to_bytes(self) -> bytes:
        second = self.payload_type | (0x80 if self.marker else 0)
        head = struct.pack(
            ">BBHII",
            0x80,
            second,
            self.sequence & 0xFFFF,
            self.timestamp & 0xFFFFFFFF,
            self.ssrc,
        )
        return head + self.payload

    @classmethod
    def parse(cls, data: bytes) -> Packet:
        first, second, sequence, timestamp, ssrc = struct.unpack(">BBHII", data[:12])
        assert first == 0x80
        return cls(
            sequence=sequence,
            timestamp=timestamp,
            ssrc=ssrc,
            payload_type=second & 0x7F,
            marker=bool(second & 0x80),
            payload=data[12:],
        )

    @property
    def samples(self) -> list[int]:
        """The payload as PCMU."""
        return decoded(self.payload, "PCMU")


def decoded(payload: bytes, law: Law) -> list[int]:
    return [int(s) for s in decode(np.frombuffer(payload, dtype=np.uint8), law)]


def level(value: int, count: int = 160, law: Law = "PCMU") -> bytes:
    """G.711 of `count` samples of one value."""
    return encode(np.full(count, value, dtype=np.int16), law).tobytes()


def sine(
    frequency: float, start: int, count: int = 160, amplitude: int = 8000, law: Law = "PCMU"
) -> bytes:
    """G.711 of samples `start`... of a continuous tone."""
    time = np.arange(start, start + count) / 8000
    wave = np.round(amplitude * np.sin(2 * np.pi * frequency * time)).astype(np.int16)
    return encode(wave, law).tobytes()


def rows_of(packets: list[bytes]) -> tuple[Octets, Ints]:
    """Packets as the sockets deliver them: rows of one array, and the lengths."""
    rows = np.zeros((len(packets), MAX_PACKET), dtype=np.uint8)
    for row, data in zip(rows, packets, strict=True):
        cut = data[:MAX_PACKET]
        row[: len(cut)] = np.frombuffer(cut, dtype=np.uint8)
    return rows, np.array([min(len(p), MAX_PACKET) for p in packets], dtype=np.int64)
