"""Rate, pitch and volume as authors write them (SSML words, percent, dB, semitones), as factors."""

from __future__ import annotations

import re
from typing import Final

import attrs

from runtime.media.port import SoundError
from runtime.media.sounds.sound_port import Voice

RATES: Final = {
    "x-slow": 0.6, "slow": 0.8, "medium": 1.0, "default": 1.0, "fast": 1.25, "x-fast": 1.6,
}  # fmt: skip
PITCHES: Final = {
    "x-low": 0.6, "low": 0.8, "medium": 1.0, "default": 1.0, "high": 1.2, "x-high": 1.4,
}  # fmt: skip
VOLUMES: Final = {
    "silent": 0.0, "x-soft": 0.3, "soft": 0.65, "medium": 1.0, "default": 1.0, "loud": 1.4,
    "x-loud": 2.0,
}  # fmt: skip
VOICE_HZ: Final = 120.0
"""Pitch of an average voice, to which "+10Hz" is added."""

_NUMBER: Final = re.compile(r"([+-]?)(\d{1,4}(?:\.\d{1,4})?)\s*(%|dB|st|Hz|)", re.IGNORECASE)
_UNITS: Final = {"rate": ("", "%"), "pitch": ("", "%", "st", "hz"), "volume": ("", "%", "db")}


@attrs.frozen(kw_only=True)
class Prosody:
    """Factors; 1.0 is the voice's own way of speaking."""

    rate: float = 1.0
    pitch: float = 1.0
    volume: float = 1.0


def prosody_of(voice: Voice) -> Prosody:
    """Raises SoundError naming what was not understood."""
    return Prosody(
        rate=_factor("rate", voice.rate, RATES),
        pitch=_factor("pitch", voice.pitch, PITCHES),
        volume=_factor("volume", voice.volume, VOLUMES),
    )


def _factor(kind: str, text: str, words: dict[str, float]) -> float:
    text = text.strip()
    if not text:
        return 1.0
    if (word := words.get(text.lower())) is not None:
        return word
    match = _NUMBER.fullmatch(text)
    if match is None or match[3].lower() not in _UNITS[kind]:
        raise SoundError(
            f'{kind} "{text}" is not understood; write one of {", ".join(words)}, or a number '
            "like 120% or +10%"
        )
    return max(0.0, _number(match[1], float(match[2]), match[3].lower()))


def _number(sign: str, value: float, unit: str) -> float:
    signed = -value if sign == "-" else value
    match unit:
        case "db":
            return float(10 ** (min(signed, 20.0) / 20))
        case "st":
            return float(2 ** (min(signed, 24.0) / 12))
        case "hz":
            return 1 + signed / VOICE_HZ if sign else value / VOICE_HZ
        case "%":
            return 1 + signed / 100 if sign else value / 100
    return 1 + signed if sign else value
