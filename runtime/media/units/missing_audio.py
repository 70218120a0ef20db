"""Legs from which nothing can be heard for 2 s, and what their packets tell of why.

Nobody calls this an error: people mute telephones. It is for whoever reads the timeline of a call
on which "they could not hear me", which is a question of addresses and firewalls nine times of ten.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from runtime.media.port import AudioMissing

from .leg import Leg
from .legs import Legs
from .sealing import Refusals

LOOKS: Final = 10
"""2 s; one look is upkeep's fifth of a second."""
MOST_TOLD: Final = 5
"""Per leg: who sends nothing in pauses would fill the timeline."""

PAUSE_S: Final = 0.1
"""Legs of other codecs than G.711 have buffers of their own; a packet of this age is played."""

NOTHING: Final = (
    "no packet has come at all; a firewall or NAT may be in the way, or the address in our SDP "
    "cannot be reached from there"
)
STOPPED: Final = "the packets have stopped; the peer is muted without sending silence, or is gone"
STRANGERS: Final = (
    "packets come from another address than the peer's SDP names, and are not believed; the peer "
    "may be behind a NAT, or somebody else sends them"
)
COMFORT_NOISE: Final = "only comfort noise comes; the peer is silent, or muted"
UNAUTHENTICATED: Final = (
    "packets come, but their SRTP authentication fails; the peer uses another key than its SDP "
    "names, or somebody else sends them"
)
REPLAYED: Final = (
    "packets come that came before, or cannot be told from such (SRTP replay); the peer has begun "
    "to count anew under the same key or gone back to one it left long ago, or somebody else sends "
    "them again"
)
REFUSED: Final = "packets come, but are damaged or of a codec that was not negotiated"


class MissingAudio:
    """Looks at all legs five times a second."""

    def __init__(self, legs: Legs, emit: Callable[[Leg, AudioMissing], None]) -> None:
        self._legs = legs
        self._emit = emit
        self._quiet = np.zeros(legs.capacity, dtype=np.int64)
        """Looks in a row that found nothing to be heard."""
        self._told = np.zeros(legs.capacity, dtype=np.int64)
        self._before = np.zeros((3, legs.capacity), dtype=np.int64)
        """Counters when it became quiet: strangers, comfort noise, all that was refused."""
        self._unopened: dict[int, Refusals] = {}
        """Likewise, what could not be opened, by the leg's number."""

    def forget(self, leg: Leg) -> None:
        self._quiet[leg.index] = self._told[leg.index] = 0
        self._unopened.pop(leg.index, None)

    def look(self, now: float) -> None:
        legs, count = self._legs, self._legs.count
        silent = legs.watched[:count] & legs.playout.silent(count)
        recent = now - legs.reception.last_arrival[:count] < PAUSE_S
        for index in np.flatnonzero(silent & recent).tolist():
            leg = legs.by_index[index]
            silent[index] = leg is None or leg.plain
        self._quiet[:count] = np.where(silent, self._quiet[:count] + 1, 0)
        beginning = np.flatnonzero(self._quiet[:count] == 1)
        for counters, counter in zip(self._before, self._counters, strict=True):
            counters[beginning] = counter[beginning]
        for index in beginning.tolist():
            self._unopened[index] = legs.sealing.refusals(index)
        for index in np.flatnonzero(self._quiet[:count] == LOOKS).tolist():
            leg = legs.by_index[index]
            if leg is None or leg.receiver.pressed or self._told[index] >= MOST_TOLD:
                continue
            self._told[index] += 1
            self._emit(leg, AudioMissing(cause=self._cause(index)))

    @property
    def _counters(self) -> tuple[np.ndarray, ...]:
        return self._legs.strangers, self._legs.unplayed, self._legs.rejected

    def _cause(self, index: int) -> str:
        strangers, unplayed, rejected = (
            int(counter[index] - before[index])
            for counter, before in zip(self._counters, self._before, strict=True)
        )
        unopened, known = self._legs.sealing.refusals(index), self._unopened[index]
        if unopened.unauthenticated > known.unauthenticated:
            return UNAUTHENTICATED
        if strangers:
            return STRANGERS
        if unopened.replayed > known.replayed:
            return REPLAYED
        if rejected:
            return REFUSED
        if unplayed:
            return COMFORT_NOISE
        return STOPPED if self._legs.reception.received[index] else NOTHING
