"""Tone scripts as samples: right frequencies, right cadence, no click at a border of pieces."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.media.frames import RATE_HZ, Samples
from runtime.media.tone_script import ToneScript, ToneSection, ToneStep
from runtime.media.tones import DTMF_FREQUENCIES_HZ, amplitude_of, dtmf_samples, length_of, render


def script(*steps: tuple[tuple[float, ...], int], loop: bool = True) -> ToneScript:
    return ToneScript(
        label="test",
        steps=tuple(ToneStep(frequencies_hz=f, duration_ms=ms) for f, ms in steps),
        loop=loop,
    )


def strongest(samples: Samples, count: int) -> list[int]:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    bins = []
    for _ in range(count):
        peak = int(np.argmax(spectrum))
        bins.append(round(peak * RATE_HZ / len(samples)))
        spectrum[max(0, peak - 4) : peak + 5] = 0
    return sorted(bins)


DIAL = script(((350.0, 440.0), 5000))
RINGBACK = script(((440.0, 480.0), 2000), ((), 4000))
ODD = script(((425.0,), 333), ((), 77))


def test_a_dial_tone_holds_its_two_frequencies_at_their_level() -> None:
    samples = render(DIAL, 0, 8000)
    assert strongest(samples, 2) == [350, 440]
    rms = float(np.sqrt(np.mean(samples.astype(float) ** 2)))
    assert rms == pytest.approx(amplitude_of(-19.0), rel=0.02)  # two sines of that level


@pytest.mark.parametrize("tone", [DIAL, RINGBACK, ODD])
@pytest.mark.parametrize("piece", [160, 37, 1600])
def test_pieces_join_into_the_same_samples(tone: ToneScript, piece: int) -> None:
    whole = render(tone, 0, 16000)
    pieces = [render(tone, at, piece) for at in range(0, 16000, piece)]
    assert np.concatenate(pieces)[:16000].tolist() == whole.tolist()


def test_a_continuous_tone_has_no_click_where_it_loops() -> None:
    tone = script(((437.0,), 333))
    samples = render(tone, 0, 16000).astype(int)
    steepest = amplitude_of(-19.0) * 2 * np.pi * 437 / RATE_HZ
    assert np.abs(np.diff(samples)).max() <= steepest + 2
    assert strongest(render(tone, 0, 16000), 1)[0] == pytest.approx(437, abs=1)


def test_a_cadence_sounds_and_is_silent_in_time() -> None:
    samples = render(RINGBACK, 0, 8 * RATE_HZ)
    blocks = np.abs(samples.reshape(-1, 800)).max(axis=1)
    assert [bool(b > 0) for b in blocks] == ([True] * 20 + [False] * 40 + [True] * 20)


def test_sounding_steps_begin_and_end_softly() -> None:
    samples = render(RINGBACK, 0, 16000).astype(int)
    assert abs(samples[0]) < 100
    assert abs(samples[15999]) < 200
    assert np.abs(np.diff(samples)).max() < 3 * amplitude_of(-19.0)


def test_a_script_that_does_not_loop_is_silent_afterwards() -> None:
    tone = script(((425.0,), 200), loop=False)
    assert length_of(tone) == 1600
    samples = render(tone, 0, 3200)
    assert np.abs(samples[:1600]).max() > 1000
    assert not samples[1600:].any()
    assert not render(tone, 5000, 160).any()


def test_a_looping_script_never_ends_and_an_empty_one_at_once() -> None:
    assert length_of(DIAL) is None
    assert length_of(script()) == 0
    assert not render(script(), 0, 160).any()
    assert length_of(script(((425.0,), 0))) == 0


def test_hours_into_a_tone_it_is_as_pure_as_at_the_beginning() -> None:
    late = render(DIAL, 8000 * 3600 * 100, 8000)
    assert late.tolist() == render(DIAL, 0, 8000).tolist()


def test_loud_chords_are_clipped_and_not_wrapped() -> None:
    tone = ToneScript(
        label="loud",
        steps=(ToneStep(frequencies_hz=(400.0, 400.0, 400.0), duration_ms=1000, level_dbm0=3.0),),
    )
    samples = render(tone, 0, 8000)
    assert samples.max() == 32767
    assert samples.min() == -32767


@pytest.mark.parametrize("digit", list(DTMF_FREQUENCIES_HZ))
def test_every_key_has_its_two_frequencies(digit: str) -> None:
    heard = strongest(dtmf_samples(digit, 0, 8000), 2)
    assert heard == sorted(round(f) for f in DTMF_FREQUENCIES_HZ[digit])


def test_sections_repeat_their_steps_until_their_time_is_over() -> None:
    step = ToneStep(frequencies_hz=(400.0,), duration_ms=100)
    pause = ToneStep(frequencies_hz=(), duration_ms=100)
    high = ToneStep(frequencies_hz=(1000.0,), duration_ms=3_600_000)
    tone = ToneScript(
        label="two sections",
        sections=(
            ToneSection(steps=(step, pause), duration_ms=450),
            ToneSection(steps=(high,), duration_ms=300),
        ),
        loop=False,
    )
    assert length_of(tone) == 750 * 8
    samples = render(tone, 0, 8000)
    for begin_ms, hertz in ((0, 400), (200, 400), (400, 400), (450, 1000), (600, 1000)):
        piece = samples[begin_ms * 8 + 40 : begin_ms * 8 + 360]
        assert strongest(piece, 1) == [pytest.approx(hertz, abs=26)]
    for begin_ms in (100, 300):
        assert set(samples[begin_ms * 8 : begin_ms * 8 + 800]) == {0}
    assert set(samples[6000:]) == {0}
    # Where a section cuts a step short, that is rounded off as its end is.
    steepest = amplitude_of(-19.0) * 2 * np.pi * 1000 / RATE_HZ
    assert np.abs(np.diff(samples.astype(int))).max() <= steepest + 1


def test_frequencies_may_have_levels_of_their_own() -> None:
    step = ToneStep(frequencies_hz=(400.0, 1000.0), duration_ms=1000, levels_dbm0=(-10.0, -20.0))
    samples = render(ToneScript(label="two levels", steps=(step,)), 0, 8000).astype(float)
    spectrum = np.abs(np.fft.rfft(samples)) / 4000
    assert spectrum[400] == pytest.approx(amplitude_of(-10.0), rel=0.01)
    assert spectrum[1000] == pytest.approx(amplitude_of(-20.0), rel=0.01)


def test_sections_that_take_no_time_are_silence() -> None:
    nothing = ToneSection(steps=(), duration_ms=500)
    assert length_of(ToneScript(label="none", sections=(nothing,), loop=True)) == 0
