"""Who hears whom in the engine: rows of sources and the sinks that read them.

The core decides the edges (decisions/routing.py); here they become `heard = samples[source_of]`.
A leg hears one row. When that is replaced, what the leg heard last fades out within 5 ms under the
new sound, so that nothing clicks, whatever became of the old source. Legs with a wideband codec and
legs of an HD recording hear wide as well; wideband.py says what that takes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from runtime.media.frames import SILENCE, WIDE_FRAME, FrameTable, Rows, Samples
from runtime.media.levels import TalkerLevels
from runtime.media.mixing import Listener, Mixer, cross_fade

from .edges import Conference, Edge, Sink, Source
from .leg import Leg
from .players import Player
from .recorders import Recorder
from .wideband import WideEars, heard_wide

_NOBODY: Final[Rows] = np.zeros(0, dtype=np.int64)


class Routes:
    """All edges, by both ends."""

    def __init__(self, legs: int, frames: FrameTable) -> None:
        self.heard: Samples = np.zeros((legs, frames.samples.shape[1]), dtype=np.int16)
        """What each leg hears in this tick."""
        self.heard_wide: Samples = np.zeros((legs, WIDE_FRAME), dtype=np.int16)
        """The same at 16 kHz, for legs that hear wide; means nothing for the others."""
        self._frames = frames
        self._source_of = np.zeros(legs, dtype=np.int64)
        self._replaced: set[int] = set()
        """Numbers of legs that hear another row than in the last tick."""
        self._into: dict[int, dict[int, Edge]] = {}
        """Sink id: source id: edge."""
        self._out_of: dict[int, dict[int, Edge]] = {}
        self._levels = TalkerLevels(len(frames.samples))
        self._mixer = Mixer(len(frames.samples), self._levels)
        self._talkers = _NOBODY
        """Rows of the legs that somebody hears through a conference."""
        self._plan_stale = False
        self._ears = WideEars()
        self._wide_mixer = Mixer(len(frames.samples), self._levels)
        self._wide_legs: Rows = np.zeros(0, dtype=np.int64)
        self._wide_stale = False

    def columns(self) -> dict[str, NDArray[Any]]:
        """What the native helper works on; never replaced by other arrays."""
        return {"heard": self.heard, "source_of": self._source_of}

    @property
    def steady(self) -> bool:
        """Whether everybody hears the same row as before, and nobody a conference."""
        return not (self._replaced or self._plan_stale or self._mixer.heard)

    # --- edges ----------------------------------------------------------------------------------

    def connect(self, source: Source, sink: Sink) -> None:
        """Add the edge; a leg stops hearing what it heard. Raises RowsExhausted."""
        if source.id in self._into.get(sink.id, {}):
            return
        row = self._row_of(source)
        if isinstance(sink, Leg):
            self.silence(sink)
            self._listen(sink, row)
        edge = Edge(source, sink, row)
        self._into.setdefault(sink.id, {})[source.id] = edge
        self._out_of.setdefault(source.id, {})[sink.id] = edge
        if isinstance(sink, Recorder):
            sink.add_source(row)
        self._plan_stale |= isinstance(source, Conference) or isinstance(sink, Conference)
        self._wide_stale |= self._ears.any

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
        self.hear_wide(leg, False)
        self.heard[leg.index] = 0
        self._levels.forget(self._frames.of_leg(leg.index))
        self._replaced.discard(leg.index)

    def begin(self, leg: Leg) -> None:
        """The leg hears from now on, perhaps in the middle of a word."""
        self.heard[leg.index] = self.heard_wide[leg.index] = 0
        self._replaced.add(leg.index)

    def hear_wide(self, sink: Leg | Recorder, wide: bool) -> None:
        """Whether a leg, or a recorder with the legs that it taps, hears wide from now on."""
        self._wide_stale |= self._ears.hear(sink, wide)

    @property
    def heard_wide_at_all(self) -> bool:
        """Whether anybody hears wide, or stopped to since the last tick."""
        return self._ears.any or self._wide_stale

    def retapped(self) -> None:
        """Some recorder taps other legs than before."""
        self._wide_stale |= self._ears.any

    def legs_hearing(self, source_id: int) -> list[Leg]:
        """Legs with a direct edge from the source."""
        edges = self._out_of.get(source_id, {}).values()
        return [edge.sink for edge in edges if isinstance(edge.sink, Leg)]

    # --- a tick ---------------------------------------------------------------------------------

    def mix(self) -> None:
        """Fill the rows that listeners hear of conferences."""
        if self._wide_stale:
            self._widen()
        self._frames.convert()
        if self._plan_stale:
            self._plan(self._mixer, lambda _: True)
            rows = set(self._mixer.sources.tolist())
            legs = sorted(row for row in rows if SILENCE < row <= len(self.heard))
            self._talkers = np.array(legs, dtype=np.int64)
            self._plan_stale = False
        if len(self._talkers):
            self._levels.hear(self._talkers, self._frames.samples[self._talkers])
        self._mixer.run(self._frames.samples)
        self._wide_mixer.run(self._frames.wide)

    def gather(self, count: int) -> Samples:
        """What each of the first `count` legs hears."""
        heard = self.heard[:count]
        replaced = _NOBODY
        if self._replaced:
            replaced = np.array(sorted(self._replaced), dtype=np.int64)
            self._replaced.clear()
        _gather(self._frames.samples, self._source_of[:count], heard, replaced)
        if len(self._wide_legs):
            self._gather_wide(replaced)
        return heard

    def _gather_wide(self, replaced: Rows) -> None:
        legs = self._wide_legs
        heard = self.heard_wide[legs]
        _gather(
            self._frames.wide,
            self._source_of[legs],
            heard,
            np.flatnonzero(np.isin(legs, replaced)),
        )
        self.heard_wide[legs] = heard

    # --- inside ---------------------------------------------------------------------------------

    def _row_of(self, source: Source) -> int:
        if isinstance(source, Leg):
            return self._frames.of_leg(source.index)
        return source.row if isinstance(source, Player) else self._frames.take()

    def _listen(self, leg: Leg, row: int) -> None:
        self._replaced.add(leg.index)
        self._source_of[leg.index] = row

    def _remove(self, edge: Edge) -> None:
        del self._into[edge.sink.id][edge.source.id]
        del self._out_of[edge.source.id][edge.sink.id]
        if isinstance(edge.sink, Leg):
            self._listen(edge.sink, SILENCE)
        if isinstance(edge.sink, Recorder):
            edge.sink.remove_source(edge.row)
        if isinstance(edge.source, Conference):
            self._frames.give_back(edge.row)
        self._plan_stale |= isinstance(edge.source, Conference) or isinstance(edge.sink, Conference)
        self._wide_stale |= self._ears.any

    def _edges(self) -> list[Edge]:
        return [edge for edges in self._into.values() for edge in edges.values()]

    def _widen(self) -> None:
        """Find out what must be there at 16 kHz: rows of sources, and mixes."""
        edges = self._edges()
        wide = heard_wide(edges, self._ears.sinks())
        said = {self._frames.of_leg(leg.index) for leg in self._ears.tapped()}
        read = {e.row for e in edges if e.sink in wide and not isinstance(e.source, Conference)}
        self._frames.hear_wide(frozenset(said | read))
        legs = sorted(leg.index for leg in self._ears.legs())
        self._wide_legs = np.array(legs, dtype=np.int64)
        self._plan(self._wide_mixer, lambda edge: edge.sink in wide)
        self._wide_stale = False

    def _plan(self, mixer: Mixer, listening: Callable[[Edge], bool]) -> None:
        """The mixes of all conferences that are heard over edges for which `listening` says so."""
        edges = self._edges()
        heard = [e for e in edges if isinstance(e.source, Conference) and listening(e)]
        mixes: dict[int, dict[int, int]] = {e.source.id: {} for e in heard}
        for edge in edges:
            if edge.sink.id in mixes and isinstance(edge.sink, Conference):
                mixes[edge.sink.id][edge.source.id] = edge.row
        mixer.plan(mixes, [Listener(e.source.id, e.sink.id, e.row) for e in heard])


def _gather(rows: Samples, sources: Rows, heard: Samples, replaced: Rows) -> None:
    """Each listener's row into `heard`; where the source was replaced, out of what it said last."""
    if len(replaced):
        # Last tick's sound, run backwards from its last sample: it goes on without a step.
        fading = heard[replaced, ::-1]
    np.take(rows, sources, axis=0, out=heard, mode="clip")
    if len(replaced):
        heard[replaced] = cross_fade(fading, heard[replaced])
