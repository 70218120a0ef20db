"""Who hears at 16 kHz: legs with a wideband codec, HD recorders, and the legs that those tap.

A conference is mixed wide as well when such a listener hears it, directly or through another one.
Where nobody hears wide, nothing here costs anything.
"""

from __future__ import annotations

from collections.abc import Iterable

from .edges import Conference, Edge, Sink
from .leg import Leg
from .recorders import Recorder


class WideEars:
    """All sinks that hear wide."""

    def __init__(self) -> None:
        self._legs: set[Leg] = set()
        self._recorders: set[Recorder] = set()

    @property
    def any(self) -> bool:
        return bool(self._legs or self._recorders)

    def hear(self, sink: Leg | Recorder, wide: bool) -> bool:
        """Remember what the sink hears; returns whether that is new."""
        known = sink in self._legs or sink in self._recorders
        if wide == known:
            return False
        if isinstance(sink, Leg):
            self._legs ^= {sink}
        else:
            self._recorders ^= {sink}
        return True

    def tapped(self) -> set[Leg]:
        """Legs that an HD recorder listens in on: what they say and hear is wanted wide."""
        return {leg for recorder in self._recorders for leg in recorder.taps}

    def legs(self) -> set[Leg]:
        """Legs whose heard sound is wanted wide."""
        return self._legs | self.tapped()

    def sinks(self) -> set[Sink]:
        """All that hear wide by themselves."""
        return {*self.legs(), *self._recorders}


def heard_wide(edges: Iterable[Edge], sinks: set[Sink]) -> set[Sink]:
    """`sinks`, and the conferences that they hear, be it through another conference."""
    feeding = [(edge.source, edge.sink) for edge in edges if isinstance(edge.source, Conference)]
    heard: set[Sink] = set(sinks)
    while fresh := {mix for mix, sink in feeding if sink in heard and mix not in heard}:
        heard.update(fresh)
    return heard
