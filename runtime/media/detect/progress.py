"""Call-progress tones by country: dial tone, ringback, busy, congestion (ITU-T E.180 supplement 2).

A tone is known by its frequencies and by its cadence. Cadences are told after two equal rounds, a
steady tone after two seconds; so ringback takes as long as it rings.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Mapping
from typing import Final

import attrs

from runtime.media.frames import FRAME_MS

from .spectrum import Glimpse


class Progress(enum.Enum):
    DIAL = "dial tone"
    RINGBACK = "ringback"
    BUSY = "busy"
    CONGESTION = "congestion"


@attrs.frozen
class Plan:
    """One tone of a country: frequencies, and milliseconds on, off, on, off ...; none = steady."""

    kind: Progress
    frequencies_hz: tuple[float, ...]
    cadence_ms: tuple[int, ...] = ()


def _plans(
    dial: tuple[float, ...],
    ringback: tuple[tuple[float, ...], tuple[int, ...]],
    busy: tuple[tuple[float, ...], tuple[int, ...]],
    congestion: tuple[tuple[float, ...], tuple[int, ...]],
) -> tuple[Plan, ...]:
    return (
        Plan(Progress.DIAL, dial),
        Plan(Progress.RINGBACK, *ringback),
        Plan(Progress.BUSY, *busy),
        Plan(Progress.CONGESTION, *congestion),
    )


_425: Final = (425.0,)
_TWICE: Final = (400, 200, 400, 2000)
PLANS: Final[Mapping[str, tuple[Plan, ...]]] = {
    "DE": _plans(_425, (_425, (1000, 4000)), (_425, (480, 480)), (_425, (240, 240))),
    "ES": _plans(_425, (_425, (1500, 3000)), (_425, (200, 200)), (_425, (200, 200, 200, 600))),
    "FR": _plans(
        (440.0,), ((440.0,), (1500, 3500)), ((440.0,), (500, 500)), ((440.0,), (250, 250))
    ),
    "IT": _plans(_425, (_425, (1000, 4000)), (_425, (500, 500)), (_425, (200, 200))),
    "JP": _plans(
        (400.0,), ((400.0,), (1000, 2000)), ((400.0,), (500, 500)), ((400.0,), (250, 250))
    ),
    "RU": _plans(_425, (_425, (1000, 4000)), (_425, (400, 400)), (_425, (200, 200))),
    "UK": _plans(
        (350.0, 440.0),
        (_425, _TWICE),
        ((400.0,), (375, 375)),
        ((400.0,), (400, 350, 225, 525)),
    ),
    "US": _plans(
        (350.0, 440.0),
        ((460.0,), (2000, 4000)),
        ((480.0, 620.0), (500, 500)),
        ((480.0, 620.0), (250, 250)),
    ),
}
"""As 32 ms can tell them: pairs less than 60 Hz apart (400 and 450, 440 and 480) are one tone
between them. Where two tones of a country are the same, the first one is told."""

TOGETHER: Final = 0.85
"""Part of the energy that the plan's frequencies make up."""
TOLERANCE_HZ: Final = 30.0
"""Exchanges are right to a few Hz; a pair that beats wanders between its two frequencies."""
QUIET_DB: Final = -48.0
STEADY_MS: Final = 2_200
"""A tone that goes on for so long has no cadence: no ringing tone is longer than 2 s."""
OFF_BY: Final = 0.12
"""Part by which exchanges' cadences differ from the book."""
BLUR_MS: Final = 50
"""And what frames and their window blur."""
LONG_ROUND_MS: Final = 2_500
"""One such round is enough; of shorter ones two must be alike."""
_MAX_STEPS: Final = 8
"""Two rounds of the longest cadence."""

Frequencies = tuple[float, ...]


def country_code(country: str) -> str | None:
    """The table's name of a country; None when it has none."""
    code = "UK" if country.upper() == "GB" else country.upper()
    return code if code in PLANS else None


@attrs.define
class ProgressTones:
    """Of one leg; gives each tone once, until another one is heard."""

    country: str
    _sounding: frozenset[Frequencies] = frozenset()
    """Frequencies of the country that fit what is heard."""
    _lasted: int = 0
    """Milliseconds of the current sound or silence."""
    _steps: deque[tuple[frozenset[Frequencies], int]] = attrs.field(
        factory=lambda: deque(maxlen=_MAX_STEPS)
    )
    """Sounds and silences that are over."""
    _told: Progress | None = None

    def hear(self, glimpse: Glimpse) -> Progress | None:
        """The tone that has just become certain."""
        fits = self._fitting(glimpse)
        kept = fits & self._sounding
        if bool(fits) != bool(self._sounding) or (fits and not kept):
            self._steps.append((self._sounding, self._lasted))
            self._sounding, self._lasted = fits, FRAME_MS
            return self._once(self._cadence()) if fits else None
        self._sounding = kept
        self._lasted += FRAME_MS
        return self._once(self._steady()) if self._lasted == STEADY_MS else None

    def _fitting(self, glimpse: Glimpse) -> frozenset[Frequencies]:
        if glimpse.level_db < QUIET_DB:
            return frozenset()
        known = {plan.frequencies_hz for plan in PLANS[self.country]}
        return frozenset(wanted for wanted in known if _is_made_of(glimpse, wanted))

    def _steady(self) -> Progress | None:
        plans = (plan for plan in PLANS[self.country] if not plan.cadence_ms)
        return next((p.kind for p in plans if p.frequencies_hz in self._sounding), None)

    def _cadence(self) -> Progress | None:
        """A sound begins: whether what went before was whole rounds of something."""
        return next((p.kind for p in PLANS[self.country] if self._has_cadence(p)), None)

    def _has_cadence(self, plan: Plan) -> bool:
        rounds = 1 if sum(plan.cadence_ms) >= LONG_ROUND_MS else 2
        wanted = plan.cadence_ms * rounds
        steps = list(self._steps)[-len(wanted) :]
        if not wanted or len(steps) < len(wanted):
            return False
        return all(
            (plan.frequencies_hz in sounds if place % 2 == 0 else not sounds)
            and abs(lasted - ms) <= ms * OFF_BY + BLUR_MS
            for place, ((sounds, lasted), ms) in enumerate(zip(steps, wanted, strict=True))
        )

    def _once(self, found: Progress | None) -> Progress | None:
        if found is None or found is self._told:
            return None
        self._told = found
        return found


def _is_made_of(glimpse: Glimpse, wanted: Frequencies) -> bool:
    """Whether these frequencies, and only these, are what is heard."""
    tones = glimpse.tones[: len(wanted)]
    near = all(any(abs(t.hz - hz) <= TOLERANCE_HZ for t in tones) for hz in wanted)
    # A pair that beats may show as two peaks at once.
    total = sum(t.share for t in glimpse.tones)
    return near and total > TOGETHER and (len(wanted) > 1 or tones[0].share > TOGETHER / 2)
