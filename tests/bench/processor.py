"""How the cost of a piece of work grows with its input, in processor time.

Tells linear from quadratic, never fast from slow: a busy machine changes both sides alike. For
fuzzing whole parsers, whose cost is spread over Python and C; elsewhere steps are counted
(tests/steps.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

_ROUNDS: Final = 7
_LEAST_S: Final = 0.000_5
"""Below this the clock's own grain decides; the small run is repeated until it is reached."""


def growth(work: Callable[[int], object], *, small: int, factor: int) -> float:
    """Cost of work(small * factor) over cost of work(small): `factor` for linear work."""
    repeat = 1
    while _cost(work, small, repeat) < _LEAST_S:
        repeat *= 2
    before = min(_cost(work, small, repeat) for _ in range(_ROUNDS))
    after = min(_cost(work, small * factor, repeat) for _ in range(_ROUNDS))
    return after / before


def _cost(work: Callable[[int], object], size: int, repeat: int) -> float:
    start = time.process_time()
    for _ in range(repeat):
        work(size)
    return time.process_time() - start
