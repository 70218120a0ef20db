"""Sums that are too loud are turned down, not clipped: a limiter for each listener.

Its gain falls within 2.5 ms to what the loudest sample of that time needs, and rises again slowly.
What is not too loud passes unchanged, to the last bit. Pure columns: one place per listener.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from runtime.media.frames import Rows, Samples

Sums = NDArray[np.int32]

CEILING: Final = 30_000
"""-0.8 dBFS: no code of either G.711 law that is next to its rail is ever sent."""
STEPS: Final = 8
"""2.5 ms of a frame each: a gain per step, a straight line in between."""
RELEASE_DB_PER_S: Final = 12.0
"""So slow that a low voice is not bent within its own periods."""
_FRAME_S: Final = 0.02
_RISE: Final = np.float32(10.0 ** (RELEASE_DB_PER_S * _FRAME_S / STEPS / 20.0))


class Limiter:
    """The gains of `listeners`; any may be limited in a frame, each at most once."""

    def __init__(self, listeners: int) -> None:
        self._gain = np.ones(listeners, dtype=np.float32)
        """At the end of the last frame."""

    def forget(self, listener: int) -> None:
        self._gain[listener] = 1.0

    def limit(self, sums: Sums, listeners: Rows) -> Samples:
        """A frame of each listener (listeners x samples, of any rate): no sample beyond CEILING."""
        peaks = np.maximum(sums.max(axis=1), -sums.min(axis=1))
        gains = self._gain[listeners]
        hot = np.flatnonzero((peaks > CEILING) | (gains < 1.0))
        if not len(hot):
            return sums.astype(np.int16)
        loud = sums[hot]
        borders = _borders(gains[hot], loud)
        self._gain[listeners[hot]] = borders[:, -1]
        limited = np.where(np.abs(sums) > CEILING, 0, sums).astype(np.int16)
        limited[hot] = _turned_down(loud, borders)
        return limited


def _borders(gains: NDArray[np.float32], loud: Sums) -> NDArray[np.float32]:
    """Gains at the ends of all steps, the beginning of the frame included."""
    peaks = np.abs(loud).reshape(len(loud), STEPS, -1).max(axis=2)
    needed = np.minimum(1.0, CEILING / np.maximum(peaks, 1)).astype(np.float32)
    borders = np.empty((len(loud), STEPS + 1), dtype=np.float32)
    borders[:, 0] = gains
    for step in range(STEPS):
        # Neither this step nor the one that follows may be too loud at their common border.
        most = np.minimum(needed[:, step], needed[:, min(step + 1, STEPS - 1)])
        borders[:, step + 1] = np.minimum(most, borders[:, step] * _RISE)
    return borders


def _turned_down(loud: Sums, borders: NDArray[np.float32]) -> Samples:
    width = loud.shape[1] // STEPS
    way = np.arange(1, width + 1, dtype=np.float32) / width
    starts, ends = borders[:, :-1, None], borders[:, 1:, None]
    gains = (starts + (ends - starts) * way).reshape(loud.shape)
    # Only the first step can begin too loud: what came before it was sent already.
    down: Samples = np.clip(np.rint(loud * gains), -CEILING, CEILING).astype(np.int16)
    return down
