"""8 kHz and 16 kHz: the pass band is flat, nothing aliases, and frames join without a seam."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.media.resampling import BlockResampler, Doubler
from tests.media.spectrum import Samples, amplitude_of, decibels, tone

FRAMES = 50
SETTLED = 1000


def halved(sound: Samples) -> Samples:
    """Frame by frame through row 2 of 4."""
    resampler = BlockResampler(4)
    wide, narrow = np.zeros((4, 320), np.int16), np.zeros((4, 160), np.int16)
    heard = []
    for frame in sound.reshape(-1, 320):
        wide[2] = frame
        resampler.halve(wide, narrow, np.array([2]))
        heard.append(narrow[2].copy())
    return np.concatenate(heard)


def doubled(sound: Samples) -> Samples:
    resampler = BlockResampler(4)
    wide, narrow = np.zeros((4, 320), np.int16), np.zeros((4, 160), np.int16)
    heard = []
    for frame in sound.reshape(-1, 160):
        narrow[2] = frame
        resampler.double(narrow, wide, np.array([2]))
        heard.append(wide[2].copy())
    return np.concatenate(heard)


@pytest.mark.parametrize("frequency", [100, 300, 1000, 2000, 3000, 3400])
def test_halving_is_flat_up_to_3400_hz(frequency: int) -> None:
    heard = halved(tone(frequency, 16000, 1))[SETTLED:]
    assert abs(decibels(amplitude_of(heard, frequency, 8000), 8000)) < 1


@pytest.mark.parametrize("frequency", [4600, 5000, 6000, 7000, 7900])
def test_what_8_khz_cannot_carry_does_not_come_back_as_another_tone(frequency: int) -> None:
    heard = halved(tone(frequency, 16000, 1))[SETTLED:]
    level = float(np.sqrt((heard.astype(float) ** 2).mean()) * np.sqrt(2))
    assert decibels(level, 8000) < -40


@pytest.mark.parametrize("frequency", [100, 1000, 3000, 3400])
def test_doubling_is_flat_and_has_no_mirror_image(frequency: int) -> None:
    heard = doubled(tone(frequency, 8000, 1))[SETTLED:]
    assert abs(decibels(amplitude_of(heard, frequency, 16000), 8000)) < 1
    assert decibels(amplitude_of(heard, 8000 - frequency, 16000), 8000) < -50


def test_rows_keep_their_own_past() -> None:
    resampler = BlockResampler(2)
    narrow = np.array([[1000] * 160, [-3000] * 160], np.int16)
    wide = np.zeros((2, 320), np.int16)
    for _ in range(3):
        resampler.double(narrow, wide, np.array([0, 1]))
    assert abs(int(wide[0].mean()) - 1000) <= 2
    assert abs(int(wide[1].mean()) + 3000) <= 2
    resampler.reset(0)
    resampler.double(narrow, wide, np.array([0, 1]))
    assert abs(int(wide[0, 0])) < 100
    assert abs(int(wide[1, 0]) + 3000) <= 2


def test_a_single_stream_is_doubled_the_same_way_in_pieces_of_any_length() -> None:
    sound = tone(1000, 8000, 1)
    doubler = Doubler()
    pieces = [doubler.feed(piece) for piece in np.split(sound, [1, 100, 777, 778])]
    assert np.array_equal(np.concatenate(pieces), doubled(sound))


def test_full_scale_never_becomes_the_mark_of_missing_samples() -> None:
    square = np.where(np.arange(FRAMES * 160) // 9 % 2, 32767, -32767).astype(np.int16)
    assert doubled(square).min() >= -32767
