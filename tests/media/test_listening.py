"""What the listener hears in synthetic telephone audio, always after mu-law's coarse steps."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from runtime.media.listening import HeardInterval, is_dtmf, listen

RATE = 8000
EXACT_S = 0.020
Sound = NDArray[np.float64]


def silence(seconds: float) -> Sound:
    return np.zeros(round(seconds * RATE))


def tone(*frequencies_hz: float, seconds: float, dbm0: float = -19.0) -> Sound:
    time = np.arange(round(seconds * RATE)) / RATE
    peak = 32768 * 10 ** ((dbm0 - 3.17) / 20)
    return np.asarray(np.sum([peak * np.sin(2 * np.pi * f * time) for f in frequencies_hz], axis=0))


def voice(seconds: float, seed: int = 1) -> Sound:
    """A gliding, syllabic harmonic series with noise: enough like speech to be told from tones."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    pitch = 120 + 25 * np.sin(2 * np.pi * 1.3 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    series = np.sum([np.sin(n * phase) / n for n in range(1, 15)], axis=0)
    syllables = 0.55 + 0.45 * np.sin(2 * np.pi * 4 * time)
    return np.asarray(3000 * syllables * series + rng.normal(0, 150, len(time)))


def over_mu_law(*parts: Sound) -> NDArray[np.int16]:
    """The parts one after the other, with the error that G.711 adds."""
    sound = np.clip(np.round(np.concatenate(parts)), -32635, 32635).astype(np.int64)
    biased = np.abs(sound) + 132
    exponent = np.floor(np.log2(biased)).astype(np.int64) - 7
    mantissa = (biased >> (exponent + 3)) & 15
    steps = np.sign(sound) * (((2 * mantissa + 33) << (exponent + 2)) - 132)
    return np.asarray(steps, dtype=np.int16)


def hear(*parts: Sound) -> list[HeardInterval]:
    return listen(over_mu_law(*parts), RATE)


def kinds(heard: list[HeardInterval]) -> list[str]:
    return [interval.kind for interval in heard]


def test_a_tone_between_silences_has_its_borders_and_its_frequency() -> None:
    heard = hear(silence(0.4567), tone(440, seconds=1.2345), silence(0.5))
    assert kinds(heard) == ["silence", "tone", "silence"]
    assert heard[1].start_s == pytest.approx(0.4567, abs=EXACT_S / 4)
    assert heard[1].end_s == pytest.approx(0.4567 + 1.2345, abs=EXACT_S / 4)
    assert heard[1].frequencies_hz == pytest.approx((440.0,), abs=2)
    assert heard[1].level_dbfs == pytest.approx(-25.2, abs=0.5)


@pytest.mark.parametrize("frequency", [200.0, 350.0, 425.0, 1004.0, 2100.0, 3400.0])
def test_every_telephone_frequency_is_told_exactly(frequency: float) -> None:
    heard = hear(tone(frequency, seconds=0.3), silence(0.1))
    assert heard[0].frequencies_hz == pytest.approx((frequency,), abs=2)


@pytest.mark.parametrize("level", [-3.0, -19.0, -30.0, -40.0])
def test_loud_and_quiet_tones_are_heard(level: float) -> None:
    heard = hear(silence(0.1), tone(440, seconds=0.5, dbm0=level), silence(0.1))
    assert kinds(heard) == ["silence", "tone", "silence"]


def test_one_lost_packet_inside_a_tone_is_seen() -> None:
    heard = hear(tone(440, seconds=0.503), silence(0.02), tone(440, seconds=0.5))
    assert kinds(heard) == ["tone", "silence", "tone"]
    assert heard[1].duration_s == pytest.approx(0.02, abs=0.005)


def test_the_change_from_one_tone_to_another_is_placed() -> None:
    heard = hear(tone(440, seconds=0.613), tone(660, seconds=0.5))
    assert kinds(heard) == ["tone", "tone"]
    assert heard[0].end_s == heard[1].start_s == pytest.approx(0.613, abs=EXACT_S)


