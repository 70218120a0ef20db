"""What a leg of the engine can be listened to for, and what is then heard; part of the port."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class Detection:
    """What to listen for in what the peer of a leg says; by default, nothing."""

    digits: bool = False
    """Key presses in the audio, which are then kept out of what other units hear."""
    voice: bool = False
    beeps_hz: tuple[float, ...] | None = None
    """Beeps of these frequencies; empty = of any from 350 to 2200 Hz, None = no beeps."""
    machine: bool = False
    """Judge once whether a person or a machine speaks, from now on."""
    progress_of: str | None = None
    """A country whose progress tones to tell; None = none."""
    owner: str = attrs.field(default="", eq=False)
    """The application, which has its share of the legs that can be listened to."""


@attrs.frozen(kw_only=True)
class VoiceChanged:
    """Somebody began to speak (after 60 ms), or stopped (after 500 ms)."""

    active: bool


@attrs.frozen(kw_only=True)
class BeepHeard:
    """A beep, which is over."""

    frequency_hz: float
    duration_ms: int


@attrs.frozen(kw_only=True)
class MachineJudged:
    """Who answered; `human` is None when nothing decided within 5 s."""

    human: bool | None
    rule: str
    words: int


@attrs.frozen(kw_only=True)
class ProgressToneHeard:
    """`tone` is "dial tone", "ringback", "busy" or "congestion"."""

    tone: str
    country: str


@attrs.frozen(kw_only=True)
class DetectionRefused:
    """What `detect` asked for is not listened for; the leg's digits still are."""

    reason: str


Finding = VoiceChanged | BeepHeard | MachineJudged | ProgressToneHeard | DetectionRefused
