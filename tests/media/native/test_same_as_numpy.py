"""Two engines, one with the helper and one without, live through the same random minutes.

After every tick they must have sent the same octets, told the same events, and hold the same rows
and the same state of every leg, bit for bit.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import numpy as np
import pytest

from runtime.media.codec import Law
from runtime.media.native.frame import HEARD, LEGS_PLAYED, NOTHING, PLAYERS_PLAYED, PREPARED
from runtime.media.native.library import Library
from runtime.media.pcm import PcmRing
from runtime.media.protocol import (
    CloseUnit,
    Connect,
    Disconnect,
    HandleTones,
    MuteRecorder,
    PausePlayer,
    ResumePlayer,
    SendDigits,
    TapLeg,
)
from tests.media.native.helper import helper
from tests.media.packets import Packet, sine
from tests.media.rig import Peer, Rig, sound

LEGS = 6
TICKS = 700
STRANGER = ("203.0.113.9", 5000)
SOUND = sound(900, -900, 4000, frames=70, extra=33)
LONG = sound(*range(-3000, 4000, 1000), frames=50, extra=21)
"""Long enough to be played from where it lies."""
RING = PcmRing.create()
KEY_DOWN, KEY_UP = b"\x05\x0a\x00\xa0", b"\x05\x8a\x03\x20"


class Life:
    """A busy engine: what happens in each tick depends on the seed alone."""

    def __init__(self, rig: Rig, seed: int) -> None:
        self.rig = rig
        self.random = random.Random(seed)
        self.peers: dict[int, Peer] = {}
        self.others: list[int] = []
        self.silent: dict[int, int] = {}
        """For how many ticks more a peer says nothing."""
        for _ in range(LEGS):
            self.peers[len(self.peers)] = self.new_peer(len(self.peers))
        self.rooms = [rig.conference() for _ in range(2)]
        self.recorder = rig.recorder(RING)
        for number, peer in enumerate(self.peers.values()):
            rig.connect(rig.player(LONG, loop=number % 2 == 0), peer)

    def new_peer(self, number: int) -> Peer:
        law = self.random.choice(["PCMU", "PCMU", "PCMA"])
        peer = self.rig.peer(
            codec=law,
            send_payload_type=8 if law == "PCMA" else 0,
            ptime_ms=10 if self.random.random() < 0.04 else 20,
            dtmf_send_payload_type=self.random.choice([101, 101, None]),
        )
        peer.number = number
        peer.sequence = self.random.randrange(65_000, 65_536)
        peer.timestamp = 0x100000000 - self.random.randrange(40_000)
        return peer

    def tick(self) -> None:
        if self.random.random() < 0.04:
            self.random.choice(self.acts())()
        for peer in list(self.peers.values()):
            self.say(peer)
        self.rig.tick(skipped=self.random.choice([2, 40]) if self.random.random() < 0.01 else 0)

    # --- packets --------------------------------------------------------------------------------

    def say(self, peer: Peer) -> None:
        """What comes from one peer in this tick: nearly always the next packet in order."""
        if self.silent.get(peer.number, 0):
            self.silent[peer.number] -= 1
            peer.timestamp += 160
            return
        if self.random.random() < 0.95:
            self.next_packet(peer)
            return
        kind = self.random.randrange(14)
        if kind < 3:
            self.lose(peer)
        elif kind == 3:
            self.next_packet(peer)
            peer.sequence, peer.timestamp = peer.sequence - 1, peer.timestamp - 160
            self.next_packet(peer)
        elif kind == 4:
            self.lose(peer)
            self.next_packet(peer)
            peer.sequence, peer.timestamp = peer.sequence - 2, peer.timestamp - 320
            self.next_packet(peer)
            self.lose(peer)
        elif kind == 5:
            for _ in range(self.random.randrange(2, 20)):
                self.next_packet(peer)
        elif kind == 6:
            self.next_packet(peer, self.random.choice([40, 80, 159, 161, 240, 480, 1100]))
        elif kind == 7:
            self.next_packet(peer, marker=True)
        elif kind == 8:
            peer.ssrc += 1
        elif kind == 9:
            peer.timestamp += self.random.choice([80, 160 * 7, 1 << 20, -160 * 3])
        elif kind == 10:
            peer.sequence += self.random.choice([5, 5000, -70])
        elif kind == 11:
            payload = self.random.choice([KEY_DOWN, KEY_UP])
            self.send(peer, peer_packet(peer, payload, payload_type=101))
            peer.sequence += 1
        elif kind == 12:
            self.fall_silent(peer)
        else:
            garbage = self.random.randbytes(self.random.randrange(200))
            self.send(peer, self.random.choice([b"", garbage, b"\x80\x00" + garbage]))
            self.rig.sockets.waiting.append((peer.number, garbage, self.rig.now, STRANGER))

    def next_packet(self, peer: Peer, size: int = 160, **changes: Any) -> None:
        law: Law = "PCMU" if peer.law == "PCMU" and self.random.random() < 0.97 else "PCMA"
        payload = sine(300 + 50 * peer.number, peer.timestamp & 0xFFFF, size, law=law)
        changes.setdefault("payload_type", 8 if law == "PCMA" else 0)
        self.send(peer, peer_packet(peer, payload, **changes))
        peer.sequence += 1
        peer.timestamp += size

    def lose(self, peer: Peer) -> None:
        peer.sequence, peer.timestamp = peer.sequence + 1, peer.timestamp + 160

    def fall_silent(self, peer: Peer) -> None:
        """Comfort noise, and for some ticks nothing else."""
        level = bytes([self.random.choice([0, 40, 70, 127, 200])])
        self.send(peer, peer_packet(peer, level, payload_type=13))
        peer.sequence += 1
        self.silent[peer.number] = self.random.randrange(30)

    def send(self, peer: Peer, data: bytes) -> None:
        connected = self.rig.sockets.aims.get(peer.number, (None, None, False))[2]
        peer.send(data, connected=connected)

    # --- commands -------------------------------------------------------------------------------

    def acts(self) -> list[Callable[[], object]]:
        any_peer = self.random.choice(list(self.peers.values()))
        other = self.random.choice(list(self.peers.values()))
        room, rig = self.random.choice(self.rooms), self.rig
        player = self.random.choice([*self.others, 0])
        muted = self.random.random() < 0.5
        return [
            lambda: rig.connect(other, any_peer),
            lambda: rig.connect(other, any_peer),
            lambda: rig.do(Disconnect(other.unit, any_peer.unit)),
            lambda: rig.do(Connect(any_peer.unit, room), Connect(room, any_peer.unit)),
            lambda: rig.do(Disconnect(room, any_peer.unit), Disconnect(any_peer.unit, room)),
            lambda: self.play(any_peer),
            lambda: self.play(any_peer),
            lambda: rig.do(PausePlayer(player)),
            lambda: rig.do(ResumePlayer(player)),
            lambda: rig.do(CloseUnit(player)),
            lambda: rig.do(SendDigits(any_peer.unit, "12")),
            lambda: rig.do(HandleTones(any_peer.unit, muted)),
            lambda: rig.do(TapLeg(self.recorder, any_peer.unit)),
            lambda: rig.do(MuteRecorder(self.recorder, muted)),
            lambda: rig.reconfigure(any_peer, sending=not any_peer.stream.sending),
            lambda: rig.reconfigure(any_peer, receiving=not any_peer.stream.receiving),
            lambda: rig.reconfigure(any_peer, remote_port=any_peer.stream.remote_port + 2),
            lambda: self.replace(any_peer),
        ]

    def play(self, listener: Peer) -> None:
        chance = self.random.random()
        if chance < 0.3:
            player = self.rig.tone(440.0, 480.0, ms=300, loop=chance < 0.2)
        else:
            marker = 500 if chance < 0.5 else -1
            what = self.random.choice([SOUND, LONG])
            player = self.rig.player(what, loop=chance < 0.8, paused=chance > 0.9, marker=marker)
        self.others = [*self.others[-3:], player]
        self.rig.connect(player, listener)

    def replace(self, peer: Peer) -> None:
        """The leg is closed; its number is taken by another one in the next tick."""
        self.rig.close(peer)
        self.rig.tick()
        self.rig.peers.remove(peer)
        self.peers[peer.number] = self.new_peer(peer.number)


def peer_packet(peer: Peer, payload: bytes, **changes: Any) -> bytes:
    packet = Packet(
        sequence=peer.sequence & 0xFFFF,
        timestamp=peer.timestamp & 0xFFFFFFFF,
        ssrc=peer.ssrc,
        payload=payload,
    )
    return attrs.evolve(packet, **changes).to_bytes()


def state_of(rig: Rig) -> Iterator[tuple[str, bytes]]:
    """All samples and columns of an engine by name."""
    parts = rig.engine._parts
    legs = parts.legs
    yield "rows", parts.frames.samples.tobytes()
    yield "heard", parts.routes.heard.tobytes()
    owners = (legs, legs.reception, legs.following, legs.playout, legs.sending)
    for owner in owners:
        for name, value in vars(owner).items():
            if isinstance(value, np.ndarray):
                yield f"{type(owner).__name__}.{name}", value.tobytes()
    for name in ("missed", "noise_level", "pause_from"):
        yield name, legs.concealment.columns()[name].tobytes()
    yield "clock", str(legs.playout.clock).encode()


def counting(library: Library, stages: dict[int, int], followed: list[int]) -> Library:
    """The helper, noting what it did."""

    def frame(*arguments: Any) -> int:
        done = library.frame(*arguments)
        stages[done] += 1
        return done

    def follow(*arguments: Any) -> int:
        followed.append(library.follow(*arguments))
        return followed[-1]

    return attrs.evolve(library, frame=frame, follow=follow)


@pytest.mark.parametrize("seed", range(4))
def test_both_engines_say_and_hold_the_same_in_every_tick(seed: int) -> None:
    stages = dict.fromkeys((NOTHING, LEGS_PLAYED, PLAYERS_PLAYED, HEARD, PREPARED), 0)
    followed: list[int] = []
    in_place = 0
    library = counting(helper(), stages, followed)
    one, other = Life(Rig(legs=LEGS), seed), Life(Rig(legs=LEGS, library=library), seed)
    for tick in range(TICKS):
        one.tick()
        other.tick()
        assert one.rig.sockets.sent == other.rig.sockets.sent, tick
        assert one.rig.sockets.reports == other.rig.sockets.reports, tick
        assert one.rig.events == other.rig.events, tick
        for (name, expected), (_, found) in zip(
            state_of(one.rig), state_of(other.rig), strict=True
        ):
            assert expected == found, (tick, name)
        in_place += bool(other.rig.engine._parts.players.columns()["run_left"].any())
    # Both ways were gone, so the comparison says something.
    assert sum(followed) > LEGS * TICKS / 4
    assert in_place > TICKS / 4
    assert min(stages[stage] for stage in (NOTHING, PLAYERS_PLAYED, PREPARED)) > 0, stages
