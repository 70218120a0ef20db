"""ToneScript, the notation of tones that telephone adapters have: "350@-19,440@-19;10(*/0/1+2)".

Frequencies with their levels in dBm, then sections: how long (seconds, or * for ever), and in
brackets what is repeated meanwhile, each "on/off/which frequencies". Pure; runs in worker and core.
"""

from __future__ import annotations

import re
from typing import Final

from runtime.media.tone_script import ToneScript, ToneSection, ToneStep

MAX_SCRIPT: Final = 1_000
"""Characters; real ones have less than a hundred."""
MAX_FREQUENCIES: Final = 6
MAX_SECTIONS: Final = 6
MAX_SEGMENTS: Final = 6
"""As many as the adapters know, so 36 segments at most, each of two steps."""
FOR_EVER_MS: Final = 86_400_000
"""A day: longer than any session."""
LONGEST_STEP_MS: Final = 3_600_000
"""A tone without a pause is told to the engine in pieces of an hour."""
FREQUENCIES_HZ: Final = (20.0, 3_999.0)
LEVELS_DBM: Final = (-100.0, 3.0)

_TONE: Final = re.compile(r"(\d{1,4}(?:\.\d{1,3})?)@([+-]?\d{1,3}(?:\.\d{1,3})?)")
_SECTION: Final = re.compile(r"(\*|\d{0,5}(?:\.\d{1,3})?)\(([^()]*)\)")
_TIME: Final = re.compile(r"\d{0,5}(?:\.\d{1,3})?")

Tones = tuple[tuple[float, float], ...]
"""Frequency in Hz and level in dBm, each."""


class BadToneScript(ValueError):
    """str() says what cannot be read."""


def parse(text: str, *, loop: bool) -> ToneScript:
    """Raises BadToneScript."""
    if len(text) > MAX_SCRIPT:
        raise BadToneScript(f"a ToneScript of {len(text)} characters, the limit is {MAX_SCRIPT}")
    frequencies, *sections = "".join(text.split()).split(";")
    tones = tuple(_tone(each) for each in frequencies.split(","))
    if len(tones) > MAX_FREQUENCIES:
        raise BadToneScript(f"{len(tones)} frequencies, the limit is {MAX_FREQUENCIES}")
    if not 0 < len(sections) <= MAX_SECTIONS:
        raise BadToneScript(
            f"{len(sections)} sections after the frequencies, there must be 1 to {MAX_SECTIONS}, "
            'as in "440@-19;10(*/0/1)"'
        )
    parts = tuple(_section(each, tones) for each in sections)
    return ToneScript(label=f"tone {text}", sections=parts, loop=loop)


def _tone(text: str) -> tuple[float, float]:
    match = _TONE.fullmatch(text)
    if match is None:
        raise BadToneScript(f'{text!r} is not a frequency and its level, as in "440@-19"')
    hertz, level = float(match[1]), float(match[2])
    low, high = FREQUENCIES_HZ
    if not low <= hertz <= high:
        raise BadToneScript(f"{text!r}: a frequency must be {low:g} to {high:g} Hz")
    quiet, loud = LEVELS_DBM
    if not quiet <= level <= loud:
        raise BadToneScript(f"{text!r}: a level must be {quiet:g} to {loud:g} dBm")
    return hertz, level


def _section(text: str, tones: Tones) -> ToneSection:
    match = _SECTION.fullmatch(text)
    if match is None or match[1] == "":
        raise BadToneScript(f'{text!r} is not a section, as in "10(.5/.5/1+2)"')
    segments = match[2].split(",")
    if len(segments) > MAX_SEGMENTS:
        raise BadToneScript(f"{text!r} repeats {len(segments)} parts, the limit is {MAX_SEGMENTS}")
    duration_ms = FOR_EVER_MS if match[1] == "*" else _milliseconds(match[1])
    steps = tuple(step for each in segments for step in _steps(each, tones))
    if duration_ms == 0 or not any(step.duration_ms for step in steps):
        raise BadToneScript(f"{text!r} takes no time")
    return ToneSection(steps=steps, duration_ms=duration_ms)


def _steps(text: str, tones: Tones) -> tuple[ToneStep, ...]:
    """The tone and the pause of a segment; without the one that takes no time."""
    parts = text.split("/")
    if len(parts) != 3:
        raise BadToneScript(f'{text!r} is not on/off/frequencies, as in ".5/.5/1+2"')
    on, off, which = parts
    sounding = _sounding(text, which, tones)
    steps = (
        ToneStep(
            frequencies_hz=tuple(hertz for hertz, _ in sounding),
            duration_ms=_milliseconds(on),
            levels_dbm0=tuple(level for _, level in sounding),
        ),
        ToneStep(frequencies_hz=(), duration_ms=_milliseconds(off)),
    )
    return tuple(step for step in steps if step.duration_ms)


def _sounding(text: str, which: str, tones: Tones) -> Tones:
    if which == "0":
        return ()
    numbers = which.split("+")
    if not all(each.isdecimal() and 0 < int(each) <= len(tones) for each in numbers):
        raise BadToneScript(
            f"{text!r}: {which!r} must be numbers of the {len(tones)} frequencies, joined by +"
        )
    return tuple(tones[int(each) - 1] for each in numbers)


def _milliseconds(text: str) -> int:
    if text == "*":
        return LONGEST_STEP_MS
    if not text or _TIME.fullmatch(text) is None or float(text) * 1000 > LONGEST_STEP_MS:
        raise BadToneScript(f"{text!r} is not a time in seconds (an hour at most), nor *")
    return round(float(text) * 1000)
