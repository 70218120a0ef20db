"""What RFC 3550 A.1, A.3 and A.8 ask of a receiver, for all legs at once: order, loss, jitter.

Decides whether a packet is fresh, a duplicate or suspect, and when a new stream begins (another
SSRC, or a sequence jump that two packets in a row confirm). Each call takes at most one packet per
leg; the caller splits its batch accordingly.
"""

from __future__ import annotations

from typing import Final

import attrs
import numpy as np
from numpy.typing import NDArray

from .header import Bools, Ints

MAX_DROPOUT: Final = 3000
"""RFC 3550 A.1: a larger step forward is a restarted sender, not loss."""
WINDOW: Final = 64
"""How far back a packet may be and still be told from its duplicate: the bits of one word."""
_CYCLE: Final = 1 << 16
_NO_SEQUENCE: Final = -1
_NO_SSRC: Final = -1

Words = NDArray[np.uint64]
Floats = NDArray[np.float64]


@attrs.frozen(kw_only=True, eq=False)
class Judged:
    """One entry per packet. A packet is fresh, duplicate, or suspect (dropped by the caller)."""

    fresh: Bools
    duplicate: Bools
    newest: Bools
    """Fresh, and ahead of everything that came before it in its stream."""
    restarted: Bools
    """First packet of a stream; nothing known about the old one applies."""


