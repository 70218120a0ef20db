"""Cuts what a leg hears into utterances, by our own voice detection. Pure.

For recognisers that take a whole utterance at once. A voice begins one at the moment at which a
prompt should stop, with the sound just before it, which holds the beginning of the first word;
half a second without voice ends it, and so does its greatest length.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import attrs
import numpy as np

from runtime.media.detect.voice import VoiceActivity, VoiceFrames
from runtime.media.pcm import WIDE_ROW_RATE_HZ, Samples

RATE_HZ: Final = WIDE_ROW_RATE_HZ
FRAME: Final = RATE_HZ // 50
"""Samples of 20 ms."""
BEFORE_FRAMES: Final = 20
"""400 ms: a voice is certain after 100 ms of it, and quiet consonants come before."""


@attrs.frozen
class Began:
    """Somebody begins to speak."""


@attrs.frozen
class Ended:
    """The utterance is over; `samples` are mono at RATE_HZ."""

    samples: Samples = attrs.field(repr=False, eq=False)

    @property
    def duration_s(self) -> float:
        return len(self.samples) / RATE_HZ


class Utterances:
    """Of one leg. `max_s`: a longer one is cut, and its rest is the next."""

    def __init__(self, max_s: float) -> None:
        self._most = round(max_s * RATE_HZ / FRAME)
        self._voice = VoiceFrames()
        self._activity = VoiceActivity()
        self._before: deque[Samples] = deque(maxlen=BEFORE_FRAMES)
        self._spoken: list[Samples] | None = None

    def hear(self, frame: Samples) -> list[Began | Ended]:
        """The next FRAME samples."""
        turn = self._activity.hear(self._voice.hear(_narrow(frame)))
        if self._spoken is None:
            self._before.append(frame)
            if not turn:
                return []
            self._spoken = list(self._before)
            self._before.clear()
            return [Began()]
        self._spoken.append(frame)
        if turn is False:
            return [self._cut(None)]
        if len(self._spoken) >= self._most:
            return [self._cut([]), Began()]
        return []

    def _cut(self, following: list[Samples] | None) -> Ended:
        assert self._spoken is not None
        ended, self._spoken = Ended(np.concatenate(self._spoken)), following
        return ended


def _narrow(frame: Samples) -> Samples:
    """At half the rate, as the detector wants it: the mean of two samples is low-pass enough."""
    pairs = frame.reshape(-1, 2).astype(np.int32)
    return ((pairs[:, 0] + pairs[:, 1]) // 2).astype(np.int16)
