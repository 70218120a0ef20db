"""What an edge of the engine is: a source, a sink, and the row that the sink reads."""

from __future__ import annotations

import attrs

from .leg import Leg
from .players import Player
from .recorders import Recorder


@attrs.define(eq=False)
class Conference:
    """A mixer; its edges are all there is to it."""

    id: int


Source = Leg | Player | Conference
Sink = Leg | Conference | Recorder


@attrs.frozen(eq=False)
class Edge:
    """`row` is what the sink reads; a conference makes one for each listener."""

    source: Source
    sink: Sink
    row: int
