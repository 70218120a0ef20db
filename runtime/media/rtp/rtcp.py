"""RTCP packets (RFC 3550 section 6): compound reports and BYE, out of and into frozen values.

Parsing never raises: what is malformed gives an empty list, and the caller counts it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final

import attrs

from .header import Bools, Octets

SENDER_REPORT: Final = 200
RECEIVER_REPORT: Final = 201
DESCRIPTION: Final = 202
GOODBYE: Final = 203
NTP_EPOCH_OFFSET_S: Final = 2_208_988_800
"""Seconds from 1900 (NTP) to 1970 (Unix)."""
MAX_COMPOUND: Final = 1500
"""A compound packet fits one datagram; longer ones are not read."""
MAX_PACKETS: Final = 16
"""RTCP packets read from one datagram; a legal one has two to four."""

_FIRST_KIND: Final = 192
_LAST_KIND: Final = 223
_HEAD: Final = struct.Struct(">BBH")
_SENDER: Final = struct.Struct(">IIIIII")
_BLOCK: Final = struct.Struct(">IB3sIIII")
_CNAME_ITEM: Final = 1
_VERSION_2: Final = 0x80
_PADDING: Final = 0x20


@attrs.frozen(kw_only=True)
class ReportBlock:
    """What a receiver says about one source it hears."""

    ssrc: int
    fraction_lost: int
    """Out of 256, since the last report."""
    cumulative_lost: int
    """Signed, 24 bits."""
    highest_sequence: int
    jitter: int
    last_report: int
    """Middle 32 bits of the NTP time of the last sender report; 0 for none."""
    delay: int
    """Since that report, in 1/65536 s."""

    def to_bytes(self) -> bytes:
        lost = max(-0x800000, min(0x7FFFFF, self.cumulative_lost))
        return _BLOCK.pack(
            self.ssrc,
            self.fraction_lost,
            lost.to_bytes(3, "big", signed=True),
            self.highest_sequence & 0xFFFFFFFF,
            self.jitter & 0xFFFFFFFF,
            self.last_report,
            min(self.delay, 0xFFFFFFFF),
        )


@attrs.frozen(kw_only=True)
class SenderReport:
    ssrc: int
    ntp: int
    """64-bit NTP time."""
    timestamp: int
    packets: int
    octets: int
    blocks: tuple[ReportBlock, ...] = ()

    def to_bytes(self) -> bytes:
        body = _SENDER.pack(
            self.ssrc,
            self.ntp >> 32,
            self.ntp & 0xFFFFFFFF,
            self.timestamp & 0xFFFFFFFF,
            self.packets & 0xFFFFFFFF,
            self.octets & 0xFFFFFFFF,
        )
        return _framed(SENDER_REPORT, len(self.blocks), body + _joined(self.blocks))


@attrs.frozen(kw_only=True)
class ReceiverReport:
    ssrc: int
    blocks: tuple[ReportBlock, ...] = ()

    def to_bytes(self) -> bytes:
        body = struct.pack(">I", self.ssrc) + _joined(self.blocks)
        return _framed(RECEIVER_REPORT, len(self.blocks), body)


@attrs.frozen
class Description:
    """SDES with the one mandatory item, the canonical name."""

    ssrc: int
    cname: str

    def to_bytes(self) -> bytes:
        name = self.cname.encode()[:255]
        chunk = struct.pack(">IBB", self.ssrc, _CNAME_ITEM, len(name)) + name + b"\0"
        return _framed(DESCRIPTION, 1, chunk + bytes(-len(chunk) % 4))


@attrs.frozen
class Goodbye:
    ssrcs: tuple[int, ...]

    def to_bytes(self) -> bytes:
        return _framed(GOODBYE, len(self.ssrcs), struct.pack(f">{len(self.ssrcs)}I", *self.ssrcs))


RtcpPacket = SenderReport | ReceiverReport | Description | Goodbye


def ntp_time(wall: float) -> int:
    """64-bit NTP time of seconds since 1970."""
    return int((wall + NTP_EPOCH_OFFSET_S) * (1 << 32)) & 0xFFFFFFFFFFFFFFFF


def middle_of(ntp: int) -> int:
    """The 32 bits that report blocks refer to."""
    return (ntp >> 16) & 0xFFFFFFFF


def is_rtcp(rows: Octets) -> Bools:
    """Which of these packets of a shared port are RTCP, by their second octet (RFC 5761 4)."""
    kind = rows[:, 1]
    shared: Bools = (kind >= _FIRST_KIND) & (kind <= _LAST_KIND)
    return shared


def senders(packets: Iterable[RtcpPacket]) -> set[int]:
    """Whose reports these are: the SSRC of their audio, if they send any (RFC 3550 6.4)."""
    return {each.ssrc for each in packets if isinstance(each, SenderReport | ReceiverReport)}


def parse_compound(data: bytes) -> list[RtcpPacket]:
    """Packets of a compound; an empty list when it is malformed (RFC 3550 A.2).

    SDES and unknown packet types (XR, feedback) are checked for their length and left out.
    """
    if not 8 <= len(data) <= MAX_COMPOUND or data[1] not in (SENDER_REPORT, RECEIVER_REPORT):
        return []
    packets: list[RtcpPacket] = []
    at = 0
    for _ in range(MAX_PACKETS):
        if at + _HEAD.size > len(data):
            return []
        first, kind, words = _HEAD.unpack_from(data, at)
        end = at + 4 + 4 * words
        last = end == len(data)
        if first & 0xC0 != _VERSION_2 or end > len(data) or (first & _PADDING and not last):
            return []
        packet = _parse_body(kind, first & 0x1F, data[at + 4 : end])
        if packet is not None:
            packets.append(packet)
        if last:
            return packets
        at = end
    return []


def _parse_body(kind: int, count: int, body: bytes) -> RtcpPacket | None:
    try:
        if kind == SENDER_REPORT:
            ssrc, high, low, timestamp, packets, octets = _SENDER.unpack_from(body)
            return SenderReport(
                ssrc=ssrc,
                ntp=high << 32 | low,
                timestamp=timestamp,
                packets=packets,
                octets=octets,
                blocks=_parse_blocks(body[_SENDER.size :], count),
            )
        if kind == RECEIVER_REPORT:
            (ssrc,) = struct.unpack_from(">I", body)
            return ReceiverReport(ssrc=ssrc, blocks=_parse_blocks(body[4:], count))
        if kind == GOODBYE:
            return Goodbye(struct.unpack_from(f">{count}I", body))
    except struct.error:  # shorter than it claims
        return None
    return None


def _parse_blocks(body: bytes, count: int) -> tuple[ReportBlock, ...]:
    blocks = []
    for number in range(count):
        ssrc, fraction, lost, highest, jitter, last, delay = _BLOCK.unpack_from(
            body, number * _BLOCK.size
        )
        blocks.append(
            ReportBlock(
                ssrc=ssrc,
                fraction_lost=fraction,
                cumulative_lost=int.from_bytes(lost, "big", signed=True),
                highest_sequence=highest,
                jitter=jitter,
                last_report=last,
                delay=delay,
            )
        )
    return tuple(blocks)


def _joined(blocks: tuple[ReportBlock, ...]) -> bytes:
    return b"".join(block.to_bytes() for block in blocks)


def _framed(kind: int, count: int, body: bytes) -> bytes:
    return _HEAD.pack(_VERSION_2 | count, kind, len(body) // 4) + body
