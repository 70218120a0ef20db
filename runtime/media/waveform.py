"""Speech goes on as it was: how a sound is continued when the next piece of it is lost.

The method of ITU-T G.711 Appendix I: the last pitch period is repeated, after 10 ms the last two,
after 20 ms the last three (so that it does not buzz), overlapped by a quarter period wherever they
join, and faded to silence between 10 and 60 ms. All sounds that break off at one time are continued
at once. Unlike there nothing is delayed by 3.75 ms for an overlap at the beginning; the step at
the seam is spread over a quarter period instead.
"""

from __future__ import annotations

from typing import Final

import attrs
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Samples = NDArray[np.int16]
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

HELD_S: Final = 0.010
"""Full level for so long; then the fall."""
CONTINUED_S: Final = 0.060
"""Nothing is known of speech after so long: silence."""
REMEMBERED_S: Final = 0.04875
"""What continuing needs: three of the longest periods and a quarter."""
MATCHED_S: Final = 0.020
"""The sound's end, which is looked for in what was before."""
SHORTEST_S: Final = 0.005
LONGEST_S: Final = 0.015
"""Pitch periods: 200 Hz to 66 Hz. Of higher voices several periods are taken as one."""
MAX_FADE_S: Final = 0.010
"""Of fading in what comes after a hole, the more slowly the longer the hole was."""
_QUIET: Final = 1.0
"""Energy below which one stretch is as like as the other: that of a single least step."""


@attrs.frozen(kw_only=True)
class Lengths:
    """The durations above in samples of one rate."""

    held: int
    continued: int
    remembered: int
    matched: int
    shortest: int
    longest: int
    max_fade: int

    @classmethod
    def at(cls, rate_hz: int) -> Lengths:
        return cls(
            held=round(HELD_S * rate_hz),
            continued=round(CONTINUED_S * rate_hz),
            remembered=round(REMEMBERED_S * rate_hz),
            matched=round(MATCHED_S * rate_hz),
            shortest=round(SHORTEST_S * rate_hz),
            longest=round(LONGEST_S * rate_hz),
            max_fade=round(MAX_FADE_S * rate_hz),
        )


def continued(before: Samples, lengths: Lengths) -> Samples:
    """What follows on each row of `before` (its last `lengths.remembered` samples are read).

    Rows of `lengths.continued` samples, the last of which is silent.
    """
    sound = before[:, -lengths.remembered :].astype(np.float32)
    period = pitch_periods(sound, lengths)[:, None]
    quarter = period // 4
    made = np.empty((len(sound), lengths.continued), dtype=np.float32)
    start = np.zeros_like(period)
    joint = lengths.longest // 4
    for more in (1, 2, 3):
        since = (more - 1) * lengths.held
        until = lengths.continued if more == 3 else since + lengths.held + joint
        at = np.arange(until - since)
        longer = _repeated(sound, more * period, start + at, quarter)
        if since:
            joined = made[:, since : since + joint]
            weights = np.minimum(at[:joint] / quarter, 1).astype(np.float32)
            longer[:, :joint] = joined + (longer[:, :joint] - joined) * weights
        made[:, since:until] = longer
        # The phase goes on; only older periods join in.
        start = (start + lengths.held) % period
    step = sound[:, -1:] - np.take_along_axis(sound, sound.shape[1] - 1 - period, axis=1)
    at = np.arange(1, joint + 1)
    made[:, :joint] += step * np.maximum(1 - at / (quarter + 1), 0).astype(np.float32)
    return np.round(made * _fall(lengths)).clip(-32767, 32767).astype(np.int16)


def repeated(before: Samples, lengths: Lengths) -> Samples:
    """As `continued`, for a tenth of the cost: the last 20 ms again, whatever their pitch."""
    rounds = -(-lengths.continued // lengths.matched)
    made = np.tile(before[:, -lengths.matched :], (1, rounds))[:, : lengths.continued]
    return np.round(made * _fall(lengths)).astype(np.int16)


def fade_in_after(missed: int, lengths: Lengths) -> int:
    """Over how many samples the sound is faded in after so many were made up: 4 ms after 10 ms of
    them, 7 ms after 20 ms; out of silence, over half as many as at most, since a word may begin."""
    if missed >= lengths.continued:
        return lengths.max_fade // 2
    return min(lengths.max_fade, lengths.max_fade // 10 + missed * 3 // 10)


def pitch_periods(sound: Floats, lengths: Lengths) -> Ints:
    """By how many samples each row of `sound` must be shifted to be most like its own end."""
    found = likenesses(sound, lengths.matched, lengths.shortest, lengths.longest)
    periods: Ints = lengths.shortest + found.argmax(axis=1)
    return periods


def likenesses(sound: Floats, matched: int, shortest: int, longest: int) -> Floats:
    """How like the last `matched` samples of each row are those `shortest` to `longest` before.

    1 = the same but for loudness, 0 = nothing in common, -1 = opposite. Silence is like silence.
    """
    end = sound[:, -matched:]
    earlier = sound[:, -matched - longest : len(sound[0]) - shortest]
    windows = sliding_window_view(earlier, matched, axis=1)
    product = np.matmul(windows, end[:, :, None])[:, ::-1, 0]
    power = np.cumsum(np.square(earlier, dtype=np.float64), axis=1)
    energy = power[:, matched - 1 :].copy()
    energy[:, 1:] -= power[:, :-matched]
    own = np.square(end, dtype=np.float64).sum(axis=1, keepdims=True)
    scale = np.sqrt((energy[:, ::-1] + _QUIET) * (own + _QUIET))
    found: Floats = ((product + _QUIET) / scale).astype(np.float32)
    return found


def _repeated(sound: Floats, length: Ints, at: Ints, quarter: Ints) -> Floats:
    """The last `length` samples of each row over and over, read `at` places, without a seam."""
    rows, count = sound.shape
    place = at % length
    reading = place + (count - length + count * np.arange(rows)[:, None])
    read: Floats = np.take(sound, reading)
    # The end of a round leads over to what was before its beginning.
    joining = np.flatnonzero(place > length - quarter - 1)
    row = joining // place.shape[1]
    depth = np.take(place, joining) - (length - quarter - 1)[row, 0]
    weights = (depth / (quarter[row, 0] + 1)).astype(np.float32)
    earlier = np.take(sound, np.take(reading, joining) - length[row, 0])
    late = np.take(read, joining)
    np.put(read, joining, late + (earlier - late) * weights)
    return read


def _fall(lengths: Lengths) -> Floats:
    at = np.arange(1, lengths.continued + 1)
    fall = 1 - (at - lengths.held) / (lengths.continued - lengths.held)
    return np.clip(fall, 0, 1).astype(np.float32)
