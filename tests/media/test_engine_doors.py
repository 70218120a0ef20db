"""The engine on real sockets while its legs' doors and lines change places: no packet of a peer is
lost, none counts twice, and nobody else is heard.

The sockets are real, time is not: what is sent over loopback has come when the engine collects.
"""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import attrs
import pytest

from runtime.media.clock import STEPS
from runtime.media.native.traffic import RESTING, NativeTraffic
from runtime.media.port import LegStatistics, RtpStream
from runtime.media.protocol import (
    ConfigureLeg,
    Connect,
    LegMeasured,
    LegOpened,
    MeasureLeg,
    OpenLeg,
)
from runtime.media.rtp.latching import PROBATION, Address
from runtime.media.rtp.rtcp import ReceiverReport, ReportBlock
from runtime.media.rtp.srtp import Opener, Sealer
from runtime.media.sockets import NewTraffic, UdpSockets
from runtime.media.tick import Capacity, Engine
from runtime.media.traffic import TURNS, PythonTraffic
from tests.e2e.home import has_ipv6
from tests.media.native.helper import helper
from tests.media.packets import Packet
from tests.media.secure import keys, master

pytestmark = pytest.mark.loopback

UNIT: Final = 1
TICK_S: Final = 0.02
NOBODY: Final = ("192.0.2.50", 4000)
"""Where somebody behind NAT says that it is."""
HELD: Final = ("0.0.0.0", 4000)
"""Nowhere: RFC 2543's way to put on hold."""


@attrs.define(eq=False)
class Phone:
    """One stream of audio, from whichever of its sockets it is told to use."""

    sockets: list[socket.socket]
    sealer: Sealer | None = None
    opener: Opener | None = None
    ssrc: int = 0x5EED
    said: int = 0

    def address(self, number: int) -> Address:
        host, port = self.sockets[number].getsockname()
        return host, port

    def say(self, to: Address, number: int = 0, **more: Any) -> None:
        packet = Packet(sequence=1000 + self.said, timestamp=160 * self.said, ssrc=self.ssrc)
        self.said += 1
        packet = attrs.evolve(packet, **more)
        octets = packet.to_bytes()
        self.sockets[number].sendto(self.sealer.rtp(octets) if self.sealer else octets, to)

    def report(self, to: Address, about: int, number: int = 0) -> None:
        block = ReportBlock(
            ssrc=about,
            fraction_lost=128,
            cumulative_lost=7,
            highest_sequence=0,
            jitter=0,
            last_report=0,
            delay=0,
        )
        octets = ReceiverReport(ssrc=self.ssrc, blocks=(block,)).to_bytes()
        self.sockets[number].sendto(self.sealer.rtcp(octets) if self.sealer else octets, to)

    def heard(self, number: int = 0) -> list[Packet]:
        """Audio that came to one of the sockets since the last time."""
        packets = []
        with contextlib.suppress(BlockingIOError):
            while True:
                octets = self.sockets[number].recv(2_000)
                if not 192 <= octets[1] <= 223:
                    plain = self.opener.rtp(octets, 0.0) if self.opener else octets
                    packets.append(Packet.parse(plain))
        return packets


