"""Minutes of commands at random: who begins, pauses, starves, is recorded or hung up right after
frames that went by in the helper sounds, octet for octet, as after ticks.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Final

import attrs
import numpy as np
import pytest

from runtime.media.frames import Samples
from runtime.media.pcm import PcmBuffer, PcmRing, PcmState
from runtime.media.protocol import (
    AddMarker,
    CloseUnit,
    Command,
    Connect,
    Disconnect,
    OpenConference,
    OpenPlayer,
    OpenRecorder,
    OpenTonePlayer,
    PausePlayer,
    ResumePlayer,
    TapLeg,
)
from runtime.media.tone_script import ToneScript, ToneStep

from .test_cruise import LEGS, Side, all_there

pytestmark = pytest.mark.loopback

TURNS: Final = 120
MOST_FRAMES: Final = 9
"""Between two turns; more are never computed without a tick."""
MOST_PLAYERS: Final = LEGS - 4
"""Beside those that both sides begin with."""
LEG_UNITS: Final = tuple(2 * number + 1 for number in range(LEGS))


@attrs.define(eq=False)
class Life:
    """What happens to both sides alike."""

    sides: tuple[Side, Side]
    chance: random.Random
    players: dict[int, PcmBuffer | None] = attrs.field(factory=dict)
    conferences: list[int] = attrs.field(factory=list)
    recorders: dict[int, tuple[PcmRing, PcmRing]] = attrs.field(factory=dict)
    recorded: int = 0
    """Samples that were compared."""
    units: Iterator[int] = attrs.field(factory=lambda: iter(range(101, 10_000, 2)))

    def do(self, *commands: Command, fds: Sequence[int] = ()) -> None:
        for side in self.sides:
            side.engine.command(list(commands), [os.dup(fd) for fd in fds])

    def happen(self) -> None:
        """One thing of many."""
        playing = (self.open_sound, self.open_tone, self.pause, self.resume, self.resume, self.stop)
        hearing = (self.connect, self.disconnect, self.open_conference, self.record)
        self.chance.choice((*playing, *hearing, self.feed, self.feed))()

    # --- players --------------------------------------------------------------------------------

    def open_sound(self) -> None:
        if len(self.players) < MOST_PLAYERS:
            unit, buffer = next(self.units), PcmBuffer.create(capacity_s=60)
            growing = self.chance.random() < 0.5
            buffer.append(self.wave(4_000 if growing else 40_000))
            if not growing:
                buffer.finish()
            loop, paused = self.chance.random() < 0.3, self.chance.random() < 0.2
            self.do(OpenPlayer(unit=unit, fd=0, loop=loop, paused=paused), fds=(buffer.fd,))
            self.players[unit] = buffer
            if self.chance.random() < 0.2:
                self.do(AddMarker(unit, self.chance.randrange(2_000)))
            self.do(Connect(unit, self.chance.choice(LEG_UNITS)))

    def open_tone(self) -> None:
        if len(self.players) < MOST_PLAYERS:
            unit, duration_ms = next(self.units), self.chance.randrange(30, 900)
            step = ToneStep(frequencies_hz=(440.0, 620.0), duration_ms=duration_ms)
            script = ToneScript(label="test", steps=(step,), loop=self.chance.random() < 0.5)
            self.do(OpenTonePlayer(unit=unit, script=script, paused=False))
            self.do(Connect(unit, self.chance.choice(LEG_UNITS)))
            self.players[unit] = None

    def feed(self) -> None:
        """A sound that is still being spoken goes on; perhaps that was all, or it breaks off."""
        growing = [b for b in self.players.values() if b and b.state is PcmState.FILLING]
        if growing:
            buffer = self.chance.choice(growing)
            buffer.append(self.wave(6_000))
            if self.chance.random() < 0.3:
                buffer.finish(failed=self.chance.random() < 0.2)

    def wave(self, most: int) -> Samples:
        times = np.arange(self.chance.randrange(1, most)) / 8_000
        return (9_000 * np.sin(self.chance.randrange(600, 6_000) * times)).astype(np.int16)

    def pause(self) -> None:
        if self.players:
            self.do(PausePlayer(self.chance.choice(list(self.players))))

    def resume(self) -> None:
        if self.players:
            self.do(ResumePlayer(self.chance.choice(list(self.players))))

    def stop(self) -> None:
        if self.players:
            unit = self.chance.choice(list(self.players))
            self.do(CloseUnit(unit))
            if buffer := self.players.pop(unit):
                buffer.close()

    # --- hearing --------------------------------------------------------------------------------

    def connect(self) -> None:
        source = self.chance.choice([*LEG_UNITS, *self.players, *self.conferences])
        sink = self.chance.choice([*LEG_UNITS, *self.conferences])
        if source != sink:
            self.do(Connect(source, sink))

    def disconnect(self) -> None:
        source = self.chance.choice([*LEG_UNITS, *self.players])
        self.do(Disconnect(source, self.chance.choice(LEG_UNITS)))

    def open_conference(self) -> None:
        unit = next(self.units)
        self.conferences.append(unit)
        self.do(OpenConference(unit), Connect(self.chance.choice(LEG_UNITS), unit))
        self.do(Connect(unit, self.chance.choice(LEG_UNITS)))

    def record(self) -> None:
        unit = next(self.units)
        self.recorders[unit] = rings = PcmRing.create(), PcmRing.create()
        for side, ring in zip(self.sides, rings, strict=True):
            side.engine.command([OpenRecorder(unit=unit, fd=0)], [os.dup(ring.fd)])
        self.do(TapLeg(unit, self.chance.choice(LEG_UNITS)))

    def end_some(self) -> None:
        """Nothing goes by without a tick beside a conference or a recording: they are short."""
        while self.conferences:
            self.do(CloseUnit(self.conferences.pop()))
        self.do(*(CloseUnit(unit) for unit in self.recorders))

    # --- time -----------------------------------------------------------------------------------

    def go_on(self, frames: int) -> None:
        """One by one while legs speak, otherwise as many at once as there may be."""
        ticks, helper = self.sides
        if self.chance.random() < 0.5:
            for _ in range(frames):
                for number in range(LEGS):
                    value, speaks = self.chance.randrange(256), self.chance.random() < 0.995
                    for side in self.sides:
                        packet = side.peers[number].say(value)
                        side.peers[number].send(packet if speaks else b"")
                all_there()
                assert ticks.frame() == helper.frame()
        else:
            heard = [ticks.frame() for _ in range(frames)]
            helper.frames(frames)
            assert [[peer.heard() for peer in helper.peers] for _ in range(frames)] == heard
        self.compare_recordings()

    def compare_recordings(self) -> None:
        for unit, (ours, theirs) in list(self.recorders.items()):
            (samples, _), (others, _) = ours.read(), theirs.read()
            assert np.array_equal(samples, others)
            self.recorded += samples.size
            if ours.closed:
                ours.close()
                theirs.close()
                del self.recorders[unit]

    def close(self) -> None:
        while self.players:
            self.stop()
        self.end_some()
        self.go_on(1)


@pytest.fixture
def sides() -> Iterator[tuple[Side, Side]]:
    with ExitStack() as stack:
        both = Side(cruising=False), Side(cruising=True)
        for side in both:
            stack.callback(side.close)
            side.begin()
        yield both


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_after_frames_of_the_helper_sounds_as_after_ticks(
    sides: tuple[Side, Side], seed: int
) -> None:
    life = Life(sides, random.Random(seed))
    for _ in range(TURNS):
        if life.chance.random() < 0.7:
            life.happen()
        life.go_on(life.chance.randrange(1, MOST_FRAMES + 1))
        life.end_some()
    life.close()
    assert sides[1].went > 50
    assert life.recorded > 0
