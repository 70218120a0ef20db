"""Who hears whom in the engine: rows of sources and the sinks that read them.

The core decides the edges (decisions/routing.py); here they become `heard = samples[source_of]`.
A leg hears one row. When that is replaced, what the leg heard last fades out within 5 ms under the
new sound, so that nothing clicks, whatever became of the old source.
"""

from __future__ import annotations

from typing import Any, Final

import attrs
import numpy as np
from numpy.typing import NDArray

from runtime.media.frames import SILENCE, FrameTable, Samples
from runtime.media.mixing import MixPlan, cross_fade

from .leg import Leg
from .players import Player
from .recorders import Recorder

NO_OWN_ROW: Final = SILENCE
"""A listener that does not speak in the mix hears all of it."""


@attrs.define(eq=False)
class Conference:
    """A mixer; its edges are all there is to it."""

    id: int


Source = Leg | Player | Conference
Sink = Leg | Conference | Recorder


@attrs.frozen(eq=False)
class _Edge:
    """`row` is what the sink reads; a conference makes one for each listener."""

    source: Source
    sink: Sink
    row: int


class Routes:
    """All edges, by both ends."""

    def __init__(self, legs: int, frames: FrameTable) -> None:
        self.heard: Samples = np.zeros((legs, frames.samples.shape[1]), dtype=np.int16)
        """What each leg hears in this tick."""
        self._frames = frames
        self._source_of = np.zeros(legs, dtype=np.int64)
        self._replaced: set[int] = set()
        """Numbers of legs that hear another row than in the last tick."""
        self._into: dict[int, dict[int, _Edge]] = {}
        """Sink id: source id: edge."""
        self._out_of: dict[int, dict[int, _Edge]] = {}
        self._plan = MixPlan.of([], [])
        self._plan_stale = False
        self._mixing = False
        """Whether anybody hears a conference."""

    def columns(self) -> dict[str, NDArray[Any]]:
        """What the native helper works on; never replaced by other arrays."""
        return {"heard": self.heard, "source_of": self._source_of}

    @property
    def steady(self) -> bool:
        """Whether everybody hears the same row as before, and nobody a conference."""
        return not (self._replaced or self._plan_stale or self._mixing)

    # --- edges ----------------------------------------------------------------------------------

    def connect(self, source: Source, sink: Sink) -> None:
        """Add the edge; a leg stops hearing what it heard. Raises RowsExhausted."""
        if source.id in self._into.get(sink.id, {}):
            return
        row = self._row_of(source)
        if isinstance(sink, Leg):
            self.silence(sink)
            self._listen(sink, row)
        edge = _Edge(source, sink, row)
        self._into.setdefault(sink.id, {})[source.id] = edge
        self._out_of.setdefault(source.id, {})[sink.id] = edge
        if isinstance(sink, Recorder):
            sink.add_source(row)
        self._plan_stale |= isinstance(source, Conference) or isinstance(sink, Conference)

    def disconnect(self, source_id: int, sink_id: int) -> None:
        """Remove the edge if it is there."""
        edge = self._into.get(sink_id, {}).get(source_id)
        if edge is not None:
            self._remove(edge)

    def silence(self, leg: Leg) -> None:
        """Whatever the leg hears, it hears it no more."""
        for edge in list(self._into.get(leg.id, {}).values()):
            self._remove(edge)

    def remove(self, unit_id: int) -> None:
        """The unit is gone, and all its edges with it."""
        for edges in (self._into.get(unit_id, {}), self._out_of.get(unit_id, {})):
            for edge in list(edges.values()):
                self._remove(edge)
        self._into.pop(unit_id, None)
        self._out_of.pop(unit_id, None)

    def forget(self, leg: Leg) -> None:
        """The leg's number is free for another one, which has heard nothing yet."""
        self.remove(leg.id)
        self.heard[leg.index] = 0
        self._replaced.discard(leg.index)

    def legs_hearing(self, source_id: int) -> list[Leg]:
        """Legs with a direct edge from the source."""
        edges = self._out_of.get(source_id, {}).values()
        return [edge.sink for edge in edges if isinstance(edge.sink, Leg)]

    # --- a tick ---------------------------------------------------------------------------------

    def mix(self) -> None:
        """Fill the rows that listeners hear of conferences."""
        if self._plan_stale:
            self._make_plan()
        self._plan.run(self._frames.samples)

    def gather(self, count: int) -> Samples:
        """What each of the first `count` legs hears."""
        heard = self.heard[:count]
        fading: Samples | None = None
        if self._replaced:
            legs = np.array(sorted(self._replaced), dtype=np.int64)
            # Last tick's sound, run backwards from its last sample: it goes on without a step.
            fading = heard[legs, ::-1]
        np.take(self._frames.samples, self._source_of[:count], axis=0, out=heard, mode="clip")
        if fading is not None:
            heard[legs] = cross_fade(fading, heard[legs])
            self._replaced.clear()
        return heard

    # --- inside ---------------------------------------------------------------------------------

    def _row_of(self, source: Source) -> int:
        if isinstance(source, Leg):
            return self._frames.of_leg(source.index)
        return source.row if isinstance(source, Player) else self._frames.take()

    def _listen(self, leg: Leg, row: int) -> None:
        self._replaced.add(leg.index)
        self._source_of[leg.index] = row

    def _remove(self, edge: _Edge) -> None:
        del self._into[edge.sink.id][edge.source.id]
        del self._out_of[edge.source.id][edge.sink.id]
        if isinstance(edge.sink, Leg):
            self._listen(edge.sink, SILENCE)
        if isinstance(edge.sink, Recorder):
            edge.sink.remove_source(edge.row)
        if isinstance(edge.source, Conference):
            self._frames.give_back(edge.row)
        self._plan_stale |= isinstance(edge.source, Conference) or isinstance(edge.sink, Conference)

    def _make_plan(self) -> None:
        edges = [edge for edges in self._into.values() for edge in edges.values()]
        mixes = {e.source.id for e in edges if isinstance(e.source, Conference)}
        numbers = {mix: number for number, mix in enumerate(sorted(mixes))}
        members: list[list[int]] = [[] for _ in numbers]
        own: dict[tuple[int, int], int] = {}
        for edge in edges:
            if isinstance(edge.sink, Conference):
                own[edge.sink.id, edge.source.id] = edge.row
                if edge.sink.id in numbers:
                    members[numbers[edge.sink.id]].append(edge.row)
        listeners = [
            (numbers[e.source.id], own.get((e.source.id, e.sink.id), NO_OWN_ROW), e.row)
            for e in edges
            if isinstance(e.source, Conference)
        ]
        self._plan = MixPlan.of(members, listeners)
        self._mixing = bool(listeners)
        self._plan_stale = False
