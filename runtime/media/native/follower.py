"""The short way of runtime/media/units/intake.py, by the compiled helper."""

from __future__ import annotations

import ctypes
from typing import Final

import numpy as np
from numpy.typing import NDArray

from runtime.media.codec import ALAW_TO_LINEAR, ULAW_TO_LINEAR
from runtime.media.rtp.datagrams import Arrivals
from runtime.media.rtp.header import Bools
from runtime.media.rtp.playout import SLOTS
from runtime.media.units.legs import Legs

from . import library as native
from .library import Library, pointer, structure

JUDGED: Final = 2
"""To the helper: of a source that is to be judged. 1 stands for no audio."""


class Follower:
    """Takes the packets that are just what their legs expect."""

    def __init__(self, library: Library, legs: Legs) -> None:
        self._library = library
        self._legs = legs
        columns: dict[str, NDArray[np.generic]] = {
            **legs.following.columns(),
            **legs.reception.columns(),
            **legs.playout.columns(),
            "octets_received": legs.octets_received,
            "decoder": np.concatenate((ULAW_TO_LINEAR, ALAW_TO_LINEAR)),
            "lost": np.zeros(legs.capacity, dtype=np.uint8),
        }
        self._columns = columns
        """Kept alive for the helper."""
        places = {name: pointer(column) for name, column in columns.items()}
        self._following = structure(native.Following, legs=legs.capacity, slots=SLOTS, **places)
        self._arrivals = structure(native.Arrivals)
        self._at = ctypes.addressof(self._following), ctypes.addressof(self._arrivals)

    def place(self) -> int:
        """Where the helper finds what it follows with, up to date."""
        self._following.clock = self._legs.playout.clock
        return self._at[0]

    def took_frames(self, frames: int) -> None:
        """So many frames were played by the helper."""
        self._legs.playout.advanced(frames)

    def __call__(self, arrivals: Arrivals, audio: Bools) -> Bools:
        """Which packets were taken; the others are to be judged."""
        followed = (~audio).view(np.uint8)
        for number, _ in arrivals.sources:
            followed[number] = JUDGED
        self._following.clock = self._legs.playout.clock
        given = self._arrivals
        given.rows, given.row_size = pointer(arrivals.rows), arrivals.rows.shape[1]
        given.lengths, given.legs = pointer(arrivals.lengths), pointer(arrivals.legs)
        given.times, given.followed = pointer(arrivals.times), pointer(followed)
        given.count = len(arrivals.legs)
        self._library.follow(*self._at)
        return followed.view(np.bool_)
