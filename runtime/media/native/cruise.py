"""Frames in a row by the compiled helper: Python is asked only when something is not as usual.

A tick in Python costs most by running so much code that no cache holds it any more after 20 ms; so
the frames in which nothing is due (no command, no report, nobody who begins or ends) go by without
it. Whatever is unusual ends the row where it is found, and the tick goes on from there.
"""

from __future__ import annotations

import ctypes

import attrs
import numpy as np

from runtime.media.clock import MAX_BEHIND_FRAMES, STEP_S, Schedule

from . import library as native
from .follower import Follower
from .frame import SteadyFrame
from .library import Library, pointer, structure
from .traffic import NativeTraffic


@attrs.frozen
class Cruised:
    """How many frames went by, and whether something is to be read beside the legs' sockets."""

    frames: int
    called: bool


class Cruise:
    """Takes the steps of a schedule until a frame is due that a tick must compute."""

    def __init__(
        self,
        library: Library,
        traffic: NativeTraffic,
        follower: Follower,
        steady: SteadyFrame,
        *,
        watched: int,
        behind: int = MAX_BEHIND_FRAMES,
    ) -> None:
        """`watched`: readable when something else is to be read; `behind`: frames that may be late
        and are computed all the same."""
        self._library = library
        self._traffic = traffic
        self._follower = follower
        self._steady = steady
        self._followed = np.zeros(traffic.rows, dtype=np.uint8)
        self._cruise = structure(
            native.Cruise, behind=behind, epoll=watched, followed=pointer(self._followed)
        )
        self._cruise.step_s = STEP_S
        self._at = ctypes.addressof(self._cruise)

    def run(self, schedule: Schedule, frames: int) -> Cruised:
        """Compute up to `frames` frames, if they are steady ones.

        Afterwards the schedule is at the first step of a frame whose packets were read.
        """
        cruise = self._cruise
        cruise.origin, cruise.count = schedule.position
        cruise.frames = 0 if self._traffic.judged_sources else frames
        cruise.legs = self._steady.legs
        self._traffic.lay_plans(cruise)
        called = self._library.cruise(
            *self._traffic.places, self._follower.place(), self._steady.place(), self._at
        )
        schedule.went_to(cruise.count)
        if cruise.frames:
            self._follower.took_frames(cruise.frames)
            self._steady.took_frames()
        return Cruised(cruise.frames, called > 0)
