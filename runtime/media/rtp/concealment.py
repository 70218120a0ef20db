"""Loss concealment for G.711: the last frame again, fading to silence within 60 ms.

Simple on purpose (not the pitch search of G.711 Appendix I): one lost packet is hardly heard, and a
longer hole is honest silence. Sound that comes back within the fade is cross-faded in.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from runtime.media.frames import FADE, FRAME, Samples

from .header import Bools, Ints
from .playout import MISSING

FADE_FRAMES: Final = 3
_ENVELOPE: Final = 1 - np.arange(FADE_FRAMES * FRAME + 1) / (FADE_FRAMES * FRAME)
# A repeated frame was faded already when it is repeated again, so each row holds the ratio.
_FALL: Final = np.array(
    [
        [
            _ENVELOPE[n * FRAME + k] / (_ENVELOPE[(n - 1) * FRAME + k] if n else 1.0)
            for k in range(FRAME)
        ]
        for n in range(FADE_FRAMES)
    ]
    + [[0.0] * FRAME],
    dtype=np.float32,
)


class Concealment:
    """How long each leg has had nothing to play; fills what is missing in its row."""

    def __init__(self, legs: int) -> None:
        self._missed: NDArray[np.int64] = np.full(legs, FADE_FRAMES, dtype=np.int64)
        self._steady: bytes | None = None
        """What `written` was in the last frame, if no leg was in between sound and silence."""
        self._sounding: Ints = np.zeros(0, dtype=np.int64)

    def reset(self, leg: int) -> None:
        self._missed[leg] = FADE_FRAMES
        self._steady = None

    def columns(self) -> dict[str, NDArray[Any]]:
        """What the native helper works on; never replaced by other arrays."""
        return {"missed": self._missed}

    def play(self, rows: Samples, due: Samples, written: Bools) -> None:
        """Replace `rows` (the last frames) by the due ones, made whole."""
        if written.tobytes() == self._steady:
            # Nothing begins or ends: legs that sound are copied, the others are silent already.
            came = due[self._sounding]
            if not len(came) or came.min() != MISSING:
                rows[self._sounding] = came
                return
        missed = self._missed[: len(rows)]
        changing = (written != (missed == 0)) | ((missed > 0) & (missed < FADE_FRAMES))
        self._steady = None if changing.any() else written.tobytes()
        self._sounding = np.flatnonzero(written)
        self._play_changes(rows, due, written)

    def _play_changes(self, rows: Samples, due: Samples, written: Bools) -> None:
        missed = self._missed[: len(rows)]
        self._fade_in(rows, due, np.flatnonzero(written & (missed > 0) & (missed < FADE_FRAMES)))
        holes = np.flatnonzero(~written & (missed < FADE_FRAMES))
        partly = np.flatnonzero(written)
        partly = partly[due[partly].min(axis=1) == MISSING]
        repaired = np.concatenate((holes, partly))
        if len(repaired):
            filled = self._repeated(rows, due, repaired)
        np.copyto(rows, due)
        if len(repaired):
            rows[repaired] = filled
        rows[~written & (missed >= FADE_FRAMES)] = 0
        missed += 1
        missed[written] = 0
        np.minimum(missed, FADE_FRAMES, out=missed)

    def _repeated(self, rows: Samples, due: Samples, legs: Ints) -> Samples:
        faded = rows[legs] * _FALL[self._missed[legs]]
        came = due[legs]
        return np.where(came == MISSING, faded.astype(np.int16), came)

    def _fade_in(self, rows: Samples, due: Samples, legs: Ints) -> None:
        """What would have been repeated gives way to what came, within 5 ms."""
        if not len(legs):
            return
        span = len(FADE)
        repeated = rows[legs, :span] * _FALL[self._missed[legs], :span]
        came = due[legs, :span]
        mixed = np.round(came * FADE + repeated * (1 - FADE)).astype(np.int16)
        due[legs, :span] = np.where(came == MISSING, came, mixed)
