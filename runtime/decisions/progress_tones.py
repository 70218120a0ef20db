"""The ringback cadences of playProgressTone, by country (ITU-T E.180 supplement 2).

They loop until something else is played; PlaybackStarted reports the length of one cycle, as
VoxEngine does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from runtime.media.tone_script import ToneScript, ToneStep


def _cadence(country: str, *steps: tuple[tuple[float, ...], int]) -> ToneScript:
    made = tuple(ToneStep(frequencies_hz=tones, duration_ms=ms) for tones, ms in steps)
    return ToneScript(label=f"ringback {country}", steps=made)


_EUROPE: Final = (((425.0,), 1_000), ((), 4_000))

PROGRESS_TONES: Final[Mapping[str, ToneScript]] = {
    "US": _cadence("US", ((440.0, 480.0), 2_000), ((), 4_000)),
    "RU": _cadence("RU", *_EUROPE),
    "DE": _cadence("DE", *_EUROPE),
    "FR": _cadence("FR", ((440.0,), 1_500), ((), 3_500)),
    "UK": _cadence("UK", ((400.0, 450.0), 400), ((), 200), ((400.0, 450.0), 400), ((), 2_000)),
}


def progress_tone(country: str) -> ToneScript | None:
    """The ringback of a country code, None when it is not known."""
    code = country.upper()
    return PROGRESS_TONES.get("UK" if code == "GB" else code)


def unknown_country(country: str) -> str:
    known = ", ".join(sorted(PROGRESS_TONES))
    return f"playProgressTone({country!r}): this country is not known; known are {known}"
