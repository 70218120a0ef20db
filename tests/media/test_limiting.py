"""Too loud sums are turned down: quickly, smoothly, and only as long as needed."""

from __future__ import annotations

import numpy as np

from runtime.media.frames import FRAME, Samples
from runtime.media.limiting import CEILING, RELEASE_DB_PER_S, Limiter, Sums
from tests.media.spectrum import amplitude_of

ALONE = np.zeros(1, dtype=np.int64)


def run(sums: Sums, frame: int = FRAME) -> Samples:
    """All frames of one listener, one after the other."""
    limiter = Limiter(1)
    frames = [limiter.limit(part[None, :], ALONE)[0] for part in sums.reshape(-1, frame)]
    return np.concatenate(frames)


def wave(frequency: float, amplitude: float, seconds: float, rate_hz: int = 8000) -> Sums:
    at = np.arange(round(rate_hz * seconds)) / rate_hz
    samples: Sums = np.round(amplitude * np.sin(2 * np.pi * frequency * at)).astype(np.int32)
    return samples


def distortion_db(sound: Samples, frequency: float, rate_hz: int) -> float:
    """Everything but the tone, under the tone."""
    at = np.arange(len(sound)) / rate_hz
    angle = 2 * np.pi * frequency * at
    basis = np.stack((np.sin(angle), np.cos(angle), np.ones(len(sound))), axis=1)
    fitted = basis @ np.linalg.lstsq(basis, sound.astype(float), rcond=None)[0]
    rest = float(np.sqrt(np.mean((sound - fitted) ** 2)))
    return float(20 * np.log10(max(rest, 1e-9) / np.sqrt(np.mean(fitted**2))))


def test_what_is_not_too_loud_passes_to_the_last_bit() -> None:
    sums = wave(440, CEILING, 0.4)
    assert np.array_equal(run(sums), sums)


def test_two_speakers_at_full_scale_keep_their_tones_and_get_no_others() -> None:
    for rate_hz in (8000, 16000):
        tones = wave(440, 32000, 2.0, rate_hz) + wave(1040, 32000, 2.0, rate_hz)
        sound = run(tones, rate_hz // 50)
        assert np.abs(sound).max() <= CEILING
        later = sound[rate_hz // 2 :]
        for frequency in (440, 1040):
            assert 14000 < amplitude_of(later, frequency, rate_hz) < 16000
        for product in (160, 600, 1480, 1640, 2520):
            assert amplitude_of(later, product, rate_hz) < 60


def test_a_tone_that_is_too_loud_is_not_bent_whatever_its_pitch() -> None:
    for frequency in (60, 100, 200, 440, 1000, 3000):
        sound = run(wave(frequency, 60_000, 2.0))[8000:]
        assert distortion_db(sound, frequency, 8000) < -40
        assert np.abs(sound).max() > 0.97 * CEILING


def test_after_a_shout_the_level_comes_back_at_the_rate_of_release() -> None:
    shout, speech = wave(400, 4 * CEILING, 0.2), wave(400, 3000, 2.0)
    sound = run(np.concatenate((shout, speech)))[len(shout) :].astype(float)
    peaks = np.abs(sound).reshape(-1, FRAME).max(axis=1)
    assert 700 < peaks[0] < 850
    assert np.array_equal(sound[-4000:], speech[-4000:])
    steps = 20 * np.log10(peaks[1:50] / peaks[:49])
    assert np.allclose(steps[:40], RELEASE_DB_PER_S / 50, atol=0.05)


def test_one_listener_that_is_too_loud_does_not_change_another() -> None:
    limiter = Limiter(4)
    loud, soft = wave(400, 90_000, 0.02), wave(300, 9_000, 0.02)
    for _ in range(3):
        out = limiter.limit(np.stack((loud, soft)), np.array([3, 1]))
        assert np.abs(out[0]).max() <= CEILING
        assert np.array_equal(out[1], soft)
    limiter.forget(3)
    assert np.array_equal(limiter.limit(soft[None, :], np.array([3]))[0], soft)


def test_sums_of_any_size_stay_under_the_ceiling() -> None:
    rng = np.random.default_rng(3)
    limiter = Limiter(8)
    places = np.arange(8)
    for scale in (10, 40_000, 5_000_000, 30, 900_000, 33_000, 0):
        sums = rng.integers(-scale, scale + 1, size=(8, FRAME)).astype(np.int32)
        assert np.abs(limiter.limit(sums, places).astype(int)).max() <= CEILING
