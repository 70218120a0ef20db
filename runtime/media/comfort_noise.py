"""Comfort noise (RFC 3389): what is heard while a peer says that it is silent, and how loudly.

White, from one table that all legs read at different places; the spectrum that a payload may
describe is not followed. All arithmetic is of integers, so that the native helper comes to the same
samples.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

PERIOD: Final = 16_000
"""Samples after which the noise repeats itself: 2 s at 8 kHz; nobody hears that. Whole frames."""
LONGEST: Final = 320
"""Samples that are read at once: a frame at 16 kHz."""
UNIT_BITS: Final = 12
"""The table's noise has the level 1 << UNIT_BITS, so a level times it is shifted by so much."""
OVERLOAD: Final = 32_124
"""0 dBov (RFC 3389 section 3): a square wave of the highest level of mu-law."""
LOUDEST_DBOV: Final = -30
"""No background is louder; a peer that says so wants to be heard as noise."""
LEG_STEP: Final = 1_031
"""How far apart legs read; their noises must not add up in a conference."""
_SEED: Final = 3389


def _table() -> Samples:
    noise = np.random.default_rng(_SEED).normal(0, 1 << UNIT_BITS, PERIOD)
    table = np.clip(np.round(noise), -32767, 32767).astype(np.int16)
    table = np.concatenate((table, table[:LONGEST]))
    table.setflags(write=False)
    return table


NOISE: Final = _table()


def level_of(payload: bytes) -> int | None:
    """The effective level that a comfort noise payload asks for, at least 1 and in steps of
    samples; None if it is malformed."""
    if not payload or payload[0] > 127:
        return None
    return max(1, round(OVERLOAD * math.pow(10, min(-payload[0], LOUDEST_DBOV) / 20)))


def noise_at(starts: NDArray[np.int64], levels: NDArray[np.int64], count: int) -> Samples:
    """`count` samples of noise for each of `starts` (places in the endless noise) and `levels`."""
    read = np.take(NOISE, (starts % PERIOD)[:, None] + np.arange(count)).astype(np.int32)
    noise: Samples = ((read * levels.astype(np.int32)[:, None]) >> UNIT_BITS).astype(np.int16)
    return noise