class Lab:
    """One leg of an engine, driven by hand."""

    def __init__(self, new_traffic: NewTraffic, host: str) -> None:
        self.sockets = UdpSockets(host, 0, 0, 4, new_traffic)
        self.engine = Engine(self.sockets, Capacity(legs=4, players=1), random.Random(1).random)
        self.now = 1000.0
        self.engine.command([OpenLeg(UNIT)])
        (opened,) = [e.what for e in self.tick() if isinstance(e.what, LegOpened)]
        self.port = opened.rtp_port
        self.at: Address = ("127.0.0.1", opened.rtp_port)

    def configure(self, remote: Address, **more: Any) -> None:
        stream = RtpStream(
            remote_host=remote[0],
            remote_port=remote[1],
            remote_rtcp_port=remote[1] + 1,
            codec="PCMU",
            send_payload_type=0,
            receive_payload_types=frozenset({0}),
        )
        self.engine.command([ConfigureLeg(UNIT, attrs.evolve(stream, **more))])

    def tick(self, *, collecting: bool = True) -> list[Any]:
        if collecting:
            self.sockets.collect()
        self.now += TICK_S
        events = self.engine.tick(self.now, self.now)
        for slot in range(STEPS):
            self.sockets.flush(slot)
        return events

    def statistics(self) -> LegStatistics:
        """Of all that has come: some of it is read when it is the line's turn."""
        for _ in range(TURNS):
            self.tick()
        self.engine.command([MeasureLeg(UNIT)])
        (measured,) = [e.what for e in self.tick() if isinstance(e.what, LegMeasured)]
        return measured.statistics

    @property
    def received(self) -> int:
        return self.statistics().packets_received


@contextlib.contextmanager
def lab_of(traffic: str, host: str = "127.0.0.1") -> Iterator[Lab]:
    lab = Lab(partial(NativeTraffic, helper()) if traffic == "helper" else PythonTraffic, host)
    try:
        yield lab
    finally:
        lab.engine.close(lab.now, lab.now)


@contextlib.contextmanager
def phone_of(sockets: int = 1, **more: Any) -> Iterator[Phone]:
    with contextlib.ExitStack() as stack:
        bound = [
            stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            for _ in range(sockets)
        ]
        for sock in bound:
            sock.bind(("127.0.0.1", 0))
            sock.setblocking(False)
        yield Phone(bound, **more)


both = pytest.mark.parametrize("traffic", ["python", "helper"])


@both
@pytest.mark.parametrize("host", ["0.0.0.0"] + ["::"] * has_ipv6())
def test_a_peer_that_speaks_to_another_of_our_addresses_than_we_send_from_is_heard(
    traffic: str, host: str
) -> None:
    with lab_of(traffic, host) as lab, phone_of() as phone:
        lab.configure(phone.address(0))
        lab.tick()
        for _ in range(20):
            phone.say(("127.0.0.2", lab.port))
            lab.tick()
        assert lab.received == 20
        assert len(phone.heard()) >= 20


@both
def test_what_comes_while_the_signalled_address_is_believed_is_not_lost(traffic: str) -> None:
    with lab_of(traffic) as lab, phone_of(2) as phone:
        lab.configure(phone.address(0))
        lab.tick()
        for _ in range(PROBATION):
            phone.say(lab.at, 1)
            lab.tick()
        before = lab.received
        phone.heard(0)
        for _ in range(10):
            phone.say(lab.at, 0)
            lab.sockets.collect()
            phone.say(lab.at, 0)  # comes between collecting and aiming
            lab.tick(collecting=False)
        assert len(phone.heard(0)) == 10
        assert lab.received == before + 20
        phone.say(lab.at, 1)
        assert lab.received == before + 20, "the old source is nobody now"


@both
@pytest.mark.parametrize("seed", range(6))
def test_every_packet_counts_once_however_often_the_leg_is_aimed_elsewhere(
    traffic: str, seed: int
) -> None:
    """Offers of other addresses, holds, a NAT in between; packets come at every moment."""
    chance = random.Random(seed)
    with lab_of(traffic) as lab, phone_of(4) as phone, phone_of(ssrc=0xBAD) as stranger:
        lab.configure(phone.address(0))
        lab.tick()
        at, counted = 0, 0
        for _ in range(40):
            kind = chance.choice(("offer", "hold", "nat", "same"))
            if kind == "nat":
                counted += _behind_nat(lab, phone, at := chance.randrange(4), chance)
            elif kind != "same" or not counted:
                if kind == "hold":
                    lab.configure(HELD)
                    lab.tick()
                at = chance.randrange(4)
                lab.configure(phone.address(at))
                lab.tick()
            for _ in range(chance.randrange(1, 5)):
                for _ in range(chance.randrange(3)):
                    stranger.said += 7
                    stranger.say(lab.at)
                for _ in range(chance.randrange(3)):
                    phone.say(lab.at, at)
                    counted += 1
                lab.sockets.collect()
                if chance.random() < 0.3:
                    phone.say(lab.at, at)
                    counted += 1
                lab.tick(collecting=False)
            statistics = lab.statistics()
            assert statistics.packets_received == counted
            assert statistics.packets_duplicated == 0
            for number in range(4):
                phone.heard(number)
            lab.tick()
            assert [len(phone.heard(n)) for n in range(4)] == [int(n == at) for n in range(4)]