class Reception:
    """Sequence and arrival state of every leg, as columns."""

    def __init__(self, legs: int) -> None:
        self.ssrc = np.full(legs, _NO_SSRC, dtype=np.int64)
        self.received = np.zeros(legs, dtype=np.int64)
        """Fresh packets of all streams."""
        self.duplicates = np.zeros(legs, dtype=np.int64)
        self.jitter = np.zeros(legs)
        """In timestamp units (RFC 3550 A.8)."""
        self.last_arrival = np.full(legs, -np.inf)
        self.max_gap = np.zeros(legs)
        self._highest = np.zeros(legs, dtype=np.int64)
        self._base = np.zeros(legs, dtype=np.int64)
        self._stream_received = np.zeros(legs, dtype=np.int64)
        self._lost_before = np.zeros(legs, dtype=np.int64)
        self._window: Words = np.zeros(legs, dtype=np.uint64)
        self._expected_after_jump = np.full(legs, _NO_SEQUENCE, dtype=np.int64)
        self._transit = np.zeros(legs, dtype=np.int64)
        self._has_transit = np.zeros(legs, dtype=np.bool_)

    def reset(self, leg: int) -> None:
        """A new call takes this place."""
        self.ssrc[leg] = _NO_SSRC
        self.last_arrival[leg] = -np.inf
        self._expected_after_jump[leg] = _NO_SEQUENCE
        for column in (
            self.received,
            self.duplicates,
            self._highest,
            self._base,
            self._stream_received,
            self._lost_before,
            self._window,
            self._transit,
        ):
            column[leg] = 0
        self.jitter[leg] = self.max_gap[leg] = 0.0
        self._has_transit[leg] = False

    def extended_highest(self, leg: int) -> int:
        """Cycles and highest sequence number, for a receiver report."""
        return int(self._highest[leg])

    def extended(self, leg: int, sequence: int) -> int:
        """The sequence number with its cycles, as near to the highest one as can be."""
        highest = int(self._highest[leg])
        return highest + ((sequence - highest + 0x8000) & 0xFFFF) - 0x8000

    def expected(self, leg: int) -> int:
        """Packets of the current stream that should have come (RFC 3550 A.3)."""
        if self.ssrc[leg] == _NO_SSRC:
            return 0
        return int(self._highest[leg] - self._base[leg]) + 1

    def stream_received(self, leg: int) -> int:
        return int(self._stream_received[leg])

    def lost(self, leg: int) -> int:
        """Packets that never came, over all streams of the leg."""
        missing = max(0, self.expected(leg) - int(self._stream_received[leg]))
        return int(self._lost_before[leg]) + missing

    def judge(self, legs: Ints, sequence: Ints, ssrc: Ints) -> Judged:
        """Sort one packet per leg and update the sequence state."""
        highest = self._highest[legs]
        ahead = ((sequence - highest + 0x8000) & 0xFFFF) - 0x8000
        other = ssrc != self.ssrc[legs]
        newest = ~other & (ahead > 0) & (ahead < MAX_DROPOUT)
        older = ~other & (ahead <= 0) & (ahead > -WINDOW)
        jumped = ~(other | newest | older)
        restarted = other
        if jumped.any():
            # RFC 3550 A.1: believe a jump only when the very next packet follows it.
            confirmed = jumped & (sequence == self._expected_after_jump[legs])
            doubted = jumped & ~confirmed
            self._expected_after_jump[legs[doubted]] = (sequence[doubted] + 1) & 0xFFFF
            restarted = other | confirmed
        duplicate = older
        if older.any():
            duplicate = self._mark_older(legs, ahead, older)
        self._mark_newest(legs[newest], ahead[newest])
        if restarted.any():
            self._restart(legs[restarted], sequence[restarted], ssrc[restarted])
        fresh = (newest | older | restarted) & ~duplicate
        counted = legs[fresh]
        self.received[counted] += 1
        self._stream_received[counted] += 1
        self.duplicates[legs[duplicate]] += 1
        return Judged(
            fresh=fresh, duplicate=duplicate, newest=newest | restarted, restarted=restarted
        )

    def time(self, legs: Ints, timestamp: Ints, arrival: Ints) -> None:
        """Jitter of fresh audio packets; `arrival` is in timestamp units of our own clock."""
        transit = arrival - timestamp
        moved = ((transit - self._transit[legs] + (1 << 31)) & 0xFFFFFFFF) - (1 << 31)
        change = np.where(self._has_transit[legs], np.abs(moved), 0)
        # A jump of the sender's clock says nothing about the network.
        change = np.where(change < 8 * 8000, change, 0)
        self.jitter[legs] += (change - self.jitter[legs]) / 16
        self._transit[legs] = transit
        self._has_transit[legs] = True

    def arrived(self, legs: Ints, now: Floats) -> None:
        """Remember when fresh packets came and the longest time without any."""
        gap = now - self.last_arrival[legs]
        known = np.isfinite(gap)
        self.max_gap[legs[known]] = np.maximum(self.max_gap[legs[known]], gap[known])
        self.last_arrival[legs] = now

    def _mark_older(self, legs: Ints, ahead: Ints, older: Bools) -> Bools:
        back = np.where(older, -ahead, 0).astype(np.uint64)
        window = self._window[legs]
        bit = np.left_shift(np.uint64(1), back)
        duplicate: Bools = older & ((window & bit) != 0)
        late = older & ~duplicate
        self._window[legs[late]] |= bit[late]
        # A packet from before our first one widens what was expected, or loss would be negative.
        begun = self._highest[legs[late]] + ahead[late]
        self._base[legs[late]] = np.minimum(self._base[legs[late]], begun)
        return duplicate

    def _mark_newest(self, legs: Ints, ahead: Ints) -> None:
        shift = np.minimum(ahead, WINDOW - 1).astype(np.uint64)
        kept = np.where(ahead < WINDOW, self._window[legs] << shift, np.uint64(0))
        self._window[legs] = kept | np.uint64(1)
        self._highest[legs] += ahead

    def _restart(self, legs: Ints, sequence: Ints, ssrc: Ints) -> None:
        known = self.ssrc[legs] != _NO_SSRC
        expected = np.where(known, self._highest[legs] - self._base[legs] + 1, 0)
        self._lost_before[legs] += np.maximum(0, expected - self._stream_received[legs])
        self.ssrc[legs] = ssrc
        # One cycle up, so that older packets never make the extended number negative.
        self._highest[legs] = self._base[legs] = sequence + _CYCLE
        self._stream_received[legs] = 0
        self._window[legs] = 1
        self._expected_after_jump[legs] = _NO_SEQUENCE
        self._has_transit[legs] = False
