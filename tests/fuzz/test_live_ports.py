"""Real ports of the engine under fire while witnesses talk through them: no tone may break.

The sockets are real, time is not: in each round every witness sends its next packet, everybody else
sends whatever comes to mind, and the engine makes one tick once the witnesses' packets have come.
So the outcome does not depend on how fast the machine is.
"""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import attrs
import numpy as np
import pytest

from runtime.media.clock import STEPS
from runtime.media.native.traffic import NativeTraffic
from runtime.media.port import RtpStream
from runtime.media.protocol import Command, ConfigureLeg, Connect, LegOpened, OpenLeg
from runtime.media.rtp.latching import PROBATION
from runtime.media.rtp.rtcp import ReceiverReport
from runtime.media.rtp.srtp import Opener, Sealer
from runtime.media.sockets import NewTraffic, UdpSockets
from runtime.media.tick import Capacity, Engine
from runtime.media.traffic import PythonTraffic
from tests.media.native.helper import helper
from tests.media.packets import Packet, decoded, sine
from tests.media.secure import keys, master

pytestmark = pytest.mark.loopback

ROUNDS: Final = 2000
CAP_S: Final = 20.0
"""Of fuzzing; on a slow machine fewer rounds are made."""
SHOTS: Final = 12
"""Packets of the strangers in a round; as many fit into the kernel's buffer of a leg."""
PATIENCE_S: Final = 30.0
STRANGE_HOSTS: Final = ("127.0.0.1", "127.0.0.2")
NOBODY: Final = "192.0.2.50"
"""Where the one behind NAT said it would be."""
Make = Callable[[random.Random, int], bytes]


