"""Where a loop begins anew: joined without a click, and untouched where there is none. Pure."""

from __future__ import annotations

from typing import Final, Self

import attrs
import numpy as np
from numpy.typing import NDArray

from runtime.media.frames import Samples

STEEPER: Final = 2.0
"""Times the steepest step around it makes the step of a seam a click. A loop that was cut to go on
smoothly stays far below, and is played as it is."""


@attrs.frozen(eq=False)
class Seam:
    """What is added to the first 5 ms of a loop, every time but the first."""

    added: NDArray[np.float64]
    """Empty when nothing has to be."""

    @classmethod
    def of(cls, head: Samples, tail: Samples, fade: NDArray[np.float32]) -> Self:
        """`head` and `tail` are twice as long as the fade; of shorter loops, which are the shape of
        a wave and no sound, all there is: they have no seam."""
        if len(head) < 2 * len(fade):
            return cls(np.zeros(0))
        around = np.concatenate((np.diff(tail.astype(np.int32)), np.diff(head.astype(np.int32))))
        step = int(tail[-1]) - int(head[0])
        if abs(step) <= STEEPER * int(np.abs(around).max()):
            return cls(np.zeros(0))
        return cls(step * (1.0 - fade.astype(np.float64)))

    def touches(self, phase: int) -> bool:
        """Whether a piece that begins at this place of the loop begins within the seam."""
        return phase < len(self.added)

    def mended(self, samples: Samples, places: NDArray[np.int64], period: int) -> Samples:
        """`samples` of these places, counted from the first time round."""
        phases = places % period
        at = np.flatnonzero((phases < len(self.added)) & (places >= period))
        if not len(at):
            return samples
        mended = samples.astype(np.float64)
        mended[at] += self.added[phases[at]]
        return np.clip(np.round(mended), -32768, 32767).astype(np.int16)
