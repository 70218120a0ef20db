"""Concealment for codecs that bring none: sound goes on as it was, and is silent after 60 ms.

What runtime/media/rtp/concealment.py does for all plain legs at once, for one decoder.
"""

from __future__ import annotations

import numpy as np

from runtime.media.waveform import Lengths, continued, fade_in_after

from .coding import Samples


class Continuation:
    """What one decoder said last."""

    def __init__(self, rate_hz: int) -> None:
        self._lengths = Lengths.at(rate_hz)
        self._last: Samples = np.zeros(self._lengths.remembered, dtype=np.int16)
        self._made: Samples = np.zeros(0, dtype=np.int16)
        """How the sound goes on from where the hole began."""
        self._missed = 0
        """Samples made up since something was heard."""

    def heard(self, samples: Samples) -> Samples:
        """Remember what was decoded; returns it, after a loss faded in."""
        if self._missed and len(samples):
            samples = self._faded_in(samples)
            self._missed = 0
        self._remember(samples)
        return samples

    def conceal(self, count: int) -> Samples:
        """The next `count` samples instead of what was lost."""
        if not self._missed:
            self._made = continued(self._last[None, :], self._lengths)[0]
        made = np.zeros(count, dtype=np.int16)
        left = self._made[self._missed : self._missed + count]
        made[: len(left)] = left
        # Bounded, because a peer may be quiet for days.
        self._missed = min(self._missed + count, self._lengths.continued)
        self._remember(made)
        return made

    def pause(self) -> None:
        """The sound is at its end, and not broken off."""
        self._missed = 0
        self._last[:] = 0

    def _faded_in(self, samples: Samples) -> Samples:
        fade = min(fade_in_after(self._missed, self._lengths), len(samples))
        made = np.zeros(fade, dtype=np.int16)
        left = self._made[self._missed : self._missed + fade]
        made[: len(left)] = left
        weights = (np.arange(fade) + 0.5) / max(fade, 1)
        mixed = samples.copy()
        mixed[:fade] = np.round(samples[:fade] * weights + made * (1 - weights))
        return mixed

    def _remember(self, samples: Samples) -> None:
        kept = len(self._last)
        self._last = np.concatenate((self._last, samples[-kept:]))[-kept:]
