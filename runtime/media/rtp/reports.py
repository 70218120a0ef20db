"""When a leg sends RTCP and what it says: RFC 3550 6.2 intervals, report blocks, round-trip time.

One session has two members, so the interval is always the minimum of 5 s, randomised; the first
report goes out after half of that. Randomness and clocks are arguments.
"""

from __future__ import annotations

import base64
from collections import deque
from collections.abc import Callable
from typing import Final

import attrs

from .rtcp import (
    Description,
    Goodbye,
    ReceiverReport,
    ReportBlock,
    RtcpPacket,
    SenderReport,
    middle_of,
    ntp_time,
)

MIN_INTERVAL_S: Final = 5.0
_COMPENSATION: Final = 1.21828
"""RFC 3550 6.3.1: undoes the bias of timer reconsideration (e - 1.5)."""
MAX_ROUND_TRIP_S: Final = 60.0
"""A longer one comes from a report block that lies."""
REMEMBERED_REPORTS: Final = 8
"""Sender reports of ours (40 s) that a peer's block may refer to; peers answer within 5 s."""


def next_interval(random: float, *, initial: bool = False) -> float:
    """Seconds until the next report; `random` is uniform in [0, 1)."""
    base = MIN_INTERVAL_S / 2 if initial else MIN_INTERVAL_S
    return base * (0.5 + random) / _COMPENSATION


def canonical_name(random: Callable[[], float]) -> str:
    """A new CNAME (RFC 7022 4.2): 96 random bits, so that no two ends of a call have the same, and
    nobody learns from it which calls have one end in common."""
    bits = b"".join(int(random() * (1 << 48)).to_bytes(6, "big") for _ in range(2))
    return base64.b64encode(bits).decode()


@attrs.frozen(kw_only=True)
class Heard:
    """Receiver figures of the stream that the peer sends, now."""

    ssrc: int
    highest_sequence: int
    expected: int
    received: int
    jitter: float


@attrs.frozen(kw_only=True)
class Sent:
    """Sender figures of our stream, now."""

    ssrc: int
    timestamp: int
    packets: int
    octets: int


class Reports:
    """RTCP state of one leg."""

    def __init__(self, cname: str, next_at: float) -> None:
        self.next_at = next_at
        self.round_trip_s: float | None = None
        """Between the last sender report of ours that the peer refers to and its report."""
        self.remote: ReportBlock | None = None
        """What the peer last said about our packets."""
        self.goodbye = False
        """The peer said BYE."""
        self._cname = cname
        self._last_sender_report: tuple[int, int, float] = (-1, 0, 0.0)
        """SSRC, middle of the NTP time, and when it came."""
        self._sent_reports: deque[tuple[int, float]] = deque(maxlen=REMEMBERED_REPORTS)
        """Middle of the NTP time of our last sender reports, and when they left."""
        self.sent = False
        """Whether any report was made."""
        self._prior: tuple[int, int, int] = (-1, 0, 0)
        self._packets_at_reports: tuple[int, int] = (0, 0)
        """Sent up to the last report but one, and up to the last."""

    def compound(self, sent: Sent, heard: Heard | None, now: float, wall: float) -> bytes:
        """The periodic report: SR when audio was sent since the last but one, else RR; and SDES.

        What is said of the peer's stream is said only if any of it came since the last report
        (RFC 3550 6.4).
        """
        blocks = (self._block(heard, now),) if heard and self._is_news(heard) else ()
        report: RtcpPacket = ReceiverReport(ssrc=sent.ssrc, blocks=blocks)
        before, last = self._packets_at_reports
        if sent.packets > before:
            ntp = ntp_time(wall)
            self._sent_reports.append((middle_of(ntp), now))
            report = SenderReport(
                ssrc=sent.ssrc,
                ntp=ntp,
                timestamp=sent.timestamp,
                packets=sent.packets,
                octets=sent.octets,
                blocks=blocks,
            )
        self._packets_at_reports = last, sent.packets
        self.sent = True
        return report.to_bytes() + Description(sent.ssrc, self._cname).to_bytes()

    def farewell(self, sent: Sent, heard: Heard | None, now: float, wall: float) -> bytes:
        """The last report, with BYE (RFC 3550 6.6)."""
        return self.compound(sent, heard, now, wall) + Goodbye((sent.ssrc,)).to_bytes()

    def on_packets(self, packets: list[RtcpPacket], ours: int, now: float) -> None:
        """Learn from the peer's reports; `ours` is the SSRC we send with."""
        for packet in packets:
            if isinstance(packet, SenderReport):
                self._last_sender_report = (packet.ssrc, middle_of(packet.ntp), now)
            if isinstance(packet, SenderReport | ReceiverReport):
                for block in packet.blocks:
                    if block.ssrc == ours:
                        self._learn(block, now)
            if isinstance(packet, Goodbye):
                self.goodbye = True

    def _learn(self, block: ReportBlock, now: float) -> None:
        self.remote = block
        # RFC 3550 6.4.1: arrival - LSR - DLSR. By our own clock and for reports that we did send,
        # so that neither a stepped wall clock nor a lie counts.
        for middle, sent_at in self._sent_reports:
            trip = now - sent_at - block.delay / 65536
            if middle == block.last_report and 0 <= trip <= MAX_ROUND_TRIP_S:
                self.round_trip_s = trip

    def _is_news(self, heard: Heard) -> bool:
        ssrc, _, received = self._prior
        return ssrc != heard.ssrc or heard.received > received

    def _block(self, heard: Heard, now: float) -> ReportBlock:
        ssrc, expected, received = self._prior
        if ssrc != heard.ssrc:
            expected = received = 0
        expected_now = heard.expected - expected
        lost_now = max(0, expected_now - (heard.received - received))
        self._prior = (heard.ssrc, heard.expected, heard.received)
        source, last_report, came_at = self._last_sender_report
        if source != heard.ssrc:  # none of this stream yet
            last_report, came_at = 0, now
        return ReportBlock(
            ssrc=heard.ssrc,
            fraction_lost=min(255, lost_now * 256 // expected_now) if expected_now > 0 else 0,
            cumulative_lost=heard.expected - heard.received,
            highest_sequence=heard.highest_sequence,
            jitter=int(heard.jitter),
            last_report=last_report,
            delay=int((now - came_at) * 65536),
        )
