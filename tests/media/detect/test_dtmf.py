"""Digits in the audio: what must be accepted, what must not, and what a voice may not fake."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.media.detect.dtmf import KEYS, InBandDigits
from runtime.media.frames import FRAME
from tests.media.detect.keys import Keys, detected, frames_of, through_g711
from tests.media.detect.voices import talk


@pytest.mark.parametrize(
    "keys",
    [
        Keys(),
        Keys(level_dbm0=0),
        Keys(level_dbm0=-35),
        Keys(twist_db=6),
        Keys(twist_db=-6),
        Keys(off_by=0.015),
        Keys(snr_db=15),
        Keys(snr_db=15, twist_db=6, off_by=0.015),
        Keys(snr_db=15, twist_db=-6, off_by=0.015),
        Keys(level_dbm0=-35, twist_db=6, off_by=0.015),
        Keys(on_ms=50, off_ms=50),
        Keys(on_ms=120, off_ms=60),
    ],
    ids=str,
)
def test_what_a_telephone_may_send_is_heard_exactly(keys: Keys) -> None:
    digits, sound = keys.dial(100)
    assert detected(sound) == digits


@pytest.mark.parametrize(
    "keys",
    [
        Keys(off_by=0.035),
        Keys(off_by=0.035, snr_db=15),
        Keys(on_ms=18),
        Keys(twist_db=12),
        Keys(twist_db=-12),
        Keys(level_dbm0=-55),
    ],
    ids=str,
)
def test_what_is_no_key_of_any_telephone_is_not_heard(keys: Keys) -> None:
    assert detected(keys.dial(50)[1]) == ""


@pytest.mark.parametrize("digit", KEYS)
def test_every_key_is_told_from_every_other(digit: str) -> None:
    keys = Keys()
    sound = through_g711(keys._press(digit, np.random.default_rng(1)))
    assert detected(np.concatenate((np.zeros(160, np.int16), sound, np.zeros(800, np.int16)))) == (
        digit
    )


def test_a_press_has_its_length() -> None:
    sound = np.concatenate(
        (
            np.zeros(333, np.int16),
            through_g711(Keys(on_ms=250)._press("7", np.random.default_rng(3))),
            np.zeros(800, np.int16),
        )
    )
    detector = InBandDigits(1)
    detector.listen(0)
    told = [
        press
        for frame in frames_of(sound)
        for press in detector.hear(frame[None], np.array([False])).presses
    ]
    assert [press.digit for press in told] == ["7"]
    assert abs(told[0].duration_ms - 250) <= 10


@pytest.mark.parametrize("place", range(6))
def test_a_lost_frame_does_not_split_a_long_press(place: int) -> None:
    press = through_g711(Keys(on_ms=140)._press("5", np.random.default_rng(2)))
    sound = np.concatenate((np.zeros(200, np.int16), press, np.zeros(800, np.int16)))
    assert detected(sound, lost={2 + place}) == "5"


def test_lost_frames_neither_add_nor_split_digits_of_a_whole_call() -> None:
    digits, sound = Keys(on_ms=100, off_ms=100).dial(60)
    chance = np.random.default_rng(4)
    lost = set(np.flatnonzero(chance.random(len(sound) // FRAME) < 0.02).tolist())
    assert lost
    assert detected(sound, lost) == digits


def test_the_same_key_twice_across_a_short_gap_is_two_presses() -> None:
    once = through_g711(Keys()._press("9", np.random.default_rng(1)))
    gap = np.zeros(40 * 8, np.int16)
    assert detected(np.concatenate((gap, once, gap, once, gap, gap, gap))) == "99"


def test_a_break_of_ten_milliseconds_does_not_split_a_press() -> None:
    whole = Keys(on_ms=110)._press("9", np.random.default_rng(1))
    whole[400:480] = 0
    sound = through_g711(whole)
    assert detected(np.concatenate((np.zeros(160, np.int16), sound, np.zeros(800, np.int16)))) == (
        "9"
    )


def test_a_press_whose_end_was_lost_with_everything_after_it_ends_too() -> None:
    press = through_g711(Keys(on_ms=100)._press("3", np.random.default_rng(1)))
    sound = np.concatenate((press, np.zeros(160 * 10, np.int16)))
    assert detected(sound, lost=set(range(5, 15))) == "3"


def test_all_frames_that_hold_a_digit_are_pointed_out_and_no_others() -> None:
    press = through_g711(Keys(on_ms=100)._press("6", np.random.default_rng(1)))
    sound = np.concatenate((np.zeros(160 * 3, np.int16), press, np.zeros(160 * 10, np.int16)))
    detector = InBandDigits(1)
    detector.listen(0)
    flagged = [
        number
        for number, frame in enumerate(frames_of(sound))
        if len(detector.hear(frame[None], np.array([False])).sounding)
    ]
    assert flagged[:5] == [3, 4, 5, 6, 7]
    assert flagged[-1] <= 8


def test_legs_are_heard_apart_and_only_while_they_are_listened_to() -> None:
    dialled = [Keys().dial(20, seed=seed) for seed in range(4)]
    length = max(len(sound) for _, sound in dialled)
    rows = np.stack(
        [frames_of(np.pad(sound, (0, length - len(sound)))) for _, sound in dialled], axis=1
    )
    detector = InBandDigits(4)
    for leg in (0, 1, 3):
        detector.listen(leg)
    heard = dict.fromkeys(range(4), "")
    for number, frame in enumerate(rows):
        if number == 20:
            detector.forget(1)
        for press in detector.hear(frame, np.zeros(4, dtype=np.bool_)).presses:
            heard[press.leg] += press.digit
    assert heard[0] == dialled[0][0]
    assert heard[3] == dialled[3][0]
    assert heard[2] == ""
    assert dialled[1][0].startswith(heard[1])
    assert 0 < len(heard[1]) < 10


def _presses_in_talk(seconds: float, seed: int) -> int:
    """Speech is given to sixteen legs, a part to each: all at once costs a tenth."""
    legs = 16
    sound = talk(seconds, seed)
    rows = sound[: len(sound) // (legs * FRAME) * legs * FRAME].reshape(legs, -1, FRAME)
    detector = InBandDigits(legs)
    for leg in range(legs):
        detector.listen(leg)
    lost = np.zeros(legs, dtype=np.bool_)
    return sum(len(detector.hear(rows[:, number], lost).presses) for number in range(rows.shape[1]))


@pytest.mark.slow
def test_ten_minutes_of_many_voices_hold_no_digit() -> None:
    assert _presses_in_talk(600, seed=1) == 0


@pytest.mark.soak
def test_an_hour_of_many_voices_holds_no_digit() -> None:
    assert _presses_in_talk(3600, seed=2) == 0