def test_progress_tones_are_pairs_of_frequencies() -> None:
    heard = hear(tone(350, 440, seconds=0.7), silence(0.2), tone(480, 620, seconds=0.5))
    assert kinds(heard) == ["tone", "silence", "tone"]
    assert sorted(heard[0].frequencies_hz) == pytest.approx([350, 440], abs=2)
    assert sorted(heard[2].frequencies_hz) == pytest.approx([480, 620], abs=2)


def test_three_legs_with_a_tone_each_are_heard_as_a_chord() -> None:
    heard = hear(silence(0.2), tone(440, 700, 1100, seconds=1.0), silence(0.2))
    assert kinds(heard) == ["silence", "tone", "silence"]
    assert sorted(heard[1].frequencies_hz) == pytest.approx([440, 700, 1100], abs=2)


def test_short_digits_are_heard_one_by_one() -> None:
    pairs = [(697, 1209), (770, 1336), (852, 1477), (941, 1633)]
    parts = [part for pair in pairs for part in (tone(*pair, seconds=0.04), silence(0.04))]
    heard = [interval for interval in hear(*parts) if interval.kind == "tone"]
    assert [sorted(interval.frequencies_hz) for interval in heard] == [
        pytest.approx(pair, rel=0.015) for pair in pairs
    ]
    assert all(is_dtmf(interval.frequencies_hz) for interval in heard)


def test_speech_is_no_tone_and_keeps_its_pauses() -> None:
    heard = hear(silence(0.3), voice(1.0), silence(0.15), voice(0.8, seed=2), silence(0.5))
    assert kinds(heard) == ["silence", "speech", "silence"]
    assert heard[1].start_s == pytest.approx(0.3, abs=EXACT_S)
    assert heard[1].end_s == pytest.approx(2.25, abs=EXACT_S)


def test_a_beep_after_speech_is_told_from_it() -> None:
    heard = hear(voice(1.0), tone(1000, seconds=0.4), silence(0.4), voice(0.5))
    assert kinds(heard) == ["speech", "tone", "silence", "speech"]
    assert heard[1].start_s == pytest.approx(1.0, abs=EXACT_S)
    assert heard[1].end_s == pytest.approx(1.4, abs=EXACT_S)


def test_a_digit_right_after_speech_stays_a_digit() -> None:
    heard = hear(voice(0.6), silence(0.05), tone(770, 1336, seconds=0.1), silence(0.2))
    assert [h.kind for h in heard if is_dtmf(h.frequencies_hz)] == ["tone"]


def test_line_noise_and_clicks_are_silence() -> None:
    noise = np.random.default_rng(3).normal(0, 30, RATE)
    click = silence(0.5)
    click[2000:2040] = 3000
    assert kinds(hear(noise)) == ["silence"]
    assert kinds(hear(click)) == ["silence"]


def test_intervals_leave_no_hole() -> None:
    heard = hear(silence(0.2), voice(0.7), silence(0.6), tone(440, seconds=0.3), silence(0.1))
    assert heard[0].start_s == 0.0
    assert heard[-1].end_s == pytest.approx(1.9, abs=0.001)
    assert all(left.end_s == right.start_s for left, right in itertools.pairwise(heard))


@pytest.mark.parametrize("count", [0, 1, 39, 160])
def test_next_to_nothing_is_silence_at_most(count: int) -> None:
    heard = listen(np.zeros(count, np.int16), RATE)
    assert all(kind == "silence" for kind in kinds(heard))


def test_other_rates_are_heard_alike() -> None:
    time = np.arange(16_000) / 16_000
    heard = listen((3000 * np.sin(2 * np.pi * 440 * time)).astype(np.int16), 16_000)
    assert kinds(heard) == ["tone"]
    assert heard[0].frequencies_hz == pytest.approx((440,), abs=2)
