"""All legs of the engine: the columns of their RTP state, and opening, configuring, closing one.

A leg's number is its place in every column and its row in the frame table. Freed numbers are used
again lowest first, so that the columns in use stay short.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from runtime.media.codecs.table import FORMATS
from runtime.media.frames import FRAME, RATE_HZ, FrameTable
from runtime.media.port import LegStatistics, RtpStream
from runtime.media.rtp.concealment import Concealment
from runtime.media.rtp.datagrams import RtpSockets
from runtime.media.rtp.following import Following
from runtime.media.rtp.latching import SourceGate
from runtime.media.rtp.playout import Playout
from runtime.media.rtp.reception import Reception
from runtime.media.rtp.reports import Heard, Reports, canonical_name, next_interval
from runtime.media.rtp.sending import Sending

from .leg import Leg, is_plain, kinds_of, law_of, numeric_address, rtcp_host_of
from .sealing import Sealing

SHORT_PTIME_MS: Final = 10
Random = Callable[[], float]
"""Uniform in [0, 1)."""


class LegsExhausted(Exception):
    """The engine carries as many legs as it was started for."""


class Legs:
    """Every leg and its columns."""

    def __init__(self, capacity: int, sockets: RtpSockets, random: Random) -> None:
        self.capacity = capacity
        self.sockets = sockets
        self.random = random
        self.count = 0
        """One more than the highest number in use."""
        self.configured = 0
        """Legs that know their peer."""
        self.by_index: list[Leg | None] = [None] * capacity
        self.reception = Reception(capacity)
        self.following = Following(capacity)
        self.playout = Playout(capacity)
        self.concealment = Concealment(capacity, self.playout)
        self.sending = Sending(capacity)
        self.sealing = Sealing(capacity)
        self.muxed = np.zeros(capacity, dtype=np.bool_)
        """Legs whose RTCP comes on the RTP port."""
        self.kinds = np.zeros((capacity, 128), dtype=np.uint8)
        self.octets_received = np.zeros(capacity, dtype=np.int64)
        self.rejected = np.zeros(capacity, dtype=np.int64)
        self.strangers = np.zeros(capacity, dtype=np.int64)
        """Packets from addresses that are not believed; part of `rejected`."""
        self.undecided = np.zeros(capacity, dtype=np.bool_)
        """Legs whose gate has believed no source yet, or only the signalled one by the door."""
        self.unplayed = np.zeros(capacity, dtype=np.int64)
        """Packets that are counted and not played: comfort noise."""
        self.last_heard = np.zeros(capacity)
        """When RTCP last came, or anything could first have come."""
        self.watched = np.zeros(capacity, dtype=np.bool_)
        """Legs that should receive."""
        self.silent = np.zeros(capacity, dtype=np.bool_)
        """Legs that RtpStopped was told of."""
        self.spoke = np.zeros(capacity, dtype=np.bool_)
        """Legs whose first audio was told."""
        self.report_at = np.full(capacity, np.inf)
        self._free = list(range(capacity))
        self._resting: list[int] = []
        """Numbers of legs that were closed in this tick; packets for them may still be at hand."""

    def __iter__(self) -> Iterator[Leg]:
        return (leg for leg in self.by_index[: self.count] if leg is not None)

    def open(self, leg_id: int) -> tuple[Leg, tuple[int, int]]:
        """A silent leg with ports. Raises LegsExhausted, NoPorts."""
        if not self._free:
            raise LegsExhausted(f"the engine carries its maximum of {self.capacity} legs")
        ports = self.sockets.open(self._free[0])
        index = heapq.heappop(self._free)
        leg = Leg(leg_id, index)
        self.by_index[index] = leg
        self.count = max(self.count, index + 1)
        self.reception.reset(index)
        self.playout.reset(index)
        self.concealment.reset(index)
        for counter in (self.octets_received, self.rejected, self.strangers, self.unplayed):
            counter[index] = 0
        return leg, ports

    def configure(self, leg: Leg, stream: RtpStream, now: float, wall: float) -> None:
        """What offer and answer agreed on; the first time starts the leg's clock."""
        index, before = leg.index, leg.stream
        leg.stream, leg.plain = stream, is_plain(stream)
        self.kinds[index] = kinds_of(stream)
        self.following.forget(index)
        if before is None:
            self.configured += 1
            self._start(leg, now)
            self.sockets.listen(leg.index)
        elif _clock_of(before) != _clock_of(stream):
            self._start_anew(leg, now, wall)
        leg.tell_event_clock()
        if before is None or not before.receiving:
            self.last_heard[index] = now
            self.reception.resume(index)
        self.muxed[index] = stream.rtcp_mux
        self.sealing.configure(
            index,
            stream.srtp,
            ssrc=int(self.sending.ssrc[index]),
            index=int(self.sending.sequence[index]),
            now=now,
        )
        self.watched[index] = stream.receiving
        if not stream.receiving:
            self.concealment.end_pauses(index)
        self.silent[index] &= stream.receiving
        if before is None or _remote(before) != _remote(stream):
            self._aim_anew(leg, stream)
        elif (gate := self.gate_of(index)) is not None:
            gate.negotiated_again()
        target = numeric_address(stream.remote_host, stream.remote_port)
        active = stream.sending and target is not None
        self.sending.configure(
            index,
            law=law_of(stream),
            payload_type=stream.send_payload_type,
            halved=stream.ptime_ms == SHORT_PTIME_MS and leg.plain,
            active=active,
        )
        self.sockets.unschedule(index)
        if active:
            self.sockets.schedule(index, self.sealing.views(index, self.sending.views(index)))

    def close(self, leg: Leg, frames: FrameTable, now: float, wall: float) -> LegStatistics:
        """Say BYE and stop sending; the number is free for another leg in the next tick."""
        self._take_leave(leg, now, wall)
        statistics = self.statistics(leg)
        self.sending.stop(leg.index)
        self.sockets.unschedule(leg.index)
        self.sockets.close(leg.index)
        self.configured -= leg.stream is not None
        self.kinds[leg.index] = 0
        self.following.forget(leg.index)
        self.sealing.forget(leg.index)
        self.muxed[leg.index] = False
        self.watched[leg.index] = False
        self.report_at[leg.index] = np.inf
        frames.silence(frames.of_leg(leg.index))
        self.by_index[leg.index] = None
        self.silent[leg.index] = self.spoke[leg.index] = False
        self._resting.append(leg.index)
        while self.count and self.by_index[self.count - 1] is None:
            self.count -= 1
        return statistics

    def gate_of(self, index: int) -> SourceGate | None:
        """The leg's gate, told what came by the line meanwhile."""
        leg = self.by_index[index]
        if leg is None or leg.gate is None:
            return None
        at = float(self.reception.last_arrival[index])
        leg.gate.went_on(at, self.reception.stream_ssrc(index))
        return leg.gate

    def send_report(self, leg: Leg, data: bytes) -> None:
        self.sockets.send_report(leg.index, self.sealing.seal_report(leg.index, data))

    def end_tick(self) -> None:
        """The numbers of closed legs may be used again."""
        while self._resting:
            heapq.heappush(self._free, self._resting.pop())

    def heard_of(self, leg: Leg) -> Heard | None:
        """Receiver figures for a report; None while the peer sent nothing."""
        index = leg.index
        if not self.reception.expected(index):
            return None
        return Heard(
            ssrc=int(self.reception.ssrc[index]),
            highest_sequence=self.reception.extended_highest(index),
            expected=self.reception.expected(index),
            received=self.reception.stream_received(index),
            # RFC 3550 6.4.1: in units of the peer's timestamps; kept in those of 8 kHz.
            jitter=float(self.reception.jitter[index]) * _clock_of(leg.stream) / RATE_HZ,
        )

    def statistics(self, leg: Leg) -> LegStatistics:
        index, reports, sent = leg.index, leg.reports, self.sending.sent(leg.index)
        round_trip = reports.round_trip_s if reports else None
        theirs = reports.remote if reports else None
        refusals = self.sealing.refusals(index)
        return LegStatistics(
            packets_sent=sent.packets + leg.sent_before[0],
            packets_received=int(self.reception.received[index]),
            octets_sent=sent.octets + leg.sent_before[1],
            octets_received=int(self.octets_received[index]),
            packets_lost=self.reception.lost(index),
            packets_late=int(self.playout.late[index]),
            packets_duplicated=int(self.reception.duplicates[index]),
            packets_rejected=int(self.rejected[index]) + leg.receiver.ignored,
            packets_unauthenticated=refusals.unauthenticated,
            packets_replayed=refusals.replayed,
            jitter_ms=round(float(self.reception.jitter[index]) / 8, 3),
            round_trip_ms=None if round_trip is None else round(round_trip * 1000, 3),
            remote_loss_fraction=theirs.fraction_lost / 256 if theirs else None,
            remote_packets_lost=theirs.cumulative_lost if theirs else None,
            remote_jitter_ms=theirs.jitter * 1000 / _clock_of(leg.stream) if theirs else None,
            max_gap_ms=round(float(self.reception.max_gap[index]) * 1000, 1),
        )

    def _start(self, leg: Leg, now: float) -> None:
        """A stream of packets begins."""
        # RFC 3550 5.1: SSRC, first sequence number and first timestamp are random.
        self.sending.start(
            leg.index,
            ssrc=int(self.random() * (1 << 32)),
            sequence=int(self.random() * (1 << 15)),
            timestamp=int(self.random() * (1 << 31)),
            step=FRAME * _clock_of(leg.stream) // RATE_HZ,
        )
        first_report = now + next_interval(self.random(), initial=True)
        leg.reports = Reports(canonical_name(self.random), first_report)
        self.report_at[leg.index] = first_report

    def _start_anew(self, leg: Leg, now: float, wall: float) -> None:
        """RFC 7160 4.1: another clock rate is another SSRC, and the old one says BYE."""
        self._take_leave(leg, now, wall)
        sent, before = self.sending.sent(leg.index), leg.sent_before
        leg.sent_before = before[0] + sent.packets, before[1] + sent.octets
        self.sending.active[leg.index] = False  # so that the new stream opens with a marker
        self._start(leg, now)

    def _take_leave(self, leg: Leg, now: float, wall: float) -> None:
        # RFC 3550 6.3.7: only who never sent RTP or RTCP goes without BYE.
        if leg.reports is not None and (self.sending.packets(leg.index) or leg.reports.sent):
            sent, heard = self.sending.sent(leg.index), self.heard_of(leg)
            self.send_report(leg, leg.reports.farewell(sent, heard, now, wall))

    def _aim_anew(self, leg: Leg, stream: RtpStream) -> None:
        rtp = numeric_address(stream.remote_host, stream.remote_port)
        rtcp = numeric_address(rtcp_host_of(stream), stream.remote_rtcp_port)
        # An address that nobody can have ("0.0.0.0" of an old hold) leaves latching to others.
        leg.gate = SourceGate(rtp or (stream.remote_host, stream.remote_port))
        self.undecided[leg.index] = True
        self.sockets.aim(leg.index, rtp, rtcp, exclusive=False)


def _remote(stream: RtpStream) -> tuple[str, int, str, int]:
    return (
        stream.remote_host,
        stream.remote_port,
        rtcp_host_of(stream),
        stream.remote_rtcp_port,
    )


def _clock_of(stream: RtpStream | None) -> int:
    """Of the RTP timestamps."""
    return RATE_HZ if stream is None else FORMATS[stream.codec].clock_hz
