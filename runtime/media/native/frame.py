"""What a steady frame computes, by the compiled helper: all of it, or its first stages."""

from __future__ import annotations

import ctypes
from typing import Final

import numpy as np

from runtime.media.codec import LINEAR_TO_ALAW, LINEAR_TO_ULAW
from runtime.media.comfort_noise import PERIOD
from runtime.media.frames import FrameTable
from runtime.media.rtp.playout import SLOTS
from runtime.media.units.content import BLOCK_FRAMES
from runtime.media.units.legs import Legs
from runtime.media.units.players import Players
from runtime.media.units.routes import Routes

from . import library as native
from .library import Library, pointer, structure

NOTHING: Final = 0
LEGS_PLAYED: Final = 1
PLAYERS_PLAYED: Final = 2
HEARD: Final = 3
PREPARED: Final = 4
"""Stages of a frame, each after the one before."""


class SteadyFrame:
    """Does as many stages of a frame as nothing unusual stands in the way of."""

    def __init__(
        self, library: Library, frames: FrameTable, legs: Legs, players: Players, routes: Routes
    ) -> None:
        self._library = library
        self._legs = legs
        self._players = players
        self._routes = routes
        self._columns = {
            **legs.playout.columns(),
            **legs.concealment.columns(),
            **legs.sending.columns(),
            **players.columns(),
            **routes.columns(),
            "samples": frames.samples,
            "at": np.zeros(len(frames.samples), dtype=np.uint64),
            "encoder": np.concatenate((LINEAR_TO_ULAW, LINEAR_TO_ALAW)),
        }
        """Kept alive for the helper."""
        known = {name for name, *_ in native.Frame._fields_}
        places = {name: pointer(column) for name, column in self._columns.items() if name in known}
        self._frame = structure(
            native.Frame,
            legs=legs.capacity,
            rows=len(frames.samples),
            players=players.capacity,
            slots=SLOTS,
            noise_period=PERIOD,
            block_frames=BLOCK_FRAMES,
            packet_size=legs.sending.columns()["packets"].dtype.itemsize,
            **places,
        )
        self._at = ctypes.addressof(self._frame)
        self._running = players.running

    @property
    def legs(self) -> int:
        """Of which the first so many are in use."""
        return self._legs.count

    def place(self) -> int:
        """Where the helper finds what a frame is made of, up to date."""
        frame = self._frame
        if self._players.running is not self._running or not frame.running:
            self._running = self._players.running
            frame.running, frame.running_count = pointer(self._running), len(self._running)
        frame.clock = self._legs.playout.clock
        return self._at

    def took_frames(self) -> None:
        """Whole frames were done; whoever has nothing left to play is to be looked at."""
        self._players.due = self._frame.spent > 0

    def run(self, *, signalling: bool, listening: bool) -> int:
        """The stage that was reached; `signalling` = keys are down or due on some leg, `listening`
        = somebody looks at the legs' rows before they are heard."""
        legs = self._legs
        done = self._library.frame(self.place(), legs.count, self._wanted(signalling, listening))
        if done >= LEGS_PLAYED:
            legs.playout.advanced()
        if done >= PLAYERS_PLAYED:
            self.took_frames()
        return done

    def play(self) -> None:
        """What players play in a frame that is otherwise computed elsewhere."""
        self._library.play(self.place())
        self.took_frames()

    @property
    def whole(self) -> bool:
        """Whether players, routes and packets let the helper do a whole frame."""
        return self._players.steady and self._routes.steady and self._legs.sending.steady

    def _wanted(self, signalling: bool, listening: bool) -> int:
        if listening:
            return LEGS_PLAYED
        if not (self._players.steady and self._routes.steady):
            return PLAYERS_PLAYED
        return PREPARED if self._legs.sending.steady and not signalling else HEARD
