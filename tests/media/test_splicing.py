"""Splices judged by listening: nothing is heard of them in tones and voices, and noise is told."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.media.splicing import Splicer
from tests.media.spectrum import Samples, amplitude_of, tone, voice

RATES = [8000, 16000]


def steepest(samples: Samples) -> int:
    return int(np.abs(np.diff(samples.astype(int))).max())


@pytest.mark.parametrize("rate_hz", RATES)
@pytest.mark.parametrize("hertz", [70, 110, 217, 440, 1003])
@pytest.mark.parametrize("frames", [1, 3])
def test_a_tone_without_some_of_it_is_the_same_tone(rate_hz: int, hertz: int, frames: int) -> None:
    sound, frame = tone(hertz, rate_hz, 0.4), rate_hz // 50
    before, after = sound[: 4 * frame], sound[4 * frame :]
    splice = Splicer(rate_hz).cut(before, after, frames * frame)
    assert (frames - 0.5) * frame <= splice.count <= frames * frame
    assert len(splice.samples) == len(after) - splice.count
    assert splice.likeness > 0.95
    heard = np.concatenate((before, splice.samples))
    assert steepest(heard) < 1.3 * steepest(sound)
    assert amplitude_of(heard[2 * frame : 8 * frame], hertz, rate_hz) > 7600
    assert splice.samples[frame:].tolist() == after[frame + splice.count :].tolist()


@pytest.mark.parametrize("rate_hz", RATES)
@pytest.mark.parametrize("hertz", [70, 110, 217, 440, 1003])
def test_a_tone_that_was_stretched_is_the_same_tone(rate_hz: int, hertz: int) -> None:
    sound, frame = tone(hertz, rate_hz, 0.4), rate_hz // 50
    before, after = sound[: 4 * frame], sound[4 * frame :]
    splice = Splicer(rate_hz).stretch(before)
    assert frame // 2 <= splice.count == len(splice.samples) <= frame
    heard = np.concatenate((before, splice.samples, after))
    assert steepest(heard) < 1.3 * steepest(sound)
    assert amplitude_of(heard[2 * frame : 8 * frame], hertz, rate_hz) > 7600


def test_a_voice_is_alike_from_period_to_period() -> None:
    sound = voice(0.4)
    assert Splicer(16000).stretch(sound).likeness > 0.9
    assert Splicer(16000).cut(sound[:1000], sound[1000:], 320).likeness > 0.9


def test_noise_is_like_nothing_and_silence_like_silence() -> None:
    noise = np.random.default_rng(2).normal(0, 3000, 4000).astype(np.int16)
    splice = Splicer(8000).stretch(noise)
    assert splice.likeness < 0.5
    assert not splice.good(waited=0)
    assert splice.good(waited=9)
    assert Splicer(8000).stretch(np.zeros_like(noise)).good(waited=0)
    assert Splicer(8000).cut(noise[:200] * 0, noise * 0, 160).count == 160


def test_the_loudest_sounds_do_not_wrap_around() -> None:
    square = np.resize(np.repeat(np.array([32767, -32767], dtype=np.int16), 37), 1000)
    for splice in (
        Splicer(8000).stretch(square),
        Splicer(8000).cut(square[:500], square[500:], 160),
    ):
        assert set(np.abs(splice.samples[60:]).tolist()) == {32767}
