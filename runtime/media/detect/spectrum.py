"""The strongest tones in the last 32 ms of many legs: what beeps and call progress are made of.

One Fourier transform for all legs, by a module that is imported here by its name: numpy itself
loads it when it is first used, which a locked process cannot. A tone is a peak together with the
two bins on each side of it, which is all that the window spreads it over.
"""

from __future__ import annotations

from typing import Final

import attrs
import numpy as np
from numpy import fft
from numpy.typing import NDArray

from runtime.media.frames import FRAME, RATE_HZ, Samples

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WINDOW: Final = 256
SPREAD: Final = 2
TONES: Final = 2
"""No progress tone that is in use needs a third one to be recognised."""
_BIN_HZ: Final = RATE_HZ / WINDOW
_HANN: Final = np.hanning(WINDOW + 1)[:-1].astype(np.float32)
_POWER_SUM: Final = float((_HANN**2).sum()) * WINDOW / 2
"""Energy of all bins when the samples have an RMS of 1."""


@attrs.frozen
class Tone:
    """A frequency, and its part of the energy of all that is heard."""

    hz: float
    share: float


@attrs.frozen(kw_only=True)
class Glimpse:
    """What 32 ms sound like."""

    level_db: float
    """RMS re full scale."""
    tones: tuple[Tone, ...] = ()
    """Strongest first."""


class Spectrum:
    """The last samples of each leg that is looked at."""

    def __init__(self, capacity: int) -> None:
        self._tail = np.zeros((capacity, WINDOW - FRAME), dtype=np.float32)

    def reset(self, leg: int) -> None:
        self._tail[leg] = 0.0

    def look(self, legs: Ints, frames: Samples) -> list[Glimpse]:
        """One frame of each of these legs."""
        audio = np.concatenate((self._tail[legs], frames), axis=1, dtype=np.float32)
        self._tail[legs] = audio[:, FRAME:]
        power = np.abs(fft.rfft(audio * _HANN, axis=1)) ** 2
        power[:, 0] = 0.0
        total = power.sum(axis=1)
        level = 10 * np.log10(np.maximum(total / _POWER_SUM, 0.27) / 32768.0**2)
        found = [_take_peak(power, np.maximum(total, 1.0)) for _ in range(TONES)]
        return [
            Glimpse(
                level_db=float(level[n]),
                tones=tuple(Tone(float(hz[n]), float(share[n])) for hz, share in found),
            )
            for n in range(len(legs))
        ]


def _take_peak(power: Floats, total: Floats) -> tuple[Floats, Floats]:
    """Frequency and share of each row's strongest peak, which is taken out of `power`."""
    rows = np.arange(len(power))
    peak = power[:, 1:-1].argmax(axis=1) + 1
    left, middle, right = (np.sqrt(power[rows, peak + step]) for step in (-1, 0, 1))
    # Exact for a Hann window: the ratio of the two bins that the tone lies between.
    upper = right > left
    ratio = np.where(upper, right, left) / np.maximum(middle, 1e-9)
    offset = np.clip((2 * ratio - 1) / (1 + ratio), -0.5, 0.5)
    hz = (peak + np.where(upper, offset, -offset)) * _BIN_HZ
    around = np.clip(peak[:, None] + np.arange(-SPREAD, SPREAD + 1), 0, power.shape[1] - 1)
    share = np.take_along_axis(power, around, axis=1).sum(axis=1) / total
    np.put_along_axis(power, around, 0.0, axis=1)
    return hz, np.minimum(share, 1.0)