@attrs.define(eq=False)
class Witness:
    """Sends a tone and keeps what it hears; `secret` seals and opens."""

    frequency: float
    sock: socket.socket
    unit: int
    port: int = 0
    sealer: Sealer | None = None
    opener: Opener | None = None
    said: int = 0
    heard: list[bytes] = attrs.field(factory=list)
    wire: bytes = b""
    """The last packet as it was sent."""

    def say(self) -> None:
        packet = Packet(
            sequence=self.said & 0xFFFF,
            timestamp=160 * self.said,
            ssrc=round(self.frequency),
            payload=sine(self.frequency, 160 * self.said),
        ).to_bytes()
        self.said += 1
        self.wire = self.sealer.rtp(packet) if self.sealer else packet
        self.sock.sendto(self.wire, ("127.0.0.1", self.port))

    def listen(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                data = self.sock.recv(2000)
                if data[1] & 0x7F == 0:
                    plain = self.opener.rtp(data, 0.0) if self.opener else data
                    self.heard.append(Packet.parse(plain).payload)


class Lab:
    """The engine on real sockets, driven by hand."""

    def __init__(self, new_traffic: NewTraffic) -> None:
        self.sockets = UdpSockets("127.0.0.1", 0, 0, 8, new_traffic)
        self.engine = Engine(self.sockets, Capacity(legs=8, players=1), random.Random(1).random)
        self.witnesses: list[Witness] = []
        self._units = iter(range(1, 100))

    def witness(self, frequency: float, *, secure: bool = False, nat: bool = False) -> Witness:
        unit = next(self._units)
        self.engine.command([OpenLeg(unit)])
        sock = telephone("127.0.0.1")
        witness = Witness(frequency, sock, unit)
        srtp = None
        if secure:
            ours, theirs = master(2 * unit), master(2 * unit + 1)
            srtp = keys(ours, theirs)
            witness.sealer = Sealer(theirs, round(frequency), 0)
            witness.opener = Opener(ours)
        stream = RtpStream(
            remote_host=NOBODY if nat else "127.0.0.1",
            remote_port=sock.getsockname()[1],
            remote_rtcp_port=sock.getsockname()[1] + 1,
            codec="PCMU",
            send_payload_type=0,
            receive_payload_types=frozenset({0}),
            dtmf_send_payload_type=101,
            dtmf_receive_payload_type=101,
            srtp=srtp,
        )
        self.do(ConfigureLeg(unit, stream))
        for event in self.tick():
            if event.unit == unit and isinstance(event.what, LegOpened):
                witness.port = event.what.rtp_port
        assert witness.port
        self.witnesses.append(witness)
        return witness

    def do(self, *commands: Command) -> None:
        self.engine.command(commands)

    def round(self, shots: list[tuple[socket.socket, int, bytes]]) -> None:
        """Everybody speaks, one tick."""
        for shooter, port, data in shots[::2]:
            shooter.sendto(data, ("127.0.0.1", port))
        for witness in self.witnesses:
            witness.say()
        for shooter, port, data in shots[1::2]:
            shooter.sendto(data, ("127.0.0.1", port))
        # Loopback delivers at once: when nothing is readable any more, all has come.
        while self.sockets.collect(0.0):
            pass
        self.tick()
        for witness in self.witnesses:
            witness.listen()

    def tick(self) -> list:  # type: ignore[type-arg]
        now = time.monotonic()
        events = self.engine.tick(now, now)
        for slot in range(STEPS):
            self.sockets.flush(slot)
        return events

    def close(self) -> None:
        self.engine.close(time.monotonic(), time.monotonic())
        for witness in self.witnesses:
            witness.sock.close()


def telephone(host: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((host, 0))
    sock.setblocking(False)
    return sock


@pytest.fixture(params=["python", "helper"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """Read and written by Python, and by the compiled helper."""
    native = request.param == "helper"
    made = Lab(partial(NativeTraffic, helper()) if native else PythonTraffic)
    yield made
    made.close()


def rtp(generator: random.Random, n: int) -> bytes:
    return Packet(
        sequence=generator.choice((n, n + 1, generator.getrandbits(16))) & 0xFFFF,
        timestamp=generator.choice((160 * n, generator.getrandbits(32))),
        ssrc=generator.choice((440, 620, 880, generator.getrandbits(32))),
        payload_type=generator.choice((0, 0, 0, 8, 13, 101, generator.getrandbits(7))),
        marker=generator.random() < 0.3,
        payload=generator.randbytes(generator.choice((0, 4, 80, 160, 160, 240, 1400))),
    ).to_bytes()


def rtcp(generator: random.Random, _: int) -> bytes:
    kind, ssrc = generator.randrange(192, 224), generator.choice((440, 620, 880, 1))
    words = generator.choice((0, 1, 1, 6, 12, 65535))
    head = struct.pack(">BBHI", 0x80 | generator.getrandbits(5), kind, words, ssrc)
    return generator.choice((ReceiverReport(ssrc=ssrc).to_bytes(), head)) + generator.randbytes(
        4 * generator.randrange(20)
    )


def srtp(generator: random.Random, n: int) -> bytes:
    """Like a sealed packet, with a tag that nobody has made."""
    return rtp(generator, n) + generator.randbytes(generator.choice((4, 10, 16)))


def stun(generator: random.Random, _: int) -> bytes:
    size = generator.choice((0, 8, 20, 65_532))
    kind = generator.choice((0x0001, 0x0101, 0x0111, 0x0003))
    head = struct.pack(">HHI", kind, size, generator.choice((0x2112A442, 0)))
    return head + generator.randbytes(12 + generator.randrange(60))


def noise(generator: random.Random, _: int) -> bytes:
    return generator.randbytes(generator.randrange(2000))


KINDS: Final[tuple[Make, ...]] = (rtp, rtcp, srtp, stun, noise)


def mutated(generator: random.Random, data: bytes) -> bytes:
    octets = bytearray(data)
    for _ in range(generator.randint(1, 4)):
        octets[generator.randrange(min(len(octets), 24))] ^= 1 << generator.randrange(8)
    return bytes(octets)


def shots(
    generator: random.Random, n: int, strangers: list[socket.socket], witnesses: list[Witness]
) -> list[tuple[socket.socket, int, bytes]]:
    """At any RTP or RTCP port, anything; among it what witnesses said, changed or said again."""
    fired = []
    for _ in range(SHOTS):
        aimed = generator.choice(witnesses)
        makes: list[Make] = [*KINDS]
        if aimed.wire:
            makes += [lambda _, __, wire=aimed.wire: wire]  # type: ignore[misc]
            makes += [lambda g, _, wire=aimed.wire: mutated(g, wire)]  # type: ignore[misc]
        data = generator.choice(makes)(generator, n)
        fired.append((generator.choice(strangers), aimed.port + (generator.random() < 0.3), data))
    return fired


def check_tone(witness: Witness, frequency: float) -> None:
    """Every 20 ms that were heard since the beginning are those of the tone, in order."""
    samples = np.array([s for part in witness.heard for s in decoded(part, "PCMU")], dtype=float)
    first = int(np.flatnonzero(np.abs(samples) > 4000)[0]) // 160 + 1
    frames = samples[160 * first :].reshape(-1, 160)
    at = np.arange(160) / 8000
    phasors = frames @ np.exp(-2j * np.pi * frequency * at) / 80
    assert np.abs(np.abs(phasors) - 8000).max() < 150
    steps = np.angle(phasors[1:] / phasors[:-1])
    expected = np.angle(np.exp(2j * np.pi * frequency * 0.02))
    assert np.abs(np.angle(np.exp(1j * (steps - expected)))).max() < 0.02


def test_no_tone_breaks_while_strangers_fire_at_every_port(lab: Lab) -> None:
    generator = random.Random(20261)
    plain = lab.witness(450)
    behind_nat = lab.witness(600, nat=True)
    secure = lab.witness(850, secure=True)
    secure_nat = lab.witness(1100, secure=True, nat=True)
    for one, other in ((plain, behind_nat), (secure, secure_nat)):
        lab.do(Connect(one.unit, other.unit), Connect(other.unit, one.unit))
    for _ in range(2 * PROBATION):
        lab.round([])
    strangers = [telephone(STRANGE_HOSTS[n % 2]) for n in range(6)]
    until = time.monotonic() + CAP_S
    rounds = 0
    while rounds < ROUNDS and time.monotonic() < until:
        lab.round(shots(generator, rounds, strangers, lab.witnesses))
        rounds += 1
    for stranger in strangers:
        # Nobody answered: not to STUN, and no audio went astray.
        with pytest.raises(BlockingIOError):
            stranger.recv(2000)
        stranger.close()
    assert all(len(witness.heard) >= rounds for witness in lab.witnesses)
    check_tone(plain, 600)
    check_tone(behind_nat, 450)
    check_tone(secure, 1100)
    check_tone(secure_nat, 850)


def test_a_peer_that_sends_garbage_itself_breaks_nobody_elses_tone(lab: Lab) -> None:
    generator = random.Random(20262)
    one, other, mad = lab.witness(450), lab.witness(600), lab.witness(850)
    lab.do(Connect(one.unit, other.unit), Connect(other.unit, one.unit))
    lab.do(Connect(mad.unit, mad.unit))
    for _ in range(PROBATION):
        lab.round([])
    until = time.monotonic() + CAP_S / 2
    for n in range(ROUNDS):
        garbage = [generator.choice(KINDS)(generator, n) for _ in range(SHOTS)]
        ports = [mad.port + (generator.random() < 0.3) for _ in range(SHOTS)]
        lab.round([(mad.sock, port, data) for port, data in zip(ports, garbage, strict=True)])
        if time.monotonic() > until:
            break
    check_tone(one, 600)
    check_tone(other, 450)
