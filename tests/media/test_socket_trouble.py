"""The engine's sockets when routers complain, descriptors run out, and legs come in a storm."""

from __future__ import annotations

import contextlib
import gc
import os
import random
import resource
import socket
import struct
from collections.abc import Iterator
from functools import partial

import attrs
import pytest

from runtime.media.native.traffic import NativeTraffic
from runtime.media.rtp.datagrams import NoPorts
from runtime.media.rtp.latching import Address
from runtime.media.sockets import UdpSockets
from runtime.media.traffic import READS, PythonTraffic
from tests.e2e.home import has_ipv6
from tests.media.native.helper import helper

pytestmark = pytest.mark.loopback

LEGS = 12
STEPS = 600
FRAMES = 1000
PEERS = 3
DESTINATION_UNREACHABLE = 3
PORT_UNREACHABLE, HOST_PROHIBITED, PROHIBITED = 3, 10, 13
"""Kinds of it, that is codes (RFC 1812 5.2.7.1): what closed ports and firewalls answer."""
HOSTS = ["127.0.0.1", "0.0.0.0"] + ["::"] * has_ipv6()


@contextlib.contextmanager
def sockets_of(traffic: str, host: str = "127.0.0.1") -> Iterator[UdpSockets]:
    new_traffic = partial(NativeTraffic, helper()) if traffic == "helper" else PythonTraffic
    yield UdpSockets(host, 0, 0, LEGS, new_traffic)


def open_sockets() -> int:
    """Of this process; who waits for others (epoll) goes when Python finds the time."""
    count = 0
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # what listed them
            count += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
    return count


