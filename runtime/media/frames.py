"""Rows: the one place where samples lie between their sources and their sinks.

A row is 20 ms of one source: silence, a leg, a player, what one listener hears of a conference.
Everything that makes sound writes into its row, everything that hears sound reads rows; nothing
else touches samples. Row 0 is silence and is never written.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]
Rows = NDArray[np.int64]

RATE_HZ: Final = 8000
FRAME: Final = 160
"""Samples of one row: 20 ms at 8 kHz."""
FRAME_MS: Final = 20
SILENCE: Final = 0
"""The row that nobody writes."""
FADE: Final = ((np.arange(40) + 0.5) / 40).astype(np.float32)
"""Rising weights of the 5 ms in which one sound replaces another."""
FADE.setflags(write=False)


class RowsExhausted(Exception):
    """Every row is in use; the engine was started for fewer sources."""


class FrameTable:
    """`legs` fixed rows from 1 on, then rows that players and conferences take and give back."""

    def __init__(self, legs: int, others: int) -> None:
        self.samples: Samples = np.zeros((1 + legs + others, FRAME), dtype=np.int16)
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
        self.samples[row] = 0
        self._free.append(row)
