"""Between 8 kHz and 16 kHz: whole blocks of rows as one matrix product, single streams by filter.

One linear-phase low pass serves both ways: flat within 0.1 dB up to 3.4 kHz, 60 dB down from
4.4 kHz on, 2 ms late. Rows keep their last samples, so that frames join without a seam.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]
Rows = NDArray[np.int64]
Floats = NDArray[np.float32]

TAPS: Final = 63
_CUTOFF: Final = 3900 / 8000
"""Of the half sample rate of 16 kHz."""
_KAISER: Final = 5.65
"""60 dB."""
_CHUNK: Final = 32
"""Narrow samples per row of the matrix product: few enough that it holds few zeros."""
_TAIL_WIDE: Final = TAPS - 1
_TAIL_NARROW: Final = TAPS // 2


def _low_pass() -> NDArray[np.float64]:
    at = np.arange(TAPS) - TAPS // 2
    weights = _CUTOFF * np.sinc(_CUTOFF * at) * np.kaiser(TAPS, _KAISER)
    normalised: NDArray[np.float64] = weights / weights.sum()
    return normalised


def _band(rows: int, columns: int, lead: int, row_step: int, column_step: int) -> Floats:
    """Filter weights by (input sample, output sample); the tail of the last frame comes first."""
    back = lead + column_step * np.arange(columns) - row_step * np.arange(rows)[:, None]
    inside = (back >= 0) & (back < TAPS)
    weights: Floats = np.where(inside, _FILTER[back.clip(0, TAPS - 1)], 0).astype(np.float32)
    return weights


_FILTER: Final = _low_pass()
_HALVING: Final = _band(_TAIL_WIDE + 2 * _CHUNK, _CHUNK, _TAIL_WIDE, 1, 2)
_DOUBLING: Final = 2 * _band(_TAIL_NARROW + _CHUNK, 2 * _CHUNK, 2 * _TAIL_NARROW, 2, 1)


class BlockResampler:
    """Both ways for rows of two tables; rows are numbered alike in both."""

    def __init__(self, rows: int) -> None:
        # Pages of rows that are never converted stay untouched and cost nothing.
        self._wide_tail: Floats = np.zeros((rows, _TAIL_WIDE), dtype=np.float32)
        self._narrow_tail: Floats = np.zeros((rows, _TAIL_NARROW), dtype=np.float32)

    def reset(self, row: int) -> None:
        """Another source begins in this row."""
        self._wide_tail[row] = 0
        self._narrow_tail[row] = 0

    def halve(self, wide: Samples, narrow: Samples, rows: Rows) -> None:
        """Fill rows of `narrow` from those of `wide`."""
        narrow[rows] = _convert(wide, rows, self._wide_tail, _HALVING, 2 * _CHUNK)

    def double(self, narrow: Samples, wide: Samples, rows: Rows) -> None:
        """Fill rows of `wide` from those of `narrow`."""
        wide[rows] = _convert(narrow, rows, self._narrow_tail, _DOUBLING, _CHUNK)


class Doubler:
    """One stream from 8 to 16 kHz, in pieces of any length."""

    def __init__(self) -> None:
        self._tail = np.zeros(_TAIL_WIDE)

    def feed(self, samples: Samples) -> Samples:
        spread = np.zeros(2 * len(samples))
        spread[::2] = samples
        block = np.concatenate((self._tail, spread))
        self._tail = block[len(block) - _TAIL_WIDE :]
        return _rounded(np.convolve(block, 2 * _FILTER, mode="valid"))


def _convert(source: Samples, rows: Rows, tails: Floats, matrix: Floats, step: int) -> Samples:
    block = np.concatenate((tails[rows], source[rows]), axis=1, dtype=np.float32)
    tails[rows] = block[:, -tails.shape[1] :]
    windows = np.lib.stride_tricks.sliding_window_view(block, len(matrix), axis=1)[:, ::step]
    return _rounded(windows @ matrix).reshape(len(rows), -1)


def _rounded(values: NDArray[np.floating]) -> Samples:
    # -32768 marks missing samples elsewhere and never sounds.
    samples: Samples = np.clip(np.rint(values), -32767, 32767).astype(np.int16)
    return samples
