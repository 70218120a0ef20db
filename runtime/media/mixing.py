"""Sums of rows: conferences, recordings, and the cross-fade of a leg whose source is replaced.

A listener hears the sum of all sources except its own. Sums are soft-clipped: untouched up to half
of full scale, bent above, so that several loud speakers distort gently and never wrap around.
"""

from __future__ import annotations

from typing import Final

import attrs
import numpy as np
from numpy.typing import NDArray

from runtime.media.frames import FADE, FRAME, WIDE_FADE, Rows, Samples

Sums = NDArray[np.int32]

KNEE: Final = 16384
"""Sums up to here pass unchanged (-6 dBFS: one loud speaker alone is never touched)."""
CEILING: Final = 32700
LIMIT: Final = 1 << 17
"""Four speakers at full scale; louder sums come out no louder."""


def _bend() -> Samples:
    """Clipped samples of all sums from -LIMIT to LIMIT."""
    sums = np.arange(-LIMIT, LIMIT + 1, dtype=np.float64)
    over = np.maximum(np.abs(sums) - KNEE, 0)
    room = CEILING - KNEE
    bent = np.sign(sums) * (KNEE + room * over / (over + room))
    clipped = np.round(np.where(over > 0, bent, sums)).astype(np.int16)
    clipped.setflags(write=False)
    return clipped


_BENT: Final = _bend()


def soft_clip(sums: Sums) -> Samples:
    """Samples of sums of any size, monotonous and without a corner at the knee."""
    if not sums.size or max(int(sums.max()), -int(sums.min())) <= KNEE:
        return sums.astype(np.int16)
    return np.take(_BENT, sums + LIMIT, mode="clip")


@attrs.define(eq=False)
class MixPlan:
    """Who speaks in each mix, and who hears it without itself; made anew when edges change."""

    sources: Rows
    """Rows of all members, mix by mix."""
    starts: Rows
    """Where each mix begins in `sources`."""
    heard_mix: Rows
    """Per listener: the mix it hears."""
    heard_own: Rows
    """Per listener: its own row in that mix, or silence."""
    heard_into: Rows
    """Per listener: the row that gets the result."""

    @classmethod
    def of(cls, members: list[list[int]], listeners: list[tuple[int, int, int]]) -> MixPlan:
        """`members[n]` are the rows of mix n; listeners are (mix, own row, row to fill)."""
        # A mix without members is silence: the silent row keeps every segment non-empty.
        filled = [rows or [0] for rows in members]
        starts = np.cumsum([0, *map(len, filled)])[:-1]
        columns = np.array(listeners, dtype=np.int64).reshape(-1, 3)
        return cls(
            np.array([row for rows in filled for row in rows], dtype=np.int64),
            starts.astype(np.int64),
            columns[:, 0],
            columns[:, 1],
            columns[:, 2],
        )

    def run(self, samples: Samples) -> None:
        """Fill the listeners' rows of `samples` from this tick's sources."""
        if not len(self.heard_mix):
            return
        spoken = samples[self.sources].astype(np.int32)
        sums = np.add.reduceat(spoken, self.starts, axis=0, dtype=np.int32)
        others: Sums = np.subtract(sums[self.heard_mix], samples[self.heard_own], dtype=np.int32)
        samples[self.heard_into] = soft_clip(others)


def cross_fade(old: Samples, new: Samples) -> Samples:
    """Frames of `new` whose first 5 ms come out of `old` (same shape)."""
    mixed = new.copy()
    fade = FADE if new.shape[-1] == FRAME else WIDE_FADE
    span = len(fade)
    mixed[..., :span] = np.round(new[..., :span] * fade + old[..., :span] * (1 - fade))
    return mixed


def taper(samples: Samples, end: int, fade: NDArray[np.float32]) -> None:
    """Let a sound that breaks off at `end` fade out of its last 5 ms, run backwards, into the
    silence behind it, as far as there is room. `fade` is the one of the sound's rate."""
    count = min(len(fade), end, len(samples) - end)
    last = samples[end - count : end][::-1]
    samples[end : end + count] = np.round(last * (1 - fade[:count]))


def fade_out(frame: Samples) -> Samples:
    """The first 5 ms of `frame`, then silence."""
    return cross_fade(frame, np.zeros(len(frame), dtype=np.int16))
