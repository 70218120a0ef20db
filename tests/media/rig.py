"""The engine driven by hand: packets in, ticks, packets and events out; no clock, no sockets.

Time is the number of ticks times 20 ms. Legs' peers send from 192.0.2.<leg>:4000.
"""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np

from runtime.media.codec import Law
from runtime.media.codecs.table import CodecTable
from runtime.media.native.library import Library
from runtime.media.pcm import PcmBuffer, PcmRing
from runtime.media.port import (
    RtpStream,
)
from runtime.media.protocol import (
    AddMarker,
    CloseUnit,
    Command,
    ConfigureLeg,
    Connect,
    Event,
    OpenConference,
    OpenLeg,
    OpenPlayer,
    OpenRecorder,
    OpenTonePlayer,
)
from runtime.media.rtp.datagrams import Arrivals, NoPorts
from runtime.media.rtp.latching import Address
from runtime.media.tick import Capacity, Engine
from runtime.media.tone_script import ToneScript, ToneStep
from tests.media.packets import Packet, decoded, level, rows_of

TICK_S = 0.02
WALL = 1_700_000_000.0


class FakeSockets:
    """Lists of bytes in place of sockets; knows each leg by its number."""

    def __init__(self) -> None:
        self.waiting: list[tuple[int, bytes, float, Address | None]] = []
        self.reports_waiting: list[tuple[int, bytes, Address]] = []
        self.sent: dict[int, list[bytes]] = {}
        """Per leg: what went out in the last tick."""
        self.reports: dict[int, list[bytes]] = {}
        self.aims: dict[int, tuple[Address | None, Address | None, bool]] = {}
        self.listening: set[int] = set()
        self.closed: list[int] = []
        self.full = False
        self._views: dict[int, Sequence[memoryview]] = {}
        self._instead: dict[int, memoryview] = {}

    def open(self, leg: int) -> tuple[int, int]:
        if self.full:
            raise NoPorts("no port is free between 1 and 2")
        return 20000 + 2 * leg, 20001 + 2 * leg

    def listen(self, leg: int) -> None:
        self.listening.add(leg)

    def aim(self, leg: int, rtp: Address | None, rtcp: Address | None, *, exclusive: bool) -> None:
        self.aims[leg] = (rtp, rtcp, exclusive)

    def schedule(self, leg: int, views: Sequence[memoryview]) -> None:
        self._views[leg] = views

    def unschedule(self, leg: int) -> None:
        self._views.pop(leg, None)

    def send_instead(self, leg: int, view: memoryview) -> None:
        self._instead[leg] = view

    def send_report(self, leg: int, data: bytes) -> None:
        self.reports.setdefault(leg, []).append(data)

    def take(self) -> Arrivals:
        waiting, self.waiting = self.waiting, []
        reports, self.reports_waiting = self.reports_waiting, []
        rows, lengths = rows_of([data for _, data, _, _ in waiting])
        return Arrivals(
            rows=rows,
            lengths=lengths,
            legs=np.array([leg for leg, *_ in waiting], dtype=np.int64),
            times=np.array([time for _, _, time, _ in waiting]),
            sources=[
                (n, source)
                for n, (leg, *_, source) in enumerate(waiting)
                if source is not None and source != self._line(leg)
            ],
            reports=reports,
        )

    def _line(self, leg: int) -> Address | None:
        """What comes from there names no source."""
        return self.aims[leg][0] if leg in self.aims else None

    def close(self, leg: int) -> None:
        self.listening.discard(leg)
        self.closed.append(leg)

    def flush(self) -> None:
        """What real sockets do during a tick."""
        self.sent = {
            leg: [bytes(self._instead[leg])] if leg in self._instead else [bytes(v) for v in views]
            for leg, views in self._views.items()
        }
        self._instead.clear()


@attrs.define(eq=False)
class Peer:
    """The far end of one leg."""

    rig: Rig
    unit: int
    number: int
    stream: RtpStream
    sequence: int = 100
    timestamp: int = 50_000
    ssrc: int = 0x5EED
    heard: list[Packet] = attrs.field(factory=list)
    """Every packet that came from the engine."""

    @property
    def address(self) -> Address:
        return self.stream.remote_host, self.stream.remote_port

    @property
    def law(self) -> Law:
        return "PCMA" if self.stream.codec == "PCMA" else "PCMU"

    def say(self, payload: bytes, **changes: Any) -> None:
        """Send the next packet in order; arrives before the next tick."""
        packet = Packet(
            sequence=self.sequence & 0xFFFF,
            timestamp=self.timestamp & 0xFFFFFFFF,
            ssrc=self.ssrc,
            payload_type=self.stream.send_payload_type,
            payload=payload,
        )
        self.sequence += 1
        self.timestamp += len(payload)
        self.send(attrs.evolve(packet, **changes).to_bytes())

    def say_level(self, value: int, **changes: Any) -> None:
        self.say(level(value, law=self.law), **changes)

    def send(self, data: bytes, source: Address | None = None, connected: bool = False) -> None:
        """Any octets; `connected` sockets do not tell their source."""
        origin = None if connected else source or self.address
        self.rig.sockets.waiting.append((self.number, data, self.rig.now, origin))

    @property
    def samples(self) -> list[int]:
        """All audio heard so far, in order, without telephone events."""
        audio = [p for p in self.heard if len(p.payload) > 4]
        return [s for p in audio for s in decoded(p.payload, self.law)]

    @property
    def last(self) -> list[int]:
        """Samples of the last audio packet."""
        return self.samples[-160:]

    @property
    def level(self) -> int:
        """The one value that the last packet consists of."""
        assert len(set(self.last)) == 1, self.last
        return self.last[0]


