"""Frames that go by in the helper are the frames that ticks would have computed.

Two engines on real sockets live through the same: one computes every frame by ticks and numpy, the
other lets the helper go on by itself wherever it may. Deadlines lie in the past, so nobody waits.
"""

from __future__ import annotations

import contextlib
import os
import random
import select
import socket
import time
from collections.abc import Iterator
from functools import partial

import attrs
import numpy as np
import pytest

from runtime.media.clock import STEPS, Schedule
from runtime.media.native.cruise import Cruise
from runtime.media.native.traffic import NativeTraffic
from runtime.media.pcm import PcmBuffer
from runtime.media.port import RtpStream
from runtime.media.protocol import (
    CloseUnit,
    ConfigureLeg,
    Connect,
    Event,
    LegMeasured,
    LegOpened,
    MeasureLeg,
    OpenLeg,
    OpenPlayer,
)
from runtime.media.sockets import UdpSockets
from runtime.media.tick import Capacity, Engine
from runtime.media.traffic import PythonTraffic
from tests.media.native.helper import helper
from tests.media.packets import Packet

pytestmark = pytest.mark.loopback
LEGS = 10
LONG_AGO_S = 3_600.0
FAR_BEHIND = 1 << 30
PATIENCE_S = 30.0
REPORT = b"\x80\xc9\x00\x01\x00\x00\x5e\xed"
"""An empty receiver report of the peers."""


@attrs.define(eq=False)
class Peer:
    sock: socket.socket
    port: int = 0
    sequence: int = 65_500
    timestamp: int = 0xFFFFF000

    def say(self, value: int) -> bytes:
        """The next packet in order."""
        self.sequence, self.timestamp = self.sequence + 1, self.timestamp + 160
        packet = Packet(
            sequence=self.sequence & 0xFFFF,
            timestamp=self.timestamp & 0xFFFFFFFF,
            ssrc=0x5EED,
            payload_type=0,
            payload=bytes([value]) * 160,
        )
        return packet.to_bytes()

    def send(self, data: bytes) -> None:
        self.sock.sendto(data, ("127.0.0.1", self.port))

    def heard(self) -> bytes:
        """One audio packet of the engine: all but its SSRC, which is random."""
        data = self.sock.recv(2_000)
        while _is_report(data):  # these go by the clock, not by frames
            data = self.sock.recv(2_000)
        return data[:8] + data[12:]


class Side:
    """One engine, its peers, and what it was made to do."""

    def __init__(self, *, cruising: bool) -> None:
        library = helper() if cruising else None
        new_traffic = partial(NativeTraffic, library) if library else PythonTraffic
        self.sockets = UdpSockets("127.0.0.1", 0, 0, LEGS, new_traffic)
        self.engine = Engine(
            self.sockets, Capacity(legs=LEGS, players=LEGS), random.Random(7).random, library
        )
        self.cruise: Cruise | None = None
        if isinstance(self.sockets.traffic, NativeTraffic):
            self.cruise = self.engine.cruise(
                self.sockets.traffic, self.sockets.watched, behind=FAR_BEHIND
            )
        self.schedule = Schedule(time.monotonic() - LONG_AGO_S)
        self.peers = [Peer(_bound()) for _ in range(LEGS)]
        self.went = 0
        """Frames that went by without a tick."""
        self.events: list[Event] = []

    def begin(self) -> None:
        units = [2 * number + 1 for number in range(LEGS)]
        self.engine.command([OpenLeg(unit) for unit in units])
        self.tick()
        for peer, event in zip(self.peers, self.events, strict=True):
            assert isinstance(event.what, LegOpened)
            peer.port = event.what.rtp_port
        self.engine.command(
            [ConfigureLeg(unit, _stream(p)) for unit, p in zip(units, self.peers, strict=True)]
        )
        for unit in units[:4]:
            self.engine.command([Connect(unit, unit ^ 2)])  # two bridges; 1 and 3, 5 and 7
        buffer = _sound()
        for unit in units[4:8]:
            player = OpenPlayer(unit=unit + 1, fd=0, loop=True, paused=False)
            self.engine.command([player], [os.dup(buffer.fd)])
            self.engine.command([Connect(unit + 1, unit)])
        buffer.close()

    def close(self) -> None:
        for number in range(LEGS):
            self.engine.command([CloseUnit(2 * number + 1)])
        self.tick()
        for peer in self.peers:
            peer.sock.close()

    def tick(self) -> None:
        self.sockets.collect()
        self.events += self.engine.tick(time.monotonic(), time.time())
        for step in range(STEPS):
            self.sockets.flush(step)

    def frame(self) -> list[bytes]:
        """The next frame, however it comes about; what each peer got."""
        if self.cruise is None:
            self.tick()
        else:
            self._frame(self.cruise, 1)
        return [peer.heard() for peer in self.peers]

    def frames(self, count: int) -> None:
        """So many of them, in as few goes as the helper can do them in."""
        assert self.cruise is not None
        while count:
            count -= self._frame(self.cruise, count)

    def _frame(self, cruise: Cruise, most: int) -> int:
        """By the helper, or else one by a tick; either way with the steps that follow."""
        went = cruise.run(self.schedule, min(most, self.engine.steady_frames))
        if went.called:
            self.sockets.collect_others()
        if not went.frames:
            self.schedule.next(0.0)
            self.events += self.engine.tick(time.monotonic(), time.time())
            self.sockets.flush(0)
            cruise.run(self.schedule, 0)
        else:
            self.went += went.frames
            self.engine.went_by(went.frames)
        assert self.schedule.position[1] % STEPS == 0
        return went.frames or 1


