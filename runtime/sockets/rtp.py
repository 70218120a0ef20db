"""RTP between the core and the audio engine, for one WebSocket: a packet at a time, on loopback.

The engine is the only peer; what others send is not looked at.
"""

from __future__ import annotations

import array
import struct
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from runtime.decisions.encodings import ENCODINGS, TICKS_PER_S, Encoding
from runtime.media.port import LegAddress, ReceivedFormat, RtpStream

_HEADER: Final = struct.Struct(">BBHII")
_VERSION_2: Final = 0x80
_MARKER: Final = 0x80
MAX_PACKET: Final = 2_048
"""20 ms of 16 kHz are 652 octets."""
PAYLOAD_TYPES: Final[Mapping[str, int]] = MappingProxyType(
    {"PCMU": 0, "PCMA": 8, "L16/8000": 96, "L16": 97, "opus": 98}
)


def stream_of(encoding: Encoding, host: str, port: int, *, sending: bool) -> RtpStream:
    """What the engine is told: it sends in `encoding`, and receives any."""
    own = PAYLOAD_TYPES[encoding.codec]
    others = tuple(
        ReceivedFormat(PAYLOAD_TYPES[each.codec], each.codec)
        for each in ENCODINGS.values()
        if each != encoding
    )
    return RtpStream(
        remote_host=host,
        remote_port=port,
        remote_rtcp_port=port,
        codec=encoding.codec,
        send_payload_type=own,
        receive_payload_types=frozenset({own}),
        other_formats=others,
        sending=sending,
        rtcp_mux=True,
    )


class Sender:
    """Makes packets for the engine. `ssrc` is random (RFC 3550 5.1)."""

    def __init__(self, ssrc: int) -> None:
        self._ssrc = ssrc
        self._sequence = 0
        self._timestamp = 0
        self._talking = False

    def packet(self, encoding: Encoding, payload: bytes) -> bytes:
        """A piece of audio: 20 ms of samples, filled up with silence if it is shorter, or a packet
        of Opus."""
        missing = encoding.tick_bytes - len(payload)
        if missing > 0:
            payload += _silence(encoding) * (missing // encoding.sample_bytes)
        marker = 0 if self._talking else _MARKER
        head = _HEADER.pack(
            _VERSION_2,
            marker | PAYLOAD_TYPES[encoding.codec],
            self._sequence,
            self._timestamp,
            self._ssrc,
        )
        self._talking = True
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._advance(encoding.samples(payload))
        return head + swapped(encoding, payload)

    def pause(self, encoding: Encoding) -> None:
        """20 ms without audio."""
        self._talking = False
        self._advance(encoding.rate_hz // TICKS_PER_S)

    def _advance(self, samples: int) -> None:
        self._timestamp = (self._timestamp + samples) & 0xFFFFFFFF


def payload_of(packet: bytes, encoding: Encoding) -> bytes | None:
    """The audio of one of the engine's packets; None for RTCP, digits and other encodings."""
    if len(packet) < _HEADER.size or packet[0] != _VERSION_2:
        return None
    if packet[1] & 0x7F != PAYLOAD_TYPES[encoding.codec]:
        return None
    return swapped(encoding, packet[_HEADER.size :])


def swapped(encoding: Encoding, payload: bytes) -> bytes:
    """Between the format's little-endian samples and the network's; other audio stays as it is."""
    if encoding.sample_bytes != 2:
        return payload
    samples = array.array("h", payload[: len(payload) // 2 * 2])
    samples.byteswap()
    return samples.tobytes()


def _silence(encoding: Encoding) -> bytes:
    return {"PCMU": b"\xff", "PCMA": b"\xd5"}.get(encoding.codec, b"\0\0")


def is_engine(source: tuple[object, ...], leg: LegAddress) -> bool:
    """Whether a packet comes from the leg itself."""
    return source[:2] == (leg.host, leg.rtp_port)
