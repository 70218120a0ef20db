"""Making a sound a little shorter or longer without its being heard: by whole periods of it.

For playout buffers that follow a peer's clock. Taking out or putting in a stretch by which the
sound is most like itself keeps voices and tones in phase; the rest is a cross-fade of 5 ms.
"""

from __future__ import annotations

from typing import Final

import attrs
import numpy as np
from numpy.typing import NDArray

from .waveform import Lengths, likenesses

Samples = NDArray[np.int16]

SHORTEST_S: Final = 0.010
LONGEST_S: Final = 0.020
"""Of one splice: every voice has a period, or some of them, that is as long."""
FADE_S: Final = 0.005
LIKE_ENOUGH: Final = 0.9
"""A splice of sounds as like as this is not heard."""
IMPATIENCE: Final = 0.1
"""Less is asked for with every time that no splice was good enough."""


@attrs.frozen(kw_only=True)
class Splice:
    """A place at which the sound may be changed."""

    count: int
    """Samples by which it becomes shorter or longer."""
    likeness: float
    """1 = it will not be heard; 0 = what meets there has nothing in common. Silence is alike."""
    samples: Samples

    def good(self, waited: int) -> bool:
        """Whether to take it, if so many before it were not taken."""
        return self.likeness >= LIKE_ENOUGH - IMPATIENCE * waited


@attrs.frozen
class Splicer:
    """Splices of sounds of one rate."""

    rate_hz: int

    def cut(self, before: Samples, after: Samples, most: int) -> Splice:
        """`after`, which follows on `before`, without its beginning of up to `most` samples.

        `before` has at least 10 ms, `after` that much more than `most`.
        """
        lengths = Lengths.at(self.rate_hz)
        half = lengths.matched // 2
        least = most - self._range
        # Seen from behind, the place of the cut is the end, and what comes later is the past.
        line = np.concatenate((before[-half:], after[: half + most]))[::-1]
        count, likeness = _best(line, lengths.matched, least, most)
        fade = round(FADE_S * self.rate_hz)
        weights = _rising(fade)
        rest = after[count:].copy()
        rest[:fade] = np.round(rest[:fade] * weights + after[:fade] * (1 - weights))
        return Splice(count=count, likeness=likeness, samples=rest)

    def stretch(self, before: Samples) -> Splice:
        """What can be put in after `before`, which has at least 40 ms."""
        lengths = Lengths.at(self.rate_hz)
        most = round(LONGEST_S * self.rate_hz)
        count, likeness = _best(before, lengths.matched, most - self._range, most)
        fade = round(FADE_S * self.rate_hz)
        more = before[-count:].astype(np.float64)
        step = float(before[-1]) - float(before[-count - 1])
        more[:fade] += step * (1 - _rising(fade))
        samples = np.round(more).clip(-32767, 32767).astype(np.int16)
        return Splice(count=count, likeness=likeness, samples=samples)

    @property
    def _range(self) -> int:
        return round((LONGEST_S - SHORTEST_S) * self.rate_hz)


def _best(line: Samples, matched: int, least: int, most: int) -> tuple[int, float]:
    found = likenesses(line[None, :].astype(np.float32), matched, least, most)[0]
    # Of equals the longest: what is over with one splice needs no second.
    back = int(found[::-1].argmax())
    return most - back, float(found[-1 - back])


def _rising(count: int) -> NDArray[np.float64]:
    return (np.arange(count) + 0.5) / count