@pytest.fixture
def sides() -> Iterator[tuple[Side, Side]]:
    with contextlib.ExitStack() as stack:
        both = Side(cruising=False), Side(cruising=True)
        for side in both:
            stack.callback(side.close)
            side.begin()
        yield both


def test_frames_of_the_helper_are_those_of_ticks(sides: tuple[Side, Side]) -> None:
    chance = random.Random(3)
    for number in range(300):
        values = [chance.randrange(256) for _ in range(LEGS)]
        happens = [chance.random() for _ in range(LEGS)] if number % 3 == 0 else [1.0] * LEGS
        for side in sides:
            for peer, value, fate in zip(side.peers, values, happens, strict=True):
                _say(peer, value, fate)
            all_there()
        assert sides[0].frame() == sides[1].frame(), number
    assert sides[1].went > 50


def test_a_report_on_the_port_of_the_audio_waits_for_the_next_tick(
    sides: tuple[Side, Side],
) -> None:
    _, side = sides
    for number in range(60):
        for peer in side.peers:
            peer.send(peer.say(100))
            if number % 5 == 0:
                peer.send(REPORT)
        all_there()
        side.frame()
    side.engine.command([MeasureLeg(1)])
    side.tick()
    (measured,) = [e.what for e in side.events if isinstance(e.what, LegMeasured)]
    assert measured.statistics.packets_rejected == 0
    assert measured.statistics.packets_received == 59  # the first came before the leg listened
    assert side.went > 20


def _say(peer: Peer, value: int, fate: float) -> None:
    """Mostly the next packet; sometimes none, two, the wrong one, or garbage beside it."""
    packet = peer.say(value)
    if fate < 0.02:
        return
    if fate < 0.04:
        peer.send(peer.say(value))
    if fate < 0.06:
        packet = packet[:1] + b"\x12" + packet[2:]
    if fate < 0.08:
        peer.send(REPORT)
    peer.send(packet)


def _is_report(data: bytes) -> bool:
    return 192 <= data[1] <= 223


def all_there() -> None:
    """Loopback delivers at once; a packet to ourselves, sent last, says that it has."""
    with _bound() as sock, select.epoll() as epoll:
        epoll.register(sock, select.EPOLLIN)
        sock.sendto(b"", sock.getsockname())
        assert epoll.poll(PATIENCE_S)


def _bound() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.settimeout(PATIENCE_S)
    return sock


def _stream(peer: Peer) -> RtpStream:
    host, port = peer.sock.getsockname()
    return RtpStream(
        remote_host=host,
        remote_port=port,
        remote_rtcp_port=port,
        codec="PCMU",
        send_payload_type=0,
        receive_payload_types=frozenset({0}),
        rtcp_mux=True,
    )


def _sound() -> PcmBuffer:
    buffer = PcmBuffer.create(capacity_s=10)
    wave = 8_000 * np.sin(2 * np.pi * 440 * np.arange(8_000 * 3 + 77) / 8_000)
    buffer.append(wave.astype(np.int16))
    buffer.finish()
    return buffer
