"""The audio engine without audio: who hears what, as named intervals on the trio clock.

It does what the engine does (runtime/media/port.py) and decides nothing: `connect` on a leg
replaces what the leg hears, a player that ends falls silent on every edge. An hour of it costs as
much as the number of things that happen in it.
"""

from __future__ import annotations

from typing import Final, TypeVar

import trio

from runtime.media.port import (
    LegAddress,
    MediaSink,
    MediaSource,
    MediaUnavailable,
    PlayerListener,
    RecorderListener,
    Recording,
    Sound,
)
from runtime.media.tone_script import ToneScript
from runtime.testing.agenda import Agenda
from runtime.testing.symbolic_leg import SymbolicLeg
from runtime.testing.symbolic_nodes import (
    SymbolicConference,
    SymbolicNode,
    SymbolicRecorder,
    SymbolicSink,
    SymbolicSource,
)
from runtime.testing.symbolic_player import SymbolicPlayer
from runtime.testing.symbolic_recordings import SimRecording

NodeT = TypeVar("NodeT", bound=SymbolicNode)

FIRST_PORT: Final = 10_000
"""Ports are only names here; they start where production's do."""
PORT_PAIRS: Final = 5_000


class SymbolicMedia:
    """The media port of a simulation. `capacity` is how many legs it carries at once."""

    def __init__(self, agenda: Agenda) -> None:
        self.capacity: int | None = None
        self._agenda = agenda
        self._open: dict[SymbolicNode, None] = {}
        self._legs = 0
        self._legs_opened = 0
        self._players_opened = 0

    @property
    def left_open(self) -> list[str]:
        """What was opened and never closed, for the leak check."""
        return [repr(node) for node in self._open]

    async def open_leg(self) -> SymbolicLeg:
        await trio.lowlevel.checkpoint()
        return self.open_leg_now()

    def open_leg_now(self) -> SymbolicLeg:
        """`open_leg` for those who cannot wait."""
        if self.capacity is not None and self._legs >= self.capacity:
            raise MediaUnavailable(f"all {self.capacity} legs of the simulated engine are in use")
        port = FIRST_PORT + 2 * (self._legs_opened % PORT_PAIRS)
        self._legs += 1
        self._legs_opened += 1
        address = LegAddress(host="127.0.0.1", rtp_port=port, rtcp_port=port + 1)
        return self._keep(SymbolicLeg(self._agenda, self._forget, address))

    def open_player(
        self,
        source: Sound | ToneScript,
        listener: PlayerListener,
        *,
        loop: bool = False,
        paused: bool = False,
    ) -> SymbolicPlayer:
        self._players_opened += 1
        player = SymbolicPlayer(
            self._agenda,
            self._forget,
            name=f"player {self._players_opened}",
            source=source,
            listener=listener,
            loop=loop,
        )
        if not paused:
            player.resume()
        return self._keep(player)

    def open_conference(self) -> SymbolicConference:
        return self._keep(SymbolicConference(self._agenda, self._forget))

    def open_recorder(self, recording: Recording, listener: RecorderListener) -> SymbolicRecorder:
        if not isinstance(recording, SimRecording):
            raise TypeError(f"{recording!r} does not come from the simulation's recording store")
        return self._keep(SymbolicRecorder(self._agenda, self._forget, recording, listener))

    def connect(self, source: MediaSource, sink: MediaSink) -> None:
        _as_source(source).connect(_as_sink(sink))

    def disconnect(self, source: MediaSource, sink: MediaSink) -> None:
        _as_source(source).disconnect(_as_sink(sink))

    def crash(self) -> None:
        """Die as an engine process dies: everything that is open gets MediaLost."""
        for node in list(self._open):
            node.lose()

    def _keep(self, node: NodeT) -> NodeT:
        self._open[node] = None
        return node

    def _forget(self, node: SymbolicNode) -> None:
        self._open.pop(node, None)
        self._legs -= isinstance(node, SymbolicLeg)


def _as_source(node: MediaSource) -> SymbolicSource:
    if not isinstance(node, SymbolicSource):
        raise TypeError(f"{node!r} is not a source of this simulation")
    return node


def _as_sink(node: MediaSink) -> SymbolicSink:
    if not isinstance(node, SymbolicSink):
        raise TypeError(f"{node!r} is not a sink of this simulation")
    return node
