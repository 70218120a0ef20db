"""Sums of rows: everyone hears everyone but themselves, and loud sums bend instead of wrapping."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.media.frames import FRAME, FrameTable, RowsExhausted, Samples
from runtime.media.mixing import CEILING, KNEE, MixPlan, cross_fade, fade_out, soft_clip


def levels(*values: int) -> Samples:
    return np.array([[v] * FRAME for v in values], dtype=np.int16)


def heard(samples: Samples, rows: list[int]) -> list[int]:
    assert all(len(set(samples[row].tolist())) == 1 for row in rows)
    return [int(samples[row, 0]) for row in rows]


def test_each_listener_hears_the_sum_without_itself() -> None:
    samples = levels(0, 100, 20, 3, 0, 0, 0, 0)
    plan = MixPlan.of([[1, 2, 3]], [(0, 1, 4), (0, 2, 5), (0, 3, 6), (0, 0, 7)])
    plan.run(samples)
    assert heard(samples, [4, 5, 6, 7]) == [23, 103, 120, 123]


def test_mixes_do_not_leak_into_each_other() -> None:
    samples = levels(0, 1, 2, 40, 80, 0, 0, 0)
    plan = MixPlan.of([[1, 2], [], [3, 4]], [(0, 1, 5), (1, 0, 6), (2, 4, 7)])
    plan.run(samples)
    assert heard(samples, [5, 6, 7]) == [2, 0, 40]


def test_a_mix_without_listeners_costs_nothing() -> None:
    samples = levels(0, 5)
    MixPlan.of([[1]], []).run(samples)
    MixPlan.of([], []).run(samples)
    assert heard(samples, [0, 1]) == [0, 5]


def test_two_mixes_may_hear_each_other_without_an_echo() -> None:
    # Rows 3 and 4 carry mix 1 into mix 0 and mix 0 into mix 1.
    samples = levels(0, 100, 7, 0, 0, 0)
    plan = MixPlan.of([[1, 3], [2, 4]], [(1, 4, 3), (0, 3, 4), (0, 1, 5)])
    for _ in range(5):
        plan.run(samples)
        assert heard(samples, [3, 4]) == [7, 100]
    assert heard(samples, [5]) == [7]


def test_sums_within_the_knee_are_exact_and_above_it_bent() -> None:
    sums = np.array([0, 1, -1, KNEE, -KNEE, KNEE + 1, 40000, -40000, 10**7], dtype=np.int32)
    clipped = soft_clip(sums).tolist()
    assert clipped[:6] == [0, 1, -1, KNEE, -KNEE, KNEE + 1]
    assert KNEE < clipped[6] < CEILING
    assert clipped[7] == -clipped[6]
    assert clipped[8] <= CEILING


def test_the_bend_is_monotonous() -> None:
    sums = np.arange(-200_000, 200_000, 7, dtype=np.int32)
    assert (np.diff(soft_clip(sums).astype(int)) >= 0).all()


def test_a_cross_fade_begins_with_the_old_sound_and_ends_with_the_new() -> None:
    old, new = levels(8000), levels(-8000)
    mixed = cross_fade(old, new)[0].astype(int)
    assert mixed[0] > 7700
    assert mixed[39] < -7700
    assert set(mixed[40:].tolist()) == {-8000}
    assert (np.diff(mixed[:40]) < 0).all()
    assert np.abs(np.diff(mixed)).max() <= 401
    assert new[0, 0] == -8000


def test_fading_out_ends_in_silence() -> None:
    faded = fade_out(levels(1000)[0])
    assert faded[0] > 950
    assert not faded[40:].any()


def test_rows_are_taken_and_given_back_silent() -> None:
    table = FrameTable(legs=2, others=2)
    first, second = table.take(), table.take()
    assert {first, second} == {3, 4}
    table.samples[first] = 5
    table.give_back(first)
    assert table.free == 1
    assert table.take() == first
    assert not table.samples[first].any()
    with pytest.raises(RowsExhausted, match="all 2 rows"):
        table.take()
