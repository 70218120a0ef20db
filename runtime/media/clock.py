"""When the engine works: an absolute schedule of 20 ms frames, each in four steps of 5 ms.

Audio is computed in the first step of a frame; packets leave spread over all steps, so that a
thousand sends do not bunch. Late steps are made up for up to 60 ms; after a longer stall whole
frames are skipped, since a burst of old audio helps nobody. Pure: the time is an argument.
"""

from __future__ import annotations

from typing import Final

import attrs

STEPS: Final = 4
FRAME_S: Final = 0.020
STEP_S: Final = FRAME_S / STEPS
MAX_BEHIND_FRAMES: Final = 3
"""Playout buffers of peers bridge 60 ms; what is older than that would only be dropped by them."""


@attrs.frozen(kw_only=True)
class Step:
    """What to do at `deadline`: a step of a frame, of which `skipped` whole ones went by before."""

    number: int
    deadline: float
    skipped: int = 0


class Schedule:
    """Steps in order, without drift."""

    def __init__(self, start: float) -> None:
        self._start = start
        self._count = 0
        """Steps since `_start`."""
        self.skipped_frames = 0

    @property
    def position(self) -> tuple[float, int]:
        """Where counting began, and the number of the next step."""
        return self._start, self._count

    def restart(self, now: float) -> None:
        """Nothing was due until now; the next frame is."""
        self._start, self._count = now, 0

    def went_to(self, count: int) -> None:
        """All steps before this one were done elsewhere."""
        self._count = count

    def next(self, now: float) -> Step:
        """The next step; it is due at once when its deadline has passed."""
        number = self._count % STEPS
        skipped = 0
        deadline = self._start + self._count * STEP_S
        if number == 0:
            behind = int((now - deadline) / FRAME_S)
            if behind > MAX_BEHIND_FRAMES:
                skipped = behind
                # Counted from a new start, so that sums of floats never drift.
                self._start, self._count = deadline + skipped * FRAME_S, 0
                deadline = self._start
                self.skipped_frames += skipped
        self._count += 1
        return Step(number=number, deadline=deadline, skipped=skipped)
