"""What a leg tells its listener: kept until somebody listens, in order, some things only once."""

from __future__ import annotations

from typing import Final

from runtime.legs.leg import Ended, LegEvent, LegListener

MAX_EARLY_EVENTS: Final = 64
"""Kept for a listener that comes later; more only come from a peer that floods INFOs."""


class Telling:
    """The events of one leg on their way to its listener."""

    def __init__(self) -> None:
        self._listener: LegListener | None = None
        self._early: list[LegEvent] = []
        self._told: set[type[LegEvent]] = set()

    def listen(self, listener: LegListener) -> None:
        """From now on; what was told before is replayed first."""
        self._listener = listener
        early, self._early = self._early, []
        for event in early:
            listener(event)

    def tell(self, event: LegEvent) -> None:
        if self._listener is not None:
            self._listener(event)
        elif len(self._early) < MAX_EARLY_EVENTS or isinstance(event, Ended):
            self._early.append(event)

    def once(self, event: LegEvent) -> None:
        """Unless one of its kind was told before: however many branches ring, it rings once."""
        if type(event) not in self._told:
            self._told.add(type(event))
            self.tell(event)