def _behind_nat(lab: Lab, phone: Phone, at: int, chance: random.Random) -> int:
    """The peer is found at the socket; how many packets were believed for it."""
    lab.configure((NOBODY[0], chance.randrange(4000, 5000)))
    lab.tick()
    believed = 0
    for number in range(chance.randrange(PROBATION, 2 * PROBATION)):
        phone.say(lab.at, at)
        believed += number >= PROBATION - 1
        if chance.random() < 0.7 or number == PROBATION - 1:
            lab.tick()
    for _ in range(3):
        lab.tick()
    return believed


@both
@pytest.mark.parametrize("nat", [False, True])
@pytest.mark.parametrize("secure", [False, True])
def test_rtcp_beside_the_audio_is_the_peers_by_line_and_by_door(
    traffic: str, nat: bool, secure: bool
) -> None:
    ours, theirs = master(1), master(2)
    secrets: dict[str, Any] = {}
    if secure:
        secrets = {"sealer": Sealer(theirs, 0x5EED, 1000), "opener": Opener(ours)}
    with lab_of(traffic) as lab, phone_of(**secrets) as phone, phone_of(ssrc=0xBAD) as stranger:
        lab.configure(
            NOBODY if nat else phone.address(0),
            remote_rtcp_port=NOBODY[1] if nat else phone.address(0)[1],
            rtcp_mux=True,
            srtp=keys(ours, theirs) if secure else None,
        )
        lab.tick()
        for number in range(PROBATION + 20):
            for _ in range(3 if secure or number >= PROBATION else 0):
                stranger.said += 7
                stranger.say(lab.at)
            phone.say(lab.at)
            lab.tick()
        said = phone.heard()
        assert len(said) >= 20
        assert [p.sequence for p in said] == list(range(said[0].sequence, said[-1].sequence + 1))
        assert lab.statistics().packets_received == 20 + (1 if nat else PROBATION)
        assert lab.statistics().remote_packets_lost is None
        phone.report(lab.at, about=said[0].ssrc)
        lab.tick()
        assert lab.statistics().remote_packets_lost == 7


@both
@pytest.mark.parametrize("pause", [RESTING // 2, 3 * RESTING])
@pytest.mark.parametrize("timed", [True, False])
def test_the_first_word_after_a_silence_is_whole(traffic: str, pause: int, timed: bool) -> None:
    """Without a packet in the pause; the clock of the stream goes on in it, or does not."""
    with lab_of(traffic) as lab, phone_of() as phone:
        lab.configure(phone.address(0))
        lab.engine.command([Connect(UNIT, UNIT)])
        lab.tick()
        for _ in range(100):
            phone.say(lab.at)
            lab.tick()
        for _ in range(pause):
            lab.tick()
        phone.heard()
        word = [bytes([16 * n + 7]) * 160 for n in range(8)]
        begun = 160 * (phone.said + timed * pause)
        for n, payload in enumerate(word):
            phone.say(lab.at, payload=payload, timestamp=begun + 160 * n, marker=n == 0)
            lab.tick()
        for _ in range(3):
            lab.tick()
        heard = [packet.payload for packet in phone.heard()]
        assert [payload for payload in heard if payload in word] == word
        # As ever a frame after it came; after a long silence the engine may learn of it a frame
        # later, too.
        assert heard.index(word[0]) <= 1 + (traffic == "helper" and pause > RESTING)
