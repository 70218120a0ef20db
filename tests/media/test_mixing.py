"""Sums of rows: everyone hears everyone but themselves, and nobody comes or goes with a click."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.media.frames import FRAME, WIDE_FRAME, FrameTable, RowsExhausted, Samples
from runtime.media.levels import TalkerLevels
from runtime.media.limiting import CEILING
from runtime.media.mixing import Listener, Mixer, cross_fade, fade_out


def levels(*values: int, width: int = FRAME) -> Samples:
    return np.array([[v] * width for v in values], dtype=np.int16)


def mixer(rows: int) -> Mixer:
    return Mixer(rows, TalkerLevels(rows))


def heard(samples: Samples, rows: list[int]) -> list[int]:
    assert all(len(set(samples[row].tolist())) == 1 for row in rows)
    return [int(samples[row, 0]) for row in rows]


ROOM, OTHER_ROOM = 90, 91
"""Ids of mixes; sources have their row times ten."""


def room(*rows: int) -> dict[int, int]:
    return {10 * row: row for row in rows}


def test_each_listener_hears_the_sum_without_itself() -> None:
    samples = levels(0, 100, 20, 3, 0, 0, 0, 0)
    mix = mixer(8)
    listeners = [Listener(ROOM, 10 * n, 3 + n) for n in (1, 2, 3)]
    mix.plan({ROOM: room(1, 2, 3)}, [*listeners, Listener(ROOM, 77, 7)])
    mix.run(samples)
    assert heard(samples, [4, 5, 6, 7]) == [23, 103, 120, 123]


def test_mixes_do_not_leak_into_each_other() -> None:
    samples = levels(0, 1, 2, 40, 80, 0, 0, 0, 9)
    mix = mixer(9)
    mix.plan(
        {ROOM: room(1, 2), 5: {}, OTHER_ROOM: room(3, 4), 6: {}},
        [
            Listener(ROOM, 10, 5),
            Listener(5, 77, 6),
            Listener(OTHER_ROOM, 40, 7),
            Listener(6, 78, 8),
        ],
    )
    mix.run(samples)
    assert heard(samples, [5, 6, 7, 8]) == [2, 0, 40, 0]


def test_a_mix_without_listeners_costs_nothing() -> None:
    samples = levels(0, 5)
    mix = mixer(2)
    mix.plan({}, [])
    mix.run(samples)
    assert heard(samples, [0, 1]) == [0, 5]
    assert not mix.heard


def test_two_mixes_may_hear_each_other_without_an_echo() -> None:
    # Row 3 carries the other room into this one, row 4 this one into the other.
    samples = levels(0, 100, 7, 0, 0, 0)
    mix = mixer(6)
    mix.plan(
        {ROOM: {10: 1, OTHER_ROOM: 3}, OTHER_ROOM: {20: 2, ROOM: 4}},
        [
            Listener(OTHER_ROOM, ROOM, 3),
            Listener(ROOM, OTHER_ROOM, 4),
            Listener(ROOM, 10, 5),
        ],
    )
    for _ in range(5):
        mix.run(samples)
        assert heard(samples, [3, 4]) == [7, 100]
    assert heard(samples, [5]) == [7]


@pytest.mark.parametrize("width", [FRAME, WIDE_FRAME])
def test_who_joins_fades_in_and_the_others_go_on_untouched(width: int) -> None:
    samples = levels(0, 1000, 8000, 0, 0, width=width)
    mix = mixer(5)
    hers, his = Listener(ROOM, 10, 3), Listener(ROOM, 20, 4)
    mix.plan({ROOM: room(1)}, [hers, his])
    mix.run(samples)
    assert heard(samples, [3, 4]) == [0, 1000]
    mix.plan({ROOM: room(1, 2)}, [hers, his])
    mix.run(samples)
    faded = width // 4
    rising = samples[3].astype(int)
    assert (np.diff(rising[:faded]) > 0).all()
    assert np.abs(np.diff(rising)).max() <= 8000 // faded + 1
    assert rising[0] <= 8000 // faded
    assert set(rising[faded:].tolist()) == {8000}
    assert heard(samples, [4]) == [1000]
    mix.run(samples)
    assert heard(samples, [3, 4]) == [8000, 1000]


def test_who_leaves_fades_out_even_if_its_row_is_gone_and_never_hears_itself() -> None:
    samples = levels(0, 1000, 8000, 0, 0)
    mix = mixer(5)
    hers, his = Listener(ROOM, 10, 3), Listener(ROOM, 20, 4)
    mix.plan({ROOM: room(1, 2)}, [hers, his])
    mix.run(samples)
    assert heard(samples, [3, 4]) == [8000, 1000]
    samples[2] = 0
    mix.plan({ROOM: room(1)}, [hers, his])
    mix.run(samples)
    falling = samples[3].astype(int)
    assert 7800 < falling[0] <= 8000
    assert (np.diff(falling[:40]) < 0).all()
    assert set(falling[40:].tolist()) == {0}
    assert heard(samples, [4]) == [1000]
    mix.run(samples)
    assert heard(samples, [3, 4]) == [0, 1000]


def test_a_speaker_at_full_scale_is_turned_down_and_not_bent() -> None:
    time = np.arange(3 * FRAME) / 8000
    wave = np.round(32767 * np.sin(2 * np.pi * 400 * time)).astype(np.int16).reshape(3, FRAME)
    mix = mixer(4)
    mix.plan({ROOM: room(1)}, [Listener(ROOM, 77, 2)])
    out = []
    for frame in wave:
        samples = levels(0, 0, 0, 0)
        samples[1] = frame
        mix.run(samples)
        out.append(samples[2].copy())
    later = np.concatenate(out[1:]).astype(float)
    wanted = wave[1:].ravel() * (CEILING / 32767)
    assert np.abs(later - wanted).max() < 0.005 * CEILING
    assert np.abs(np.concatenate(out)).max() <= CEILING


def test_fifty_speakers_at_full_scale_neither_wrap_nor_touch_the_rail() -> None:
    rng = np.random.default_rng(7)
    rows, members = 101, range(1, 51)
    mix = mixer(rows)
    listeners = [Listener(ROOM, 10 * n, 50 + n) for n in members]
    mix.plan({ROOM: room(*members)}, listeners)
    samples = np.zeros((rows, FRAME), dtype=np.int16)
    for _ in range(20):
        samples[1:51] = rng.choice([-32768, 32767, 0, 900], size=(50, FRAME))
        sums = samples[1:51].astype(int).sum(axis=0)
        mix.run(samples)
        out = samples[51:].astype(int)
        assert np.abs(out).max() <= CEILING
        others = sums - samples[1:51].astype(int)
        assert (np.sign(out) * np.sign(others) >= 0).all()


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
