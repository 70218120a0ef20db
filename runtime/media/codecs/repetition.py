"""Concealment for codecs that bring none: the last 20 ms again, falling to silence within 60 ms."""

from __future__ import annotations

from typing import Final

import numpy as np

from .coding import Samples

FALL_S: Final = 0.060


class Repetition:
    """What one decoder said last."""

    def __init__(self, rate_hz: int) -> None:
        self._last: Samples = np.zeros(rate_hz // 50, dtype=np.int16)
        self._fall = round(FALL_S * rate_hz)
        self._missed = 0
        """Samples replaced since something was heard."""

    def heard(self, samples: Samples) -> Samples:
        """Remember what was decoded; returns it."""
        if len(samples):
            kept = len(self._last)
            self._last = np.concatenate((self._last, samples[-kept:]))[-kept:]
            self._missed = 0
        return samples

    def conceal(self, count: int) -> Samples:
        at = self._missed + np.arange(count)
        self._missed += count
        weights = np.clip(1 - at / self._fall, 0, 1)
        repeated: Samples = (self._last[at % len(self._last)] * weights).astype(np.int16)
        return repeated
