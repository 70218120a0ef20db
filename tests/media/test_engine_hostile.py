"""Packets nobody should send: counted, never heard, never an exception."""

from __future__ import annotations

import gc

import pytest

from runtime.media.pcm import PcmRing
from runtime.media.port import LegClosed, LegStatistics
from runtime.media.protocol import (
    ConfigureLeg,
    Connect,
    HandleTones,
    OpenLeg,
    SendDigits,
    TapLeg,
)
from runtime.media.rtp.header import MAX_PACKET
from runtime.media.rtp.latching import PROBATION
from tests.media.packets import Packet, level
from tests.media.rig import Peer, Rig, q

THIEF = ("203.0.113.9", 5000)
RING = PcmRing.create()
NAT = ("198.51.100.7", 61000)


def packet(n: int, value: int = 8000, ssrc: int = 0xBAD) -> bytes:
    return Packet(
        sequence=n & 0xFFFF, timestamp=160 * n, ssrc=ssrc, payload=level(value)
    ).to_bytes()


def statistics(rig: Rig, peer: Peer) -> LegStatistics:
    rig.close(peer)
    rig.tick()
    closed = rig.told(peer)[-1]
    assert isinstance(closed, LegClosed)
    return closed.statistics


def test_a_stranger_is_neither_heard_nor_followed() -> None:
    rig = Rig()
    peer = rig.peer()
    rig.connect(peer, peer)
    rig.tick()
    for n in range(20):
        peer.say_level(500)
        peer.send(packet(n), THIEF)
        rig.tick()
    assert peer.level == q(500)
    assert rig.sockets.aims[0] == (("192.0.2.1", 4000), ("192.0.2.1", 4001), True)
    assert statistics(rig, peer).packets_rejected == 20


def test_a_peer_behind_nat_is_heard_and_followed_after_its_proof() -> None:
    rig = Rig()
    peer = rig.peer()
    rig.connect(peer, peer)
    rig.tick()
    for n in range(PROBATION + 5):
        peer.send(packet(n, 500), NAT)
        rig.tick()
    assert peer.level == q(500)
    assert rig.sockets.aims[0] == (NAT, ("198.51.100.7", 61001), False)
    assert statistics(rig, peer).packets_received == 6


def test_the_negotiated_peer_takes_its_leg_back() -> None:
    rig = Rig()
    peer = rig.peer()
    rig.connect(peer, peer)
    rig.tick()
    for n in range(20):
        peer.send(packet(n), THIEF)
        rig.tick()
    for n in range(20):
        peer.say_level(500)
        peer.send(packet(20 + n), THIEF)
        rig.tick()
    assert peer.level == q(500)
    assert rig.sockets.aims[0] == (("192.0.2.1", 4000), ("192.0.2.1", 4001), True)


def test_a_new_address_by_negotiation_forgets_the_old_one() -> None:
    rig = Rig()
    peer = rig.peer()
    rig.connect(peer, peer)
    for _ in range(5):
        peer.say_level(500)
        rig.tick()
    old = peer.address
    rig.reconfigure(peer, remote_port=4100, remote_rtcp_port=4101)
    for n in range(5):
        peer.send(packet(n), old)
        peer.say_level(700)
        rig.tick()
    assert peer.level == q(700)
    assert rig.sockets.aims[0] == (("192.0.2.1", 4100), ("192.0.2.1", 4101), True)


def test_a_refresh_of_the_same_address_keeps_the_latch() -> None:
    rig = Rig()
    peer = rig.peer()
    for _ in range(5):
        peer.say_level(500)
        rig.tick()
    rig.sockets.aims.clear()
    rig.reconfigure(peer, sending=True)
    rig.tick()
    assert rig.sockets.aims == {}


def test_every_kind_of_garbage_is_counted() -> None:
    rig = Rig()
    peer = rig.peer()
    rig.connect(peer, peer)
    rig.tick()
    garbage = [
        b"",
        b"\x80",
        bytes(12),
        b"\x80" * 11,
        b"\x40" + bytes(171),
        b"\x8f\x00" + bytes(20),
        b"\x90\x00" + bytes(10) + b"\x00\x00\xff\xff",
        b"\xa0\x00" + bytes(10) + b"\xff",
        b"\x80\x00" + bytes(MAX_PACKET),
        packet(1).replace(b"\x80\x00", b"\x80\x7f", 1),
        packet(1).replace(b"\x80\x00", b"\x80\xc8", 1),
    ]
    for data in garbage:
        peer.send(data)
        rig.tick()
    assert set(peer.samples) == {0}
    assert statistics(rig, peer).packets_rejected == len(garbage)


def test_a_packet_without_payload_is_no_harm() -> None:
    rig = Rig()
    peer = rig.peer()
    rig.connect(peer, peer)
    for _ in range(5):
        peer.say(b"")
        rig.tick()
    peer.say_level(500)
    rig.tick(3)
    assert q(500) in peer.samples


