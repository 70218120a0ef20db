"""From arrivals to rows: every packet that came since the last tick is judged, counted, placed.

Hostile input ends here: whatever cannot be opened, does not parse, was not negotiated or comes from
elsewhere is counted as rejected. Packets that are just what was expected take a short way; the
others are judged in passes of at most one per leg, so that all but telephone events is done for all
at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

import attrs
import numpy as np
from numpy.typing import NDArray

from runtime.media.codec import ALAW_TO_LINEAR, ULAW_TO_LINEAR
from runtime.media.comfort_noise import level_of
from runtime.media.dtmf import PressEnded, PressStarted
from runtime.media.frames import FRAME, RATE_HZ
from runtime.media.rtp.datagrams import Arrivals
from runtime.media.rtp.header import HEADER_SIZE, Bools, Headers, Ints, Octets, parse_headers
from runtime.media.rtp.rtcp import is_rtcp, parse_compound, senders

from .coded import CodedLegs
from .doorkeeper import Doorkeeper
from .leg import ALAW, CODED, EVENT, IGNORED, NOISE, REFUSED, Leg
from .legs import Legs
from .strangers import drop_strangers, is_strange

Report = tuple[int, bytes, str | None]
"""RTCP: leg, datagram, and the host it came from; None for the peer's own."""
OnPress = Callable[[Leg, PressStarted | PressEnded], None]
Follow = Callable[[Arrivals, Bools], Bools]
"""Takes the short way with audio packets that are just what their legs expect; says with which."""

MAX_PER_LEG: Final = 16
"""Packets of one leg in one tick; a stalled network may deliver 300 ms at once, more is a flood."""
MAX_REPORTS_PER_LEG: Final = 4
"""RTCP packets of one leg in one tick; one every few seconds is usual, more is a flood."""

_BOTH_LAWS: Final = np.concatenate((ULAW_TO_LINEAR, ALAW_TO_LINEAR))
"""Indexed by octet + 256 * (A-law)."""


@attrs.frozen(eq=False)
class _Batch:
    """Arrivals with their headers and kinds."""

    arrivals: Arrivals
    headers: Headers
    kinds: NDArray[np.uint8]

    def payload(self, number: int) -> bytes:
        start = int(self.headers.offset[number])
        return self.arrivals.rows[number, start : start + int(self.headers.size[number])].tobytes()


