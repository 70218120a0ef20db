"""Quiet talkers are brought up, loud ones and all that is no talk are left alone."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.media.frames import FRAME
from runtime.media.levels import MOST_DB, NOMINAL_DB, TalkerLevels
from tests.media.spectrum import Samples

ALONE = np.array([1], dtype=np.int64)


def babble(level_db: float, seconds: float, noise_db: float = -70.0) -> Samples:
    """Syllables of 150 ms with pauses of 100 ms, whose RMS while they last is `level_db`."""
    count = round(8000 * seconds)
    at = np.arange(count) / 8000
    tones = np.sum([np.sin(2 * np.pi * 140 * n * at) / n for n in range(1, 9)], axis=0)
    voice = tones / np.sqrt(np.mean(tones**2)) * 32768 * 10 ** (level_db / 20)
    noise = np.random.default_rng(1).normal(0, 32768 * 10 ** (noise_db / 20), count)
    speaking = (at % 0.25) < 0.15
    samples: Samples = np.clip(voice * speaking + noise, -32768, 32767).astype(np.int16)
    return samples


def hear(levels: TalkerLevels, sound: Samples) -> Samples:
    """All frames of one talker as a conference gets them."""
    out = []
    for frame in sound.reshape(-1, FRAME):
        levels.hear(ALONE, frame[None, :])
        said = frame[None, :].astype(np.int32)
        levels.apply(ALONE, said)
        out.append(said[0])
    return np.concatenate(out)


@pytest.mark.parametrize("level_db", [-44.0, -38.0, -32.0, -28.0])
def test_a_quiet_talker_is_brought_up_to_the_nominal_level_or_by_the_most_there_is(
    level_db: float,
) -> None:
    levels = TalkerLevels(4)
    hear(levels, babble(level_db, 12.0))
    wanted = min(NOMINAL_DB - level_db, MOST_DB)
    assert abs(levels.gain_db(1) - wanted) < 2.5


@pytest.mark.parametrize("level_db", [-25.0, -20.0, -12.0])
def test_a_loud_talker_is_left_to_the_last_bit(level_db: float) -> None:
    sound = babble(level_db, 5.0)
    assert np.array_equal(hear(TalkerLevels(4), sound), sound)


def test_the_gain_moves_slowly_and_without_steps() -> None:
    levels = TalkerLevels(4)
    gains = []
    for frame in babble(-44.0, 12.0).reshape(-1, FRAME):
        levels.hear(ALONE, frame[None, :])
        gains.append(levels.gain_db(1))
        said = np.full((1, FRAME), 10_000, dtype=np.int32)
        levels.apply(ALONE, said)
        # 0.06 dB of a gain of four at most, spread over the frame.
        assert np.abs(np.diff(said[0])).max() <= 2
    assert max(np.diff(gains)) <= 0.0601
    # Two seconds with pauses: 1.2 s of talk, of which 0.5 s tell the level.
    assert 1.5 < gains[100] < 2.5


def test_one_who_comes_closer_is_turned_down_within_half_a_second() -> None:
    levels = TalkerLevels(4)
    hear(levels, babble(-44.0, 12.0))
    assert levels.gain_db(1) > 10
    hear(levels, babble(-20.0, 1.0))
    assert levels.gain_db(1) < 1


def test_noise_of_a_line_and_tones_are_not_brought_up() -> None:
    at = np.arange(8000 * 20) / 8000
    noise = np.random.default_rng(2).normal(0, 200, len(at)).astype(np.int16)
    tone = np.round(300 * np.sin(2 * np.pi * 440 * at)).astype(np.int16)
    for sound in (noise, tone):
        assert np.array_equal(hear(TalkerLevels(4), sound), sound)


def test_a_pause_holds_the_gain() -> None:
    levels = TalkerLevels(4)
    hear(levels, babble(-38.0, 10.0))
    before = levels.gain_db(1)
    hear(levels, np.zeros(8000 * 10, dtype=np.int16))
    assert levels.gain_db(1) == before


def test_talkers_do_not_change_each_other_and_a_new_one_begins_anew() -> None:
    levels = TalkerLevels(4)
    quiet, loud = babble(-40.0, 8.0).reshape(-1, FRAME), babble(-15.0, 8.0).reshape(-1, FRAME)
    both = np.array([1, 3], dtype=np.int64)
    for frames in zip(quiet, loud, strict=True):
        levels.hear(both, np.stack(frames))
    assert levels.gain_db(1) > 8
    assert levels.gain_db(3) == 0
    levels.forget(1)
    assert levels.gain_db(1) == 0
