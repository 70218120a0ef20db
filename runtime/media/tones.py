"""Samples of tone scripts: frequencies, cadence and level, from any sample on.

The phase of every frequency runs on the script's own clock, so a tone that goes on into the next
step, or around the loop, continues without a click. A script is rendered piece by piece and never
as a whole: a cadence may be hours long.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from runtime.media.frames import RATE_HZ, Samples
from runtime.media.tone_script import ToneScript, ToneSection, ToneStep

FULL_SCALE_DBM0: Final = 3.14
"""ITU-T G.711: the level of a full-scale sine (A-law 3.14, mu-law 3.17)."""
EDGE: Final = 16
"""2 ms at each border of a sounding step: hard edges splatter over the whole band."""
DTMF_LEVEL_DBM0: Final = -9.0
"""Per frequency; ITU-T Q.24 expects 0 to -20."""
DTMF_FREQUENCIES_HZ: Final = {
    digit: (low, high)
    for low, digits in ((697.0, "123A"), (770.0, "456B"), (852.0, "789C"), (941.0, "*0#D"))
    for digit, high in zip(digits, (1209.0, 1336.0, 1477.0, 1633.0), strict=True)
}


def amplitude_of(level_dbm0: float) -> float:
    return float(32767 * 10 ** ((level_dbm0 - FULL_SCALE_DBM0) / 20))


def wave(
    frequencies_hz: Sequence[float],
    level_dbm0: float,
    start: int,
    count: int,
    rate_hz: int = RATE_HZ,
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Sum of sines, each at the level, samples `start` to `start + count` of an endless tone."""
    index = np.arange(start, start + count, dtype=np.float64)
    total = np.zeros(count)
    for frequency in frequencies_hz:
        # Reduced before the sine, or the phase would lose precision after hours.
        total += np.sin(2 * np.pi * (index * frequency % rate_hz) / rate_hz)
    return total * amplitude_of(level_dbm0)


def _sounding(
    step: ToneStep, start: int, count: int
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    if not step.levels_dbm0:
        return wave(step.frequencies_hz, step.level_dbm0, start, count)
    total = np.zeros(count)
    for frequency, level in zip(step.frequencies_hz, step.levels_dbm0, strict=True):
        total += wave((frequency,), level, start, count)
    return total


def step_samples(step: ToneStep) -> int:
    return max(0, step.duration_ms) * RATE_HZ // 1000


def period_samples(script: ToneScript) -> int:
    """Length of the cadence, once through."""
    return sum(map(_section_samples, script.parts))


def length_of(script: ToneScript) -> int | None:
    """Samples until the script ends by itself; None when it never does."""
    period = period_samples(script)
    return None if script.loop and period else period


def render(script: ToneScript, start: int, count: int) -> Samples:
    """Samples `start` to `start + count`; silence after the end of a script that does not loop."""
    period = period_samples(script)
    total = np.zeros(count)
    at = 0
    while at < count and period and (script.loop or start + at < period):
        step, offset, length = _step_at(script, (start + at) % period)
        piece = min(length - offset, count - at)
        if step.frequencies_hz:
            sound = _sounding(step, start + at, piece)
            if not _is_constant(script):
                sound *= _edges(offset, piece, length)
            total[at : at + piece] = sound
        at += piece
    return np.clip(np.round(total), -32767, 32767).astype(np.int16)


def _section_samples(section: ToneSection) -> int:
    """Length of a section; none for one whose steps take no time."""
    once = sum(map(step_samples, section.steps))
    return max(0, section.duration_ms) * RATE_HZ // 1000 if once else 0


def _step_at(script: ToneScript, position: int) -> tuple[ToneStep, int, int]:
    """The step that sounds at a position of the cadence, how far into it that is, and how long it
    sounds: the end of its section may cut it short."""
    for section in script.parts:
        whole = _section_samples(section)
        if position >= whole:
            position -= whole
            continue
        offset = position % sum(map(step_samples, section.steps))
        left = whole - (position - offset)
        for step in section.steps:
            length = step_samples(step)
            if offset < length:
                return step, offset, min(length, left)
            offset, left = offset - length, left - length
    raise AssertionError("a position beyond the cadence")


def _is_constant(script: ToneScript) -> bool:
    """Whether nothing but one tone sounds, for ever."""
    tones = {step.frequencies_hz for section in script.parts for step in section.steps}
    return script.loop and len(tones) == 1


def _edges(offset: int, count: int, length: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Weights that round off the borders of a step."""
    index = np.arange(offset, offset + count)
    inner = np.minimum(index, length - 1 - index)
    return np.clip((inner + 1) / EDGE, 0.0, 1.0)


def dtmf_samples(digit: str, start: int, count: int, rate_hz: int = RATE_HZ) -> Samples:
    """An in-band key press, for peers that did not negotiate telephone-event."""
    sound = wave(DTMF_FREQUENCIES_HZ[digit], DTMF_LEVEL_DBM0, start, count, rate_hz)
    return np.round(sound).astype(np.int16)