def test_packets_of_odd_lengths_are_played_sample_by_sample() -> None:
    rig = Rig()
    peer = rig.peer()
    rig.connect(peer, peer)
    for size in (1, 159, 161, 3, 77, 240, 333, 800, 100):
        peer.say(level(500, size))
        rig.tick(max(1, size // 160))
    rig.tick(12)
    assert peer.samples.count(q(500)) > 1000


def test_a_new_ssrc_on_every_packet_stays_heard_and_bounded() -> None:
    rig = Rig()
    peer = rig.peer()
    rig.connect(peer, peer)
    for n in range(100):
        peer.say_level(500, ssrc=n, timestamp=(n * 2_654_435_761) & 0xFFFFFFFF)
        rig.tick()
    assert peer.level == q(500)


def test_a_burst_within_one_tick_is_handled_in_order() -> None:
    rig = Rig()
    peer = rig.peer()
    rig.connect(peer, peer)
    rig.tick()
    for value in range(100, 900, 100):
        peer.say_level(value)
    rig.tick(10)
    heard = [s for s in peer.samples if s]
    assert heard[: 8 * 160 : 160] == [q(v) for v in range(100, 900, 100)]


def test_packets_that_came_before_the_leg_was_configured_are_not_played() -> None:
    rig = Rig()
    peer = rig.peer()
    peer.send(packet(1))
    rig.tick()
    # The command is applied first, so the packet is judged by what was agreed on.
    assert 0 in rig.sockets.listening


def test_packets_for_a_leg_that_is_gone_are_no_harm() -> None:
    rig = Rig()
    peer = rig.peer()
    rig.tick()
    rig.close(peer)
    peer.send(packet(1))
    peer.send(packet(2), connected=True)
    rig.tick(2)
    assert rig.engine.legs == 0


def test_packets_for_a_closed_leg_never_reach_the_one_that_takes_its_place() -> None:
    rig = Rig()
    first = rig.peer()
    for _ in range(5):
        first.say_level(8000)
        rig.tick()
    second = rig.new_id()
    rig.close(first)
    rig.do(OpenLeg(second), ConfigureLeg(second, first.stream), Connect(second, second))
    first.send(first_packet := packet(1), connected=True)
    first.send(first_packet)
    rig.tick(5)
    heard = [Packet.parse(data) for data in rig.sockets.sent[1]]
    assert {sample for p in heard for sample in p.samples} == {0}
    rig.close(second)
    rig.tick()
    (closed,) = (what for what in rig.told(second) if isinstance(what, LegClosed))
    assert closed.statistics.packets_received == 0
    assert closed.statistics.packets_rejected == 0


def test_thousands_of_calls_leave_nothing_behind() -> None:
    """The engine runs without garbage collection, so nothing may need it."""
    rig = Rig(legs=3, players=2)
    gc.collect()
    gc.disable()
    try:
        for n in range(500):
            leg, player, recorder = rig.new_id(), rig.tone(440.0), rig.recorder(RING)
            room = rig.conference()
            stream = rig.peers[0].stream if rig.peers else rig.peer().stream
            rig.do(OpenLeg(leg), ConfigureLeg(leg, stream), HandleTones(leg, n % 2 == 0))
            rig.do(Connect(player, leg), Connect(leg, room), Connect(room, recorder))
            rig.do(TapLeg(recorder, leg), SendDigits(leg, "1"))
            rig.tick(3)
            for unit in (leg, player, recorder, room):
                rig.close(unit)
            rig.tick()
        rig.events.clear()
        rig.peers[0].heard.clear()
        assert gc.collect() == 0
    finally:
        gc.enable()
    desk = rig.engine._desk
    assert len(desk._units) == 1
    assert rig.engine.legs == 1
    assert rig.engine._parts.frames.free == 2 + 2 * 3


@pytest.mark.parametrize("parts_per_million", [-1000, 1000])
def test_a_peer_whose_clock_drifts_is_heard_without_growing_delay(parts_per_million: int) -> None:
    rig = Rig()
    peer = rig.peer()
    rig.connect(peer, peer)
    sent, ticks = 0, 2000
    for n in range(ticks):
        due = int((n + 1) * (1 + parts_per_million / 1e6))
        for _ in range(due - sent):
            peer.say_level(1000)
        sent = max(sent, due)
        rig.tick()
    heard = peer.samples[10 * 160 :]
    shifts = abs(parts_per_million) * ticks / 1e6
    assert sum(s != q(1000) for s in heard) <= 200 * (shifts + 1)
    delay = 0
    while q(2000) not in peer.last:
        peer.say_level(2000)
        rig.tick()
        delay += 1
    assert delay <= 4
