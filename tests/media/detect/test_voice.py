"""Voice activity: speech is found, and nothing that merely is loud counts for long."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from runtime.media.detect.voice import VoiceActivity, VoiceFrames, level_db
from tests.media.detect.keys import frames_of
from tests.media.detect.voices import talk

Samples = NDArray[np.int16]


@pytest.fixture(scope="module")
def speech() -> Samples:
    return talk(30.0, seed=3)


def voiced(sound: Samples) -> NDArray[np.bool_]:
    detector = VoiceFrames()
    return np.array([detector.hear(frame) for frame in frames_of(sound)])


def noise(seconds: float, rms: float) -> NDArray[np.float64]:
    return np.random.default_rng(1).normal(0, rms, round(seconds * 8000))


def test_speech_on_a_quiet_line_is_voice(speech: Samples) -> None:
    loud = np.array([level_db(frame) > -45 for frame in frames_of(speech)])
    assert voiced(speech)[loud].mean() > 0.95


def test_most_of_speech_in_noise_is_voice(speech: Samples) -> None:
    rms = float(np.sqrt(np.mean(speech.astype(np.float64) ** 2)))
    noisy = np.clip(speech + noise(30.0, rms / 10), -32767, 32767).astype(np.int16)
    loud = np.array([level_db(frame) > -35 for frame in frames_of(speech)])
    assert voiced(noisy)[loud].mean() > 0.85


def test_silence_and_the_noise_of_a_good_line_are_none() -> None:
    assert not voiced(np.zeros(16_000, np.int16)).any()
    assert not voiced(noise(2.0, 20).astype(np.int16)).any()


@pytest.mark.parametrize("rms", [300, 1_000, 3_000, 8_000])
def test_constant_noise_is_voice_for_twelve_seconds_at_most(rms: int) -> None:
    found = voiced(np.clip(noise(30.0, rms), -32767, 32767).astype(np.int16))
    assert not found[600:].any()


def test_a_steady_hum_is_no_voice() -> None:
    hum = 8_000 * np.sin(2 * np.pi * 200 * np.arange(80_000) / 8_000)
    assert voiced(hum.astype(np.int16)).mean() < 0.05


def test_voice_begins_after_three_frames_and_ends_after_half_a_second() -> None:
    activity = VoiceActivity()
    pattern = [True, False, True, True, *[False] * 24, True, *[False] * 30]
    changes = {n: new for n, flag in enumerate(pattern) if (new := activity.hear(flag)) is not None}
    assert changes == {3: True, 28 + 25: False}


def test_single_clicks_never_begin_anything() -> None:
    activity = VoiceActivity()
    assert [activity.hear(n % 5 < 2) for n in range(500)] == [None] * 500