@contextlib.contextmanager
def only(spare: int) -> Iterator[None]:
    """So many descriptors may be opened beside those that are there."""
    gc.collect()  # what others left is freed now, and not in the middle
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(map(int, os.listdir("/proc/self/fd")))
    with contextlib.ExitStack() as stack:
        # Gaps below are filled, so that the limit says what is left.
        while (filler := os.open("/dev/null", os.O_RDONLY)) < highest:
            stack.callback(os.close, filler)
        os.close(filler)
        resource.setrlimit(resource.RLIMIT_NOFILE, (filler + spare, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextlib.contextmanager
def phones() -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        found = []
        for _ in range(PEERS):
            sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sock.bind(("127.0.0.1", 0))
            sock.setblocking(False)
            found.append(sock)
        yield found


def heard(phone: socket.socket) -> list[bytes]:
    packets = []
    with contextlib.suppress(BlockingIOError):
        while True:
            packets.append(phone.recv(100))
    return packets


def named(sockets: UdpSockets) -> list[tuple[int, bytes, Address | None]]:
    """Leg, packet, and its source if that is told."""
    sockets.collect()
    batch = sockets.take()
    sources = dict(batch.sources)
    return [
        (int(leg), row[:length].tobytes(), sources.get(number))
        for number, (leg, row, length) in enumerate(
            zip(batch.legs, batch.rows, batch.lengths, strict=True)
        )
    ]


both = pytest.mark.parametrize("traffic", ["python", "helper"])


@both
def test_a_peer_that_speaks_from_a_port_where_it_does_not_listen_is_heard(traffic: str) -> None:
    with sockets_of(traffic) as sockets, phones() as (phone, *_):
        rtp, _ = sockets.open(0)
        sockets.listen(0)
        address = phone.getsockname()
        phone.close()
        sockets.aim(0, address, None, exclusive=False)
        sockets.schedule(0, [memoryview(b"audio")])
        for _ in range(3):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
                phone.bind(address)
                phone.sendto(b"said", ("127.0.0.1", rtp))
            sockets.flush(0)
            assert named(sockets) == [(0, b"said", None)]
        sockets.close(0)


@both
@pytest.mark.parametrize("code", [PORT_UNREACHABLE, HOST_PROHIBITED, PROHIBITED])
def test_no_message_of_a_router_takes_the_place_of_a_packet(traffic: str, code: int) -> None:
    with sockets_of(traffic) as sockets, phones() as (phone, *_), router() as icmp:
        rtp, _ = sockets.open(0)
        sockets.listen(0)
        address = phone.getsockname()
        sockets.aim(0, address, address, exclusive=True)
        sockets.schedule(0, [memoryview(b"audio")])
        refusal = _refusal(code, rtp, address[1])
        for _ in range(3):
            phone.sendto(b"said", ("127.0.0.1", rtp))
            icmp.sendto(refusal, ("127.0.0.1", 0))
            assert named(sockets) == [(0, b"said", None)]
            icmp.sendto(refusal, ("127.0.0.1", 0))
            sockets.flush(0)
            icmp.sendto(refusal, ("127.0.0.1", 0))
            sockets.send_report(0, b"report")
            assert heard(phone) == [b"audio", b"report"]
        assert sockets.counters.failed == 0
        sockets.close(0)


@contextlib.contextmanager
def router() -> Iterator[socket.socket]:
    """What ICMP is sent with."""
    try:
        sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    except PermissionError:
        pytest.skip("may not send ICMP: what routers say was NOT tested")
    with sock:
        yield sock


def _refusal(code: int, our_port: int, their_port: int) -> bytes:
    """Destination unreachable (RFC 792), about a packet that we sent them on loopback."""
    loopback = socket.inet_aton("127.0.0.1")
    about = struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, 28, 0, 0, 64, socket.IPPROTO_UDP, 0, loopback, loopback
    ) + struct.pack(">HHHH", our_port, their_port, 8, 0)
    total = (
        sum(struct.unpack(f">{len(about) // 2}H", about)) + (DESTINATION_UNREACHABLE << 8) + code
    )
    checksum = ~(total % 0xFFFF) & 0xFFFF
    return struct.pack(">BBHI", DESTINATION_UNREACHABLE, code, checksum, 0) + about


@both
@pytest.mark.parametrize("exclusive", [False, True])
def test_a_leg_without_a_descriptor_for_its_line_speaks_and_hears_by_its_door(
    traffic: str, exclusive: bool
) -> None:
    with sockets_of(traffic) as sockets, phones() as (old, new, _):
        rtp, _ = sockets.open(0)
        at = ("127.0.0.1", rtp)
        sockets.listen(0)
        sockets.schedule(0, [memoryview(b"audio")])
        sockets.aim(0, old.getsockname(), None, exclusive=exclusive)
        old.sendto(b"waits", at)
        with only(1):  # what the line leaves is taken by others
            taken = os.open("/dev/null", os.O_RDONLY)
            if not exclusive:
                sockets.aim(0, None, None, exclusive=False)
                other = os.open("/dev/null", os.O_RDONLY)
            sockets.aim(0, new.getsockname(), None, exclusive=exclusive)
            new.sendto(b"new", at)
            old.sendto(b"old", at)
            sockets.flush(0)
            assert heard(new) == [b"audio"]
            told = named(sockets)
            waited = [(0, b"waits", old.getsockname())] if exclusive else []
            assert told == [
                *waited,
                (0, b"new", new.getsockname()),
                (0, b"old", old.getsockname()),
            ]
            os.close(taken)
            if not exclusive:
                os.close(other)
        sockets.aim(0, new.getsockname(), None, exclusive=exclusive)
        new.sendto(b"again", at)
        old.sendto(b"again", at)
        assert named(sockets) == [(0, b"again", None)] + [(0, b"again", old.getsockname())] * (
            not exclusive
        )
        sockets.close(0)


@attrs.define(eq=False)
class Storm:
    """Legs that are opened, aimed and closed at random, and where each of them is."""

    sockets: UdpSockets
    phones: list[socket.socket]
    chance: random.Random
    ports: dict[int, int] = attrs.field(factory=dict)
    aims: dict[int, tuple[int, bool]] = attrs.field(factory=dict)
    """By leg: which of the phones, and whether that alone may be heard."""

    def step(self) -> None:
        leg = self.chance.randrange(LEGS)
        if leg not in self.ports:
            with contextlib.suppress(NoPorts):
                self.ports[leg], _ = self.sockets.open(leg)
                self.sockets.listen(leg)
                self.sockets.schedule(leg, [memoryview(b"leg %02d" % leg)])
                self.aim(leg)
        elif self.chance.random() < 0.8:
            self.aim(leg)
        else:
            self.close(leg)

    def aim(self, leg: int) -> None:
        phone, exclusive = self.chance.randrange(-1, PEERS), self.chance.random() < 0.4
        self.aims[leg] = phone, exclusive
        target = self.phones[phone].getsockname() if phone >= 0 else None
        self.sockets.aim(leg, target, target, exclusive=exclusive)

    def close(self, leg: int) -> None:
        self.sockets.unschedule(leg)
        self.sockets.close(leg)
        del self.ports[leg], self.aims[leg]

    def check(self) -> None:
        """Everybody says one thing to every leg, and every leg one to whom it is aimed at."""
        named(self.sockets)
        for phone in self.phones:
            heard(phone)
        for number, phone in enumerate(self.phones):
            for port in self.ports.values():
                phone.sendto(b"phone %d" % number, ("127.0.0.1", port))
        told = [entry for _ in range(READS) for entry in named(self.sockets)]
        for leg, (aimed, exclusive) in self.aims.items():
            for number, phone in enumerate(self.phones):
                source = [
                    s for whose, what, s in told if (whose, what) == (leg, b"phone %d" % number)
                ]
                if number == aimed:
                    assert source in ([None], [phone.getsockname()])
                elif exclusive and aimed >= 0 and source == []:
                    continue
                else:
                    assert source == [phone.getsockname()]
        for slot in range(4):
            self.sockets.flush(slot)
        for number, phone in enumerate(self.phones):
            aimed_here = [b"leg %02d" % n for n, (at, _) in self.aims.items() if at == number]
            assert sorted(heard(phone)) == sorted(aimed_here)


@both
@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("spare", [LEGS, 100])
def test_in_a_storm_of_legs_nothing_is_lost_and_no_descriptor_stays(
    traffic: str, host: str, spare: int
) -> None:
    with phones() as found, sockets_of(traffic, host) as sockets:
        before = open_sockets()
        storm = Storm(sockets, found, random.Random(spare))
        with only(spare):
            for number in range(STEPS):
                storm.step()
                if number % 10 == 0:
                    storm.check()
            for leg in list(storm.ports):
                storm.close(leg)
        assert open_sockets() == before
        assert sockets.counters.failed == 0


@both
@pytest.mark.parametrize("seed", range(3))
def test_what_comes_between_any_two_steps_is_read_in_order_and_no_frame_too_late(
    traffic: str, seed: int
) -> None:
    """Words with silences of seconds between them, to legs that send one packet a frame, or two,
    or none. The first frame of a word may be learned of a frame later, nothing else."""
    chance, said = random.Random(seed), 0
    word, begun = [0] * PEERS, [0] * PEERS
    sent: dict[bytes, tuple[int, bool]] = {}
    with sockets_of(traffic) as sockets, phones() as found:
        for leg, phone in enumerate(found):
            rtp, _ = sockets.open(leg)
            sockets.listen(leg)
            sockets.aim(leg, phone.getsockname(), None, exclusive=leg > 0)
            if leg:
                sockets.schedule(leg, [memoryview(b"audio")] * leg)
            phone.connect(("127.0.0.1", rtp))
        for frame in range(FRAMES):
            for leg, packet, _ in named(sockets):
                assert packet == next(p for p in sent if p[0] == leg), "in order"
                late, first = frame - 1 - sent[packet][0], sent.pop(packet)[1]
                assert late <= (first and traffic == "helper")
            for slot in range(4):
                sockets.flush(slot)
                for leg, phone in enumerate(found):
                    if not word[leg] and chance.random() < 0.003:
                        word[leg], begun[leg] = chance.randrange(2, 40), FRAMES
                    if word[leg] and slot in ((1, 3) if leg == 1 else (leg,)):
                        packet = bytes([leg]) + said.to_bytes(4) + bytes(81 if leg == 1 else 167)
                        begun[leg] = min(begun[leg], frame)
                        sent[packet] = frame, frame == begun[leg]
                        phone.send(packet)
                        said, word[leg] = said + 1, word[leg] - 1
            for phone in found:
                heard(phone)
        for leg in range(PEERS):
            sockets.unschedule(leg)
            sockets.close(leg)
    assert said > 100
