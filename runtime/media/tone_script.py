"""Tones with a cadence, as players of the engine take them; part of the port."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class ToneStep:
    """Frequencies sounding together for `duration_ms`; no frequencies = silence."""

    frequencies_hz: tuple[float, ...]
    duration_ms: int
    level_dbm0: float = -19.0
    """Of each frequency."""
    levels_dbm0: tuple[float, ...] = ()
    """Of each frequency, where they are not the same."""


@attrs.frozen(kw_only=True)
class ToneSection:
    """Steps that are repeated until `duration_ms` have passed, in the middle of one if need be."""

    steps: tuple[ToneStep, ...]
    duration_ms: int


@attrs.frozen(kw_only=True)
class ToneScript:
    """A cadence; `label` is what tests and timelines call it ("ringback US").

    `steps` are played once, or `sections` one after the other; with `loop`, again and again.
    """

    label: str
    steps: tuple[ToneStep, ...] = ()
    sections: tuple[ToneSection, ...] = ()
    loop: bool = True

    @property
    def parts(self) -> tuple[ToneSection, ...]:
        """The whole as sections."""
        once = sum(step.duration_ms for step in self.steps)
        return self.sections or (ToneSection(steps=self.steps, duration_ms=once),)

    @property
    def size(self) -> int:
        """How many steps it is made of."""
        return sum(len(part.steps) for part in self.parts)

    @property
    def duration_ms(self) -> int:
        """Once through."""
        return sum(part.duration_ms for part in self.parts)
