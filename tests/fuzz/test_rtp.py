"""RTP and RTCP parsers, the playout and the whole engine under random and mutated packets."""

from __future__ import annotations

import itertools
import random
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.media.codecs.table import FORMATS
from runtime.media.dtmf import EventReceiver, PressEnded
from runtime.media.port import LegClosed
from runtime.media.protocol import HandleTones
from runtime.media.rtp.header import MAX_PACKET, parse_headers
from runtime.media.rtp.rtcp import ReceiverReport, parse_compound
from tests.media.packets import Packet, rows_of
from tests.media.rig import FakeSockets, Rig, q
from tests.media.secure import SecurePeer
from tests.media.speaker import CODED, TABLE, TYPES, Speaker

ROUNDS = 400


@given(st.lists(st.binary(max_size=MAX_PACKET + 10), max_size=8))
def test_no_header_claims_octets_that_are_not_there(packets: list[bytes]) -> None:
    rows, lengths = rows_of(packets)
    headers = parse_headers(rows, lengths)
    for n, data in enumerate(packets):
        if headers.valid[n]:
            assert 12 <= headers.offset[n] <= len(data) < MAX_PACKET
            assert 0 <= headers.size[n] <= len(data) - headers.offset[n]
            assert data[0] >> 6 == 2


@given(st.binary(max_size=200), st.integers(0, 255))
def test_rtcp_of_any_octets_is_parsed_or_ignored(data: bytes, first: int) -> None:
    parse_compound(data)
    parse_compound(bytes([first, 200]) + data)
    parse_compound(bytes([first, 201, 0, len(data) // 4]) + data[: len(data) // 4 * 4])


@settings(max_examples=50)
@given(st.integers(0, 2**32))
def test_events_of_any_octets_never_make_more_presses_than_fingers(seed: int) -> None:
    generator = random.Random(seed)
    receiver = EventReceiver()
    ends = 0
    for n in range(500):
        payload = generator.randbytes(generator.choice((0, 3, 4, 4, 4, 5)))
        timestamp = generator.choice((0, 160, 65440, generator.getrandbits(32)))
        out = receiver.on_packet(payload, timestamp, n + generator.randint(-5, 5), n * 0.01)
        out += receiver.on_time(n * 0.01)
        ends += sum(isinstance(item, PressEnded) for item in out)
    assert ends <= 32 + 5 * 25 + 1


def mutated(generator: random.Random, good: bytes) -> bytes:
    """A packet with some octets changed, cut, or made longer."""
    data = bytearray(good)
    for _ in range(generator.randint(0, 4)):
        if data:
            data[generator.randrange(min(len(data), 20))] = generator.getrandbits(8)
    if generator.random() < 0.2:
        del data[generator.randrange(len(data) + 1) :]
    if generator.random() < 0.2:
        data += generator.randbytes(generator.choice((1, 4, 100, 1500)))
    return bytes(data)


def hostile_packet(generator: random.Random, n: int) -> bytes:
    good = Packet(
        sequence=generator.choice((n, n, n, n - 3, generator.getrandbits(16))),
        timestamp=generator.choice((160 * n, 160 * n, 80 * n, generator.getrandbits(32))),
        ssrc=generator.choice((1, 1, 1, generator.getrandbits(32))),
        payload_type=generator.choice((0, 0, 0, 8, 101, 13, generator.getrandbits(7))),
        payload=generator.randbytes(generator.choice((160, 160, 160, 80, 240, 480, 4, 0, 900))),
    ).to_bytes()
    return mutated(generator, good) if generator.random() < 0.5 else good


def check(rig: Rig, sockets: FakeSockets) -> None:
    """Whatever came in, what goes out is numbered and complete."""
    for peer in rig.peers:
        sent = sockets.sent[peer.number]
        assert len(sent) == 1
        assert len(sent[0]) in (172, 16)
    heard = rig.peers[-1].heard
    numbers = [(p.sequence - heard[0].sequence) & 0xFFFF for p in heard]
    assert numbers == list(range(len(heard)))


def test_the_engine_survives_hostile_packets_on_every_leg() -> None:
    generator = random.Random(4733)
    rig = Rig()
    peers = [rig.peer() for _ in range(5)]
    room = rig.conference()
    for one, two in itertools.pairwise(peers):
        rig.connect(one, two)
    rig.connect(peers[3], room)
    rig.connect(room, peers[0])
    rig.do(HandleTones(peers[1].unit, True))
    for n in range(ROUNDS):
        for peer in peers[:4]:
            for _ in range(generator.choice((0, 1, 1, 1, 2, 8))):
                source = generator.choice((None, None, None, ("203.0.113.9", 5)))
                peer.send(hostile_packet(generator, n), source, connected=generator.random() < 0.3)
        if generator.random() < 0.3:
            data: Any = mutated(generator, b"\x81\xc8\x00\x0c" + generator.randbytes(48))
            rig.sockets.reports_waiting.append((generator.randrange(8), data, ("192.0.2.1", 1)))
        # The last leg behaves, and is heard whatever the others do.
        peers[4].say_level(500)
        rig.tick(skipped=generator.choice((0, 0, 0, 0, 0, 0, 0, 3)))
        check(rig, rig.sockets)
    for peer in peers:
        rig.close(peer)
    rig.tick()
    assert rig.engine.legs == 0


def test_an_encrypted_leg_hears_its_peer_through_hostile_packets() -> None:
    generator = random.Random(3711)
    rig = Rig()
    peer, listener = SecurePeer.join(rig, rtcp_mux=True, remote_rtcp_port=4000), rig.peer()
    rig.connect(peer.leg, listener)
    report = ReceiverReport(ssrc=peer.leg.ssrc).to_bytes()
    for n in range(ROUNDS):
        good = peer.say(2000)
        for _ in range(generator.choice((0, 1, 2, 8))):
            bad = generator.choice((hostile_packet(generator, n), mutated(generator, good)))
            peer.leg.send(bad, generator.choice((None, ("203.0.113.9", 5))))
        if n % 10 == 0:
            peer.leg.send(mutated(generator, peer.sealer.rtcp(report)))
        peer.tick()
    assert set(listener.samples[-20 * 160 :]) == {q(2000)}
    rig.close(peer.leg)
    rig.tick()
    closed = rig.told(peer.leg)[-1]
    assert isinstance(closed, LegClosed)
    assert closed.statistics.packets_received == ROUNDS


def test_the_engine_keeps_its_size_under_a_flood() -> None:
    rig = Rig(legs=1)
    peer = rig.peer()
    rig.tick()
    tables = [
        value.nbytes
        for value in vars(rig.engine._parts.legs.playout).values()
        if isinstance(value, np.ndarray)
    ]
    for n in range(2000):
        for k in range(8):
            peer.send(Packet(sequence=8 * n + k, timestamp=80 * (8 * n + k)).to_bytes())
        rig.tick()
    assert tables == [
        value.nbytes
        for value in vars(rig.engine._parts.legs.playout).values()
        if isinstance(value, np.ndarray)
    ]
    assert len(rig.engine._events) == 0


def of_a_codec(generator: random.Random, codec: str, n: int) -> bytes:
    """A packet of a stream that goes on with jumps, whose payloads last from nothing to 150 ms."""
    step = FORMATS[codec].step
    good = Packet(
        sequence=n & 0xFFFF,
        timestamp=step * (n + generator.choice((0, 0, 0, 0, 1, -1, 3))) - generator.choice((0, 9)),
        payload_type=generator.choice((*[TYPES[codec]] * 9, 13)),
        payload=generator.randbytes(generator.choice((0, 1, 3, 33, 80, 160, 320, 640, 1200))),
    ).to_bytes()
    return mutated(generator, good) if generator.random() < 0.1 else good


def test_the_engine_survives_hostile_peers_of_every_codec() -> None:
    generator = random.Random(3550)
    rig = Rig(codecs=TABLE)
    speakers = [Speaker.on(rig, codec).peer for codec in CODED]
    listener = rig.peer()
    room = rig.conference()
    for peer in speakers:
        rig.connect(peer, room)
    rig.connect(room, listener)
    said = 0
    for _ in range(2 * ROUNDS):
        for peer in speakers:
            for _ in range(generator.choice((0, 1, 1, 1, 2, 4))):
                said += 1
                peer.send(of_a_codec(generator, peer.stream.codec, said // len(speakers)))
        rig.tick()
    assert len(listener.heard) == 2 * ROUNDS
