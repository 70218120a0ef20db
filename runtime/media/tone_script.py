"""Tones with a cadence, as players of the engine take them; part of the port."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class ToneStep:
    """Frequencies sounding together for `duration_ms`; no frequencies = silence."""

    frequencies_hz: tuple[float, ...]
    duration_ms: int
    level_dbm0: float = -19.0


@attrs.frozen(kw_only=True)
class ToneScript:
    """A cadence; `label` is what tests and timelines call it ("ringback US")."""

    label: str
    steps: tuple[ToneStep, ...]
    loop: bool = True
