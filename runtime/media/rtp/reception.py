"""What RFC 3550 A.1, A.3 and A.8 ask of a receiver, for all legs at once: order, loss, jitter.

Decides whether a packet is fresh, a duplicate or suspect, and when a new stream begins (another
SSRC, or a sequence jump that two packets in a row confirm). Each call takes at most one packet per
leg; the caller splits its batch accordingly.
"""

from __future__ import annotations

from typing import Any, Final

import attrs
import numpy as np
from numpy.typing import NDArray

from runtime.media.frames import RATE_HZ

from .header import Bools, Ints

MAX_DROPOUT: Final = 3000
"""RFC 3550 A.1: a larger step forward is a restarted sender, not loss."""
WINDOW: Final = 64
"""How far back a packet may be and still be told from its duplicate: the bits of one word."""
MAX_CHANGE: Final = 8 * RATE_HZ
"""Jitter beyond 8 s is a jump of a clock."""
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
        self._received_before = np.zeros(legs, dtype=np.int64)
        """Fresh packets of the streams before the current one."""
        self._lost_before = np.zeros(legs, dtype=np.int64)
        self._window: Words = np.zeros(legs, dtype=np.uint64)
        """Which of the 64 packets up to `_window_at` came; later ones all came in order."""
        self._window_at = np.zeros(legs, dtype=np.int64)
        self._expected_after_jump = np.full(legs, _NO_SEQUENCE, dtype=np.int64)
        self._timed = np.zeros(legs, dtype=np.bool_)
        """Whether the last packet was audio, to which the next one's time can be compared."""

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
            self._received_before,
            self._lost_before,
            self._window,
            self._window_at,
        ):
            column[leg] = 0
        self.jitter[leg] = self.max_gap[leg] = 0.0
        self._timed[leg] = False

    def resume(self, leg: int) -> None:
        """Nothing was wanted of the peer until now: when its last packet came says nothing of the
        network."""
        self.last_arrival[leg] = -np.inf
        self._timed[leg] = False

    def columns(self) -> dict[str, NDArray[Any]]:
        """What the native helper works on; never replaced by other arrays."""
        return {
            "highest": self._highest,
            "received": self.received,
            "last_arrival": self.last_arrival,
            "max_gap": self.max_gap,
            "jitter": self.jitter,
        }

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
        return int(self.received[leg] - self._received_before[leg])

    def lost(self, leg: int) -> int:
        """Packets that never came, over all streams of the leg."""
        missing = max(0, self.expected(leg) - self.stream_received(leg))
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
        self._bring_windows_up(legs)
        duplicate = older
        if older.any():
            duplicate = self._mark_older(legs, ahead, older)
        self._mark_newest(legs[newest], ahead[newest])
        if restarted.any():
            self._restart(legs[restarted], sequence[restarted], ssrc[restarted])
        fresh = (newest | older | restarted) & ~duplicate
        counted = legs[fresh]
        self.received[counted] += 1
        self.duplicates[legs[duplicate]] += 1
        return Judged(
            fresh=fresh, duplicate=duplicate, newest=newest | restarted, restarted=restarted
        )

    def stream_ssrc(self, leg: int) -> int | None:
        """Of the audio that comes; None while none has."""
        return int(self.ssrc[leg]) if self.expected(leg) else None

    def follow(self, legs: Ints, now: Floats, step: int) -> None:
        """The very next packet of each leg came, `step` timestamp units after its last one."""
        self._highest[legs] += 1
        self.received[legs] += 1
        gap = self.arrived(legs, now)
        change = np.abs(gap * RATE_HZ - step)
        jitter = self.jitter[legs]
        self.jitter[legs] = jitter + (change - jitter) / 16

    def time(self, legs: Ints, step: Ints, gap: Floats) -> None:
        """Jitter of fresh audio packets (RFC 3550 A.8), which came `gap` seconds after the last
        packet and carry a timestamp `step` units later."""
        change = np.abs(gap * RATE_HZ - step)
        # A jump of the sender's clock says nothing about the network.
        known = self._timed[legs] & (change < MAX_CHANGE)
        jitter = self.jitter[legs]
        self.jitter[legs] = np.where(known, jitter + (change - jitter) / 16, jitter)
        self._timed[legs] = True

    def untimed(self, legs: Ints) -> None:
        """These packets were no audio; the next ones cannot be compared to them."""
        self._timed[legs] = False

    def arrived(self, legs: Ints, now: Floats) -> Floats:
        """Remember when fresh packets came and the longest time without any; returns the gaps."""
        gap: Floats = now - self.last_arrival[legs]
        self.last_arrival[legs] = now
        # There is no gap before the first packet.
        gap[gap == np.inf] = 0.0
        self.max_gap[legs] = np.maximum(self.max_gap[legs], gap)
        return gap

    def _bring_windows_up(self, legs: Ints) -> None:
        """Packets that were followed came in order; note that in the windows."""
        behind = self._highest[legs] - self._window_at[legs]
        if not behind.any():
            return
        shift = np.minimum(behind, WINDOW - 1).astype(np.uint64)
        came = (np.uint64(1) << shift) - np.uint64(1)
        window = np.where(behind < WINDOW, (self._window[legs] << shift) | came, ~np.uint64(0))
        self._window[legs] = window
        self._window_at[legs] = self._highest[legs]

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
        self._window_at[legs] = self._highest[legs]

    def _restart(self, legs: Ints, sequence: Ints, ssrc: Ints) -> None:
        known = self.ssrc[legs] != _NO_SSRC
        expected = np.where(known, self._highest[legs] - self._base[legs] + 1, 0)
        received = self.received[legs] - self._received_before[legs]
        self._lost_before[legs] += np.maximum(0, expected - received)
        self.ssrc[legs] = ssrc
        # One cycle up, so that older packets never make the extended number negative.
        self._highest[legs] = self._base[legs] = sequence + _CYCLE
        self._received_before[legs] = self.received[legs]
        self._window[legs], self._window_at[legs] = 1, self._highest[legs]
        self._expected_after_jump[legs] = _NO_SEQUENCE
        self._timed[legs] = False