class Intake:
    """Places what arrives into the legs' playout buffers."""

    def __init__(
        self, legs: Legs, coded: CodedLegs, on_press: OnPress, follow: Follow | None = None
    ) -> None:
        self._legs = legs
        self._coded = coded
        self._on_press = on_press
        self._doorkeeper = Doorkeeper(legs)
        self._follow = follow or self._follow_by_numpy

    def take(self, arrivals: Arrivals, now: float) -> None:
        """Everything that came since the last tick."""
        reports: list[Report] = [(leg, data, host) for leg, data, (host, _) in arrivals.reports]
        if len(arrivals.legs):
            audio = self._set_apart(arrivals, reports, now)
            followed = self._follow(arrivals, audio)
            rest = audio & ~followed
            if rest.any():
                self._judge_all(arrivals, rest)
        taken: Counter[int] = Counter()
        for index, data, host in reports:
            # A stranger's flood must not use up what is read of the peer's own.
            if is_strange(self._legs.by_index[index], host):
                self._legs.rejected[index] += 1
                continue
            taken[index] += 1
            if taken[index] > MAX_REPORTS_PER_LEG or not self._take_report(index, data, now):
                self._legs.rejected[index] += 1

    # --- what is no audio, and what is sealed ---------------------------------------------------

    def _set_apart(self, arrivals: Arrivals, reports: list[Report], now: float) -> Bools:
        """Which packets may be audio: RTCP among them joins `reports`, sealed ones are opened."""
        legs = self._legs
        audio = np.ones(len(arrivals.legs), dtype=np.bool_)
        if legs.muxed.any():
            audio &= ~(legs.muxed[arrivals.legs] & is_rtcp(arrivals.rows))
            _move_reports(arrivals, np.flatnonzero(~audio), reports)
        if len(legs.sealing):
            drop_strangers(legs, arrivals, audio)
            sealed = np.flatnonzero(audio & legs.sealing.legs[arrivals.legs])
            refused = legs.sealing.open(arrivals, sealed, now)
            audio[refused] = False
            np.add.at(legs.rejected, arrivals.legs[refused], 1)
        return audio

    # --- what was expected ----------------------------------------------------------------------

    def _follow_by_numpy(self, arrivals: Arrivals, audio: Bools) -> Bools:
        """In the order in which they came, of each leg those before its first unexpected one."""
        legs, judged = self._legs, np.zeros(len(audio), dtype=np.bool_)
        for number, _ in arrivals.sources:
            judged[number] = True
        followed = np.zeros(len(audio), dtype=np.bool_)
        lost = np.zeros(legs.capacity, dtype=np.bool_)
        for packets in _passes(arrivals.legs, np.flatnonzero(audio)):
            index = arrivals.legs[packets]
            heads = arrivals.rows[packets, :HEADER_SIZE]
            lead, simple = legs.playout.leads(index)
            expected = simple & legs.following.matches(heads, arrivals.lengths[packets], index)
            expected &= ~(lost[index] | judged[packets])
            lost[index[~expected]] = True
            if expected.any():
                self._follow_packets(arrivals, packets[expected], lead[expected])
                followed[packets[expected]] = True
        return followed

    def _follow_packets(self, arrivals: Arrivals, packets: Ints, lead: Ints) -> None:
        legs, index = self._legs, arrivals.legs[packets]
        legs.reception.follow(index, arrivals.times[packets], FRAME)
        legs.octets_received[index] += FRAME
        legs.playout.follow(index, lead)
        tables = legs.following.tables(index)
        self._write_whole(arrivals.rows, packets, index, lead + legs.playout.clock, tables)
        legs.following.advance(index)

    # --- everything else ------------------------------------------------------------------------

    def _judge_all(self, arrivals: Arrivals, which: Bools) -> None:
        headers = parse_headers(arrivals.rows, arrivals.lengths)
        kinds = self._legs.kinds[arrivals.legs, headers.payload_type]
        valid = which & headers.valid & (kinds != REFUSED)
        self._doorkeeper.check(arrivals, headers, valid)
        invalid = which & ~valid
        if invalid.any():
            np.add.at(self._legs.rejected, arrivals.legs[invalid], 1)
        batch = _Batch(arrivals, headers, kinds)
        for turn, packets in enumerate(_passes(arrivals.legs, np.flatnonzero(valid))):
            if turn < MAX_PER_LEG:
                self._judge(batch, packets)
            else:
                self._legs.rejected[arrivals.legs[packets]] += 1

    def _judge(self, batch: _Batch, packets: Ints) -> None:
        """One packet of each leg: order, counters, and off to its kind."""
        legs, headers = self._legs, batch.headers
        index = batch.arrivals.legs[packets]
        legs.following.forget(index)
        judged = legs.reception.judge(index, headers.sequence[packets], headers.ssrc[packets])
        newest, restarted = judged.newest, judged.restarted
        if not judged.fresh.all():
            suspect = ~(judged.fresh | judged.duplicate)
            legs.rejected[index[suspect]] += 1
            packets, index = packets[judged.fresh], index[judged.fresh]
            newest, restarted = newest[judged.fresh], restarted[judged.fresh]
        gap = legs.reception.arrived(index, batch.arrivals.times[packets])
        legs.octets_received[index] += headers.size[packets]
        kinds = batch.kinds[packets]
        if (kinds >= EVENT).any():
            for number in np.flatnonzero(kinds == EVENT):
                self._take_event(batch, int(packets[number]))
            coded = kinds == CODED
            if coded.any():
                self._take_coded(batch, packets[coded], restarted[coded], gap[coded])
            for number in np.flatnonzero(kinds == NOISE):
                self._take_noise(batch, int(packets[number]))
            np.add.at(legs.unplayed, index[(kinds == IGNORED) | (kinds == NOISE)], 1)
            audio = kinds < EVENT
            legs.reception.untimed(index[~audio & ~coded])
            # What is ignored may begin a stream; the next audio packet is then mapped anew.
            legs.playout.forget(index[restarted & ~audio])
            packets, index, gap = packets[audio], index[audio], gap[audio]
            newest, restarted = newest[audio], restarted[audio]
        if len(packets):
            self._place(batch, packets, newest, restarted, gap)

    def _place(
        self,
        batch: _Batch,
        packets: Ints,
        newest: Bools,
        restarted: Bools,
        gap: NDArray[np.float64],
    ) -> None:
        """Audio packets, one per leg, into the playout buffer."""
        legs, headers, arrivals = self._legs, batch.headers, batch.arrivals
        index = arrivals.legs[packets]
        timestamp, size = headers.timestamp[packets], headers.size[packets]
        fitted = legs.playout.fit(
            index,
            timestamp,
            size,
            marker=headers.marker[packets],
            newest=newest,
            restarted=restarted,
        )
        legs.concealment.begin(index[headers.marker[packets]])
        legs.reception.time(index, fitted.step, gap)
        legs.spoke[index[fitted.accepted]] = True
        tables = (batch.kinds[packets] == ALAW).astype(np.uint16) << 8
        start, position = headers.offset[packets], fitted.position
        usual = (size == FRAME) & (start == HEADER_SIZE)
        whole = fitted.accepted & usual & (position >= legs.playout.clock)
        self._write_whole(
            arrivals.rows, packets[whole], index[whole], position[whole], tables[whole]
        )
        rest = np.flatnonzero(fitted.accepted & ~whole)
        if len(rest):
            self._write_rest(
                arrivals.rows,
                packets[rest],
                index[rest],
                position[rest],
                tables[rest],
                start[rest],
                size[rest],
            )
        # Of whom the doorkeeper has yet to see, no packet may go by it.
        ahead = newest & usual & ~legs.undecided[index]
        learned = packets[ahead]
        legs.following.learn(
            index[ahead],
            payload_type=headers.payload_type[learned],
            sequence=headers.sequence[learned],
            timestamp=timestamp[ahead],
            ssrc=headers.ssrc[learned],
            tables=tables[ahead],
        )

    def _write_whole(
        self, rows: Octets, packets: Ints, index: Ints, position: Ints, tables: NDArray[np.uint16]
    ) -> None:
        octets = rows[packets, HEADER_SIZE : HEADER_SIZE + FRAME]
        if tables.any():
            samples = np.take(_BOTH_LAWS, octets + tables[:, None])
        else:
            samples = np.take(ULAW_TO_LINEAR, octets)
        self._legs.playout.write_frames(index, position, samples)

    def _write_rest(
        self,
        rows: Octets,
        packets: Ints,
        index: Ints,
        position: Ints,
        tables: NDArray[np.uint16],
        start: Ints,
        size: Ints,
    ) -> None:
        """Packets of other lengths, or of which a part is late, sample by sample."""
        within = np.arange(int(size.sum())) - np.repeat(np.cumsum(size) - size, size)
        octets = rows[np.repeat(packets, size), np.repeat(start, size) + within]
        samples = np.take(_BOTH_LAWS, octets + np.repeat(tables, size))
        at = np.repeat(position, size) + within
        self._legs.playout.write_samples(np.repeat(index, size), at, samples)

    def _take_coded(
        self, batch: _Batch, packets: Ints, restarted: Bools, gap: NDArray[np.float64]
    ) -> None:
        """Audio of legs that are coded by themselves, one packet of each."""
        rows, headers = batch.arrivals.rows, batch.headers
        index = batch.arrivals.legs[packets]
        start = headers.offset[packets]
        end = start + headers.size[packets]
        columns = (packets, index, headers.payload_type[packets], headers.timestamp[packets])
        steps = [
            self._coded.put(leg, kind, timestamp, rows[number, first:last].tobytes(), begins)
            for number, leg, kind, timestamp, first, last, begins in zip(
                *(column.tolist() for column in (*columns, start, end, restarted)), strict=True
            )
        ]
        # Jitter is kept in units of 8 kHz for all legs.
        units = np.array([round(step * RATE_HZ) for step in steps], dtype=np.int64)
        self._legs.reception.time(index, units, gap)
        self._legs.spoke[index] = True
        if self._legs.concealment.any_pause:
            self._legs.concealment.end_pauses(index)

    def _take_noise(self, batch: _Batch, number: int) -> None:
        """RFC 3389: the peer is silent from here on."""
        leg = int(batch.arrivals.legs[number])
        level = level_of(batch.payload(number))
        if level is None:
            self._legs.rejected[leg] += 1
            return
        self._legs.concealment.pause(leg, level)
        self._coded.pause(leg, int(batch.headers.timestamp[number]), level)

    def _take_event(self, batch: _Batch, number: int) -> None:
        arrivals, headers = batch.arrivals, batch.headers
        leg = self._legs.by_index[arrivals.legs[number]]
        assert leg is not None
        presses = leg.receiver.on_packet(
            batch.payload(number),
            int(headers.timestamp[number]),
            self._legs.reception.extended(leg.index, int(headers.sequence[number])),
            float(arrivals.times[number]),
        )
        for press in presses:
            self._on_press(leg, press)

    def _take_report(self, index: int, data: bytes, now: float) -> bool:
        """Learn from a peer's RTCP; False when it is to be counted as rejected."""
        legs, leg = self._legs, self._legs.by_index[index]
        if leg is None or leg.gate is None or leg.reports is None or leg.stream is None:
            return True  # came for a leg that is gone: nobody counts
        opened = legs.sealing.open_report(index, data, now)
        packets = parse_compound(opened) if opened is not None else []
        if not packets:
            return False
        ssrc = legs.reception.stream_ssrc(index)
        if ssrc is None or ssrc in senders(packets):
            legs.last_heard[index] = now
        leg.reports.on_packets(packets, int(legs.sending.ssrc[index]), now)
        return True


def _move_reports(arrivals: Arrivals, packets: Ints, reports: list[Report]) -> None:
    sources = {number: host for number, (host, _) in arrivals.sources} if len(packets) else {}
    for number in packets.tolist():
        data = arrivals.rows[number, : arrivals.lengths[number]].tobytes()
        # A line is from the peer alone, and so does not say from whom.
        reports.append((int(arrivals.legs[number]), data, sources.get(number)))


def _passes(legs: Ints, packets: Ints) -> Iterator[Ints]:
    """Split packets into groups with at most one of each leg, in order of arrival."""
    if not len(packets):
        return
    counts = np.bincount(legs[packets])
    most = int(counts.max())
    if most == 1:
        yield packets
        return
    order = packets[np.argsort(legs[packets], kind="stable")]
    sizes = counts[counts > 0]
    rank = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    for turn in range(most):
        yield order[rank == turn]
