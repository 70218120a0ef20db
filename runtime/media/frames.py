"""Rows: the one place where samples lie between their sources and their sinks.

A row is 20 ms of one source: silence, a leg, a player, what one listener hears of a conference.
Everything that makes sound writes into its row, everything that hears sound reads rows; nothing
else touches samples. Row 0 is silence and is never written.

Each row has a place in a narrow table (8 kHz) and in a wide one (16 kHz). The narrow form is always
there: rows whose source writes the wide one are halved each tick. The wide form of the others is
made only for rows that somebody hears wide.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from runtime.media.resampling import BlockResampler

Samples = NDArray[np.int16]
Rows = NDArray[np.int64]

RATE_HZ: Final = 8000
FRAME: Final = 160
"""Samples of one row: 20 ms at 8 kHz."""
WIDE_RATE_HZ: Final = 16000
WIDE_FRAME: Final = 320
FRAME_MS: Final = 20
SILENCE: Final = 0
"""The row that nobody writes."""


def _rising(count: int) -> NDArray[np.float32]:
    weights: NDArray[np.float32] = ((np.arange(count) + 0.5) / count).astype(np.float32)
    weights.setflags(write=False)
    return weights


FADE: Final = _rising(RATE_HZ // 200)
"""Rising weights of the 5 ms in which one sound replaces another."""
WIDE_FADE: Final = _rising(WIDE_RATE_HZ // 200)


class RowsExhausted(Exception):
    """Every row is in use; the engine was started for fewer sources."""


class FrameTable:
    """`legs` fixed rows from 1 on, then rows that players and conferences take and give back."""

    def __init__(self, legs: int, others: int) -> None:
        rows = 1 + legs + others
        self.samples: Samples = np.zeros((rows, FRAME), dtype=np.int16)
        # Pages of rows that never sound wide stay untouched and cost nothing.
        self.wide: Samples = np.zeros((rows, WIDE_FRAME), dtype=np.int16)
        self._written_wide: set[int] = set()
        self._heard_wide: frozenset[int] = frozenset()
        self._halved: Rows = np.zeros(0, dtype=np.int64)
        self._doubled: Rows = np.zeros(0, dtype=np.int64)
        self._resampler = BlockResampler(rows)
        self._legs = legs
        self._free = list(range(legs + others, legs, -1))

    def of_legs(self, count: int) -> Samples:
        """The rows of the first `count` legs, as one block."""
        return self.samples[1 : 1 + count]

    @staticmethod
    def of_leg(leg: int) -> int:
        return 1 + leg

    @property
    def free(self) -> int:
        return len(self._free)

    def take(self) -> int:
        if not self._free:
            raise RowsExhausted(
                f"all {len(self.samples) - 1 - self._legs} rows for players and conferences "
                "are in use; stop some of them"
            )
        return self._free.pop()

    def give_back(self, row: int) -> None:
        self.silence(row)
        self._free.append(row)

    # --- wide rows ------------------------------------------------------------------------------

    def write_wide(self, row: int, wide: bool) -> None:
        """Whether the row's source writes its wide form from now on."""
        if wide != (row in self._written_wide):
            self._written_wide ^= {row}
            self._resampler.reset(row)
            self._list_converted()

    def hear_wide(self, rows: frozenset[int]) -> None:
        """Rows of sources that somebody hears wide from now on."""
        if rows != self._heard_wide:
            for row in rows - self._heard_wide - self._written_wide:
                self._resampler.reset(row)
            self._heard_wide = rows
            self._list_converted()

    def silence(self, row: int) -> None:
        """The row's source is gone, whatever it wrote."""
        self.samples[row] = 0
        self.write_wide(row, False)

    def convert(self) -> None:
        """Give rows that were written wide their narrow form, and the other way where heard so."""
        if len(self._halved):
            self._resampler.halve(self.wide, self.samples, self._halved)
        if len(self._doubled):
            self._resampler.double(self.samples, self.wide, self._doubled)

    def _list_converted(self) -> None:
        self._halved = np.array(sorted(self._written_wide), dtype=np.int64)
        doubled = self._heard_wide - self._written_wide - {SILENCE}
        self._doubled = np.array(sorted(doubled), dtype=np.int64)
