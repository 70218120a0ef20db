"""Sounds joined into one: every sample of them, no gap, no click."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.media.pcm import PcmBuffer, Samples
from runtime.media.port import SoundError
from runtime.media.sounds.sequence import join
from tests.media.sound_bytes import heard, tone


def buffer(samples: Samples, rate: int = 8000) -> PcmBuffer:
    made = PcmBuffer.create(rate, capacity_s=10)
    made.append(samples)
    made.finish()
    return made


async def joined(*parts: Samples, rate: int = 8000) -> Samples:
    into = PcmBuffer.create(rate, capacity_s=20)
    await join(into, [buffer(part, rate) for part in parts])
    return into.samples[: into.valid_samples]


@pytest.mark.parametrize("rate", [8000, 16000])
async def test_sounds_follow_each_other_without_a_gap_or_a_click(rate: int) -> None:
    one, two = tone(440, 1.003, rate), tone(1000, 0.502, rate)
    whole = await joined(one, two, rate=rate)
    assert len(whole) == len(one) + len(two)
    fade = rate // 200
    assert whole[: len(one)].tolist() == one.tolist()
    assert whole[len(one) + fade :].tolist() == two[fade:].tolist()
    first, second = heard(whole, rate)
    assert first.frequencies_hz[0] == pytest.approx(440, abs=5)
    assert second.frequencies_hz[0] == pytest.approx(1000, abs=5)
    steepest = max(np.abs(np.diff(part.astype(int))).max() for part in (one, two))
    assert np.abs(np.diff(whole.astype(int))).max() <= 1.2 * steepest


async def test_a_sound_that_ends_loud_fades_under_the_next() -> None:
    whole = await joined(np.full(800, 8000, np.int16), np.full(800, -8000, np.int16))
    assert np.abs(np.diff(whole.astype(int))).max() <= 2 * 8000 / 40 + 1


@pytest.mark.parametrize("samples", [0, 1, 39])
async def test_a_sound_shorter_than_the_fade_is_joined_too(samples: int) -> None:
    whole = await joined(
        np.full(800, 4000, np.int16), np.full(samples, 4000, np.int16), np.full(800, 4000, np.int16)
    )
    assert set(whole.tolist()) == {4000}
    assert len(whole) == 1600 + samples


async def test_more_than_fits_is_refused() -> None:
    into = PcmBuffer.create(capacity_s=1)
    with pytest.raises(SoundError, match="longer than an hour"):
        await join(into, [buffer(tone(440, 0.7)), buffer(tone(440, 0.7))])


async def test_another_rate_is_refused() -> None:
    with pytest.raises(SoundError, match="segment 0 has another sample rate"):
        await join(PcmBuffer.create(16000, capacity_s=1), [buffer(tone(440, 0.1))])