class Rig:
    """An engine, its fake sockets and a clock that moves by ticks."""

    def __init__(
        self,
        legs: int = 8,
        players: int = 8,
        seed: int = 1,
        library: Library | None = None,
        codecs: CodecTable | None = None,
    ) -> None:
        self.sockets = FakeSockets()
        self.engine = Engine(
            self.sockets,
            Capacity(legs=legs, players=players),
            random.Random(seed).random,
            library,
            codecs,
        )
        self.now = 1000.0
        self.events: list[Event] = []
        self.peers: list[Peer] = []
        self._ids = itertools.count(1)

    # --- commands -------------------------------------------------------------------------------

    def do(self, *commands: Command, fds: Sequence[int] = ()) -> None:
        self.engine.command(commands, fds)

    def new_id(self) -> int:
        return next(self._ids)

    def peer(self, **changes: Any) -> Peer:
        """An open and configured leg."""
        unit, number = self.new_id(), len(self.peers)
        host = f"192.0.2.{number + 1}"
        stream = RtpStream(
            remote_host=host,
            remote_port=4000,
            remote_rtcp_port=4001,
            codec="PCMU",
            send_payload_type=0,
            receive_payload_types=frozenset({0, 8}),
            dtmf_send_payload_type=101,
            dtmf_receive_payload_type=101,
        )
        stream = attrs.evolve(stream, **changes)
        peer = Peer(self, unit, number, stream)
        self.peers.append(peer)
        self.do(OpenLeg(unit), ConfigureLeg(unit, stream))
        return peer

    def reconfigure(self, peer: Peer, **changes: Any) -> None:
        peer.stream = attrs.evolve(peer.stream, **changes)
        self.do(ConfigureLeg(peer.unit, peer.stream))

    def connect(self, source: Peer | int, sink: Peer | int) -> None:
        self.do(Connect(_id(source), _id(sink)))

    def close(self, unit: Peer | int) -> None:
        self.do(CloseUnit(_id(unit)))

    def player(
        self, buffer: PcmBuffer, *, loop: bool = False, paused: bool = False, marker: int = -1
    ) -> int:
        unit = self.new_id()
        self.do(OpenPlayer(unit=unit, fd=0, loop=loop, paused=paused), fds=[os.dup(buffer.fd)])
        if marker >= 0:
            self.do(AddMarker(unit, marker))
        return unit

    def tone(self, *frequencies_hz: float, ms: int = 1000, loop: bool = True) -> int:
        unit = self.new_id()
        step = ToneStep(frequencies_hz=frequencies_hz, duration_ms=ms)
        script = ToneScript(label="test", steps=(step,), loop=loop)
        self.do(OpenTonePlayer(unit=unit, script=script, paused=False))
        return unit

    def conference(self) -> int:
        unit = self.new_id()
        self.do(OpenConference(unit))
        return unit

    def recorder(self, ring: PcmRing) -> int:
        unit = self.new_id()
        self.do(OpenRecorder(unit=unit, fd=0), fds=[os.dup(ring.fd)])
        return unit

    # --- time -----------------------------------------------------------------------------------

    def tick(self, ticks: int = 1, *, skipped: int = 0) -> list[Event]:
        """Run ticks; returns the events of these."""
        fresh: list[Event] = []
        for _ in range(ticks):
            self.now += TICK_S * (1 + skipped)
            fresh += self.engine.tick(self.now, WALL + self.now, skipped)
            skipped = 0
            self.sockets.flush()
            for peer in self.peers:
                for data in self.sockets.sent.get(peer.number, []):
                    peer.heard.append(Packet.parse(data))
        self.events += fresh
        return fresh

    def told(self, unit: Peer | int) -> list[object]:
        """Everything the engine said about a unit."""
        return [event.what for event in self.events if event.unit == _id(unit)]


def _id(unit: Peer | int) -> int:
    return unit.unit if isinstance(unit, Peer) else unit


def sound(*values: int, frames: int = 1, extra: int = 0) -> PcmBuffer:
    """A finished sound: each value for so many frames."""
    buffer = PcmBuffer.create(capacity_s=10)
    for value in values:
        buffer.append(np.full(160 * frames, value, dtype=np.int16))
    if extra:
        buffer.append(np.full(extra, values[-1], dtype=np.int16))
    buffer.finish()
    return buffer


def q(value: int, law: Law = "PCMU") -> int:
    """The value after one pass through G.711."""
    return decoded(level(value, 1, law), law)[0]


def talk(rig: Rig, ticks: int, *speakers: tuple[Peer, int]) -> None:
    """Each speaker says one level, a packet per tick."""
    for _ in range(ticks):
        for peer, value in speakers:
            peer.say_level(value)
        rig.tick()
