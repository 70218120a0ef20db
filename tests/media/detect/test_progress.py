"""Call-progress tones of every country in the table, as exchanges make them."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.media.detect.progress import PLANS, Plan, Progress, ProgressTones, country_code
from runtime.media.detect.spectrum import Spectrum
from runtime.media.tone_script import ToneScript, ToneStep
from runtime.media.tones import render
from tests.media.detect.keys import Keys, frames_of, through_g711
from tests.media.detect.voices import talk

REAL = {
    ("JP", Progress.RINGBACK): (385.0, 415.0),
    ("UK", Progress.RINGBACK): (400.0, 450.0),
    ("US", Progress.RINGBACK): (440.0, 480.0),
}
"""Where exchanges send two tones that the table takes for one."""


def heard(country: str, sound: np.ndarray) -> list[Progress]:
    spectrum, tones = Spectrum(1), ProgressTones(country)
    found = (tones.hear(spectrum.look(np.array([0]), frame[None])[0]) for frame in frames_of(sound))
    return [one for one in found if one is not None]


def sound_of(country: str, plan: Plan, *, stretch: float = 1.0) -> np.ndarray:
    frequencies = REAL.get((country, plan.kind), plan.frequencies_hz)
    steps = tuple(
        ToneStep(
            frequencies_hz=frequencies if place % 2 == 0 else (), duration_ms=round(ms * stretch)
        )
        for place, ms in enumerate(plan.cadence_ms or (1_000,))
    )
    script = ToneScript(label="test", steps=steps)
    return through_g711(render(script, 1_234, 8_000 * 14).astype(np.float64))


@pytest.mark.parametrize("stretch", [0.95, 1.05])
@pytest.mark.parametrize(
    ("country", "plan"), [(country, plan) for country, plans in PLANS.items() for plan in plans]
)
def test_every_tone_is_told_once(country: str, plan: Plan, stretch: float) -> None:
    assert heard(country, sound_of(country, plan, stretch=stretch)) == [plan.kind]


def test_codes_are_known_in_any_case_and_by_their_other_name() -> None:
    assert country_code("de") == "DE"
    assert country_code("GB") == country_code("uk") == "UK"
    assert country_code("XX") is None


@pytest.mark.parametrize("country", ["DE", "UK", "US"])
def test_voices_and_digits_are_no_progress_tones(country: str) -> None:
    assert heard(country, talk(20.0, seed=9)) == []
    assert heard(country, Keys(on_ms=200, off_ms=200).dial(16)[1]) == []
