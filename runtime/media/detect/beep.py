"""The beep of an answering machine: one steady tone, alone, and then its end.

A voice is never one tone for so long; digits and most progress tones are two. The beep is told when
it is over, because only then can the message begin.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from runtime.media.frames import FRAME_MS

from .spectrum import Glimpse

LOWEST_HZ: Final = 350.0
HIGHEST_HZ: Final = 2200.0
ALONE: Final = 0.93
"""Part of the energy in the one tone."""
STEADY_HZ: Final = 15.0
SHORTEST_FRAMES: Final = 100 // FRAME_MS
LONGEST_FRAMES: Final = 3_000 // FRAME_MS
"""What goes on for longer is a dial tone, a fax, or a fault."""
QUIET_DB: Final = -45.0
TOLERANCE_HZ: Final = 20.0
"""How far a beep may be from a frequency that was asked for; machines are that far off."""


@attrs.frozen(kw_only=True)
class Beep:
    frequency_hz: float
    duration_ms: int


@attrs.define
class BeepFinder:
    """Of one leg. Without `wanted_hz` every beep between 350 and 2200 Hz counts."""

    wanted_hz: Sequence[float] = ()
    _hz: float = 0.0
    """Mean of the tone so far."""
    _frames: int = 0

    def hear(self, glimpse: Glimpse) -> Beep | None:
        """The beep that ended before this frame."""
        tone = glimpse.tones[0] if glimpse.tones else None
        alone = tone is not None and tone.share > ALONE and glimpse.level_db > QUIET_DB
        if alone and tone is not None and LOWEST_HZ <= tone.hz <= HIGHEST_HZ:
            if self._frames and abs(tone.hz - self._hz) <= STEADY_HZ:
                self._frames += 1
                self._hz += (tone.hz - self._hz) / self._frames
                return None
            ended = self._end()
            self._hz, self._frames = tone.hz, 1
            return ended
        return self._end()

    def _end(self) -> Beep | None:
        frames, self._frames = self._frames, 0
        if not SHORTEST_FRAMES <= frames <= LONGEST_FRAMES or not self._is_wanted(self._hz):
            return None
        return Beep(frequency_hz=round(self._hz, 1), duration_ms=frames * FRAME_MS)

    def _is_wanted(self, hz: float) -> bool:
        return not self.wanted_hz or any(abs(hz - f) <= TOLERANCE_HZ for f in self.wanted_hz)
