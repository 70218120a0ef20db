"""Beeps of answering machines, through G.711; and all that sounds a little like one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from runtime.media.detect.beep import Beep, BeepFinder
from runtime.media.detect.spectrum import Spectrum
from runtime.media.tones import wave
from tests.media.detect.keys import Keys, frames_of, through_g711
from tests.media.detect.voices import talk

Samples = NDArray[np.int16]
LEG = np.array([0])


def beeps(sound: Samples, *wanted: float) -> list[Beep]:
    spectrum, finder = Spectrum(1), BeepFinder(wanted)
    heard = (finder.hear(spectrum.look(LEG, frame[None])[0]) for frame in frames_of(sound))
    return [beep for beep in heard if beep is not None]


def beep(*frequencies: float, ms: int, level_dbm0: float = -15) -> Samples:
    sound = wave(frequencies, level_dbm0, 0, ms * 8)
    return through_g711(np.concatenate((np.zeros(2_424), sound, np.zeros(4_000))))


@pytest.mark.parametrize(
    ("hz", "ms", "level"),
    list(itertools.product((400, 620, 850, 1000, 1400, 2000, 2150), (120, 400, 1500), (-6, -30))),
)
def test_every_usual_beep_is_found_once_with_its_frequency(hz: int, ms: int, level: int) -> None:
    (found,) = beeps(beep(hz, ms=ms, level_dbm0=level))
    assert found.frequency_hz == pytest.approx(hz, abs=5)
    assert found.duration_ms == pytest.approx(ms, abs=40)


@pytest.mark.parametrize("hz", [300, 2500])
def test_tones_outside_the_range_are_no_beeps(hz: int) -> None:
    assert beeps(beep(hz, ms=400)) == []


@pytest.mark.parametrize(
    "sound",
    [beep(350, 440, ms=1_000), beep(440, 480, ms=2_000), beep(1000, ms=60), beep(425, ms=4_000)],
    ids=["dial tone", "US ringback", "60 ms", "a steady tone"],
)
def test_other_tones_are_no_beeps(sound: Samples) -> None:
    assert beeps(sound) == []


def test_digits_are_no_beeps() -> None:
    assert beeps(Keys(on_ms=200).dial(32)[1]) == []


def test_only_wanted_frequencies_count_to_20_hz() -> None:
    assert beeps(beep(870, ms=400), 850.0) != []
    assert beeps(beep(875, ms=400), 850.0) == []


def test_a_minute_of_many_voices_holds_no_beep() -> None:
    assert beeps(talk(60, seed=5)) == []
