"""Other people's packets beside a call: what both ends hear is, octet for octet, as without them.

Each kind of packet is sent before the peer has spoken, while it speaks from where it said, and
while it speaks from behind a NAT.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from typing import Final, Literal

import pytest

from runtime.media.port import LegClosed, LegStatistics
from runtime.media.rtp.latching import LOST_S, PROBATION, Address
from runtime.media.rtp.rtcp import ReceiverReport
from tests.media.packets import Packet, level, sine
from tests.media.rig import Peer, Rig, q
from tests.media.secure import SecurePeer

STRANGER: Final = ("203.0.113.9", 5000)
SAME_HOST: Final = ("192.0.2.1", 4444)
"""Another program on the peer's machine."""
NAT: Final = ("198.51.100.7", 61000)
ROUNDS: Final = 60

Phase = Literal["before", "settled", "nat"]
Make = Callable[[Peer, int, random.Random], bytes]
"""A stranger's packet in round n of a call with the peer."""


def rtp(peer: Peer, n: int, _: random.Random) -> bytes:
    return Packet(sequence=7 * n, timestamp=160 * n, ssrc=0xBAD, payload=level(9000)).to_bytes()


def rtp_of_the_same_stream(peer: Peer, n: int, _: random.Random) -> bytes:
    """The very packet that the peer would send next, but louder."""
    return Packet(
        sequence=peer.sequence & 0xFFFF,
        timestamp=peer.timestamp & 0xFFFFFFFF,
        ssrc=peer.ssrc,
        payload=level(9000),
    ).to_bytes()


def rtp_far_ahead(peer: Peer, n: int, generator: random.Random) -> bytes:
    ahead = generator.randrange(1, 60_000)
    packet = Packet(sequence=(peer.sequence + ahead) & 0xFFFF, timestamp=ahead, ssrc=peer.ssrc)
    return packet.to_bytes()


def telephone_event(peer: Peer, n: int, _: random.Random) -> bytes:
    event = Packet(
        sequence=7 * n, timestamp=5, ssrc=peer.ssrc, payload_type=101, payload=b"\x05\x8a\x03\x20"
    )
    return event.to_bytes()


def bye(peer: Peer, n: int, _: random.Random) -> bytes:
    return struct.pack(">BBHI", 0x81, 203, 1, peer.ssrc)


def report(peer: Peer, n: int, _: random.Random) -> bytes:
    return ReceiverReport(ssrc=0xBAD).to_bytes()


def stun(peer: Peer, n: int, generator: random.Random) -> bytes:
    """A binding request (RFC 8489 5) with a username."""
    return struct.pack(">HHI", 1, 8, 0x2112A442) + generator.randbytes(12) + b"\0\6\0\4abcd"


def dtls(peer: Peer, n: int, generator: random.Random) -> bytes:
    return b"\x16\xfe\xfd" + generator.randbytes(100)


def noise(peer: Peer, n: int, generator: random.Random) -> bytes:
    return generator.randbytes(generator.randrange(1500))


KINDS: Final[tuple[Make, ...]] = (
    rtp,
    rtp_of_the_same_stream,
    rtp_far_ahead,
    telephone_event,
    bye,
    report,
    stun,
    dtls,
    noise,
)


def call(
    phase: Phase, make: Make | None, source: Address = STRANGER, floods: int = 1
) -> tuple[Rig, Peer, Peer]:
    """Two bridged legs; the first one's peer is disturbed by `make`, None for nobody."""
    rig, generator = Rig(), random.Random(5)
    peer, listener = rig.peer(), rig.peer()
    rig.connect(peer, listener)
    rig.connect(listener, peer)
    rig.tick()
    home = NAT if phase == "nat" else peer.address
    speaking = 10 if phase == "before" else 0
    if phase != "before":
        for n in range(PROBATION):
            say(peer, n, home)
            rig.tick()
    for n in range(PROBATION, ROUNDS):
        for _ in range(floods if make else 0):
            assert make is not None
            peer.send(make(peer, n, generator), source)
            rig.sockets.reports_waiting.append((0, make(peer, n, generator), (source[0], 9)))
        if n >= speaking:
            say(peer, n, home)
        listener.say(sine(880, 160 * n))
        rig.tick()
    return rig, peer, listener


def say(peer: Peer, n: int, source: Address) -> None:
    packet = Packet(sequence=100 + n, timestamp=160 * n, ssrc=peer.ssrc, payload=sine(440, 160 * n))
    peer.sequence, peer.timestamp = 101 + n, 160 * (n + 1)
    peer.send(packet.to_bytes(), source)


def heard(peer: Peer) -> list[bytes]:
    return [packet.payload for packet in peer.heard]


def plays_on(listener: Peer, frequency: float) -> bool:
    """Whether the last ten packets are the tone without a break, whatever the delay."""
    tone = [sine(frequency, 160 * n) for n in range(15)]  # 440 Hz fits five packets
    return any(heard(listener)[-10:] == tone[n : n + 10] for n in range(5))


def statistics(rig: Rig, peer: Peer) -> LegStatistics:
    rig.close(peer)
    rig.tick()
    closed = rig.told(peer)[-1]
    assert isinstance(closed, LegClosed)
    return closed.statistics


@pytest.mark.parametrize("phase", ["before", "settled", "nat"])
@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_a_strangers_packets_change_nothing(make: Make, phase: Phase) -> None:
    quiet_rig, quiet, quiet_listener = call(phase, None)
    rig, peer, listener = call(phase, make)
    assert heard(listener) == heard(quiet_listener)
    assert heard(peer) == heard(quiet)
    assert rig.sockets.aims == quiet_rig.sockets.aims
    assert rig.told(peer) == quiet_rig.told(quiet)
    ours, theirs = statistics(rig, peer), statistics(quiet_rig, quiet)
    assert ours.packets_received == theirs.packets_received
    assert (ours.packets_lost, ours.packets_late) == (theirs.packets_lost, theirs.packets_late)
    assert ours.packets_rejected >= 2 * (ROUNDS - PROBATION) - 1


@pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)
def test_nor_do_those_of_another_program_on_the_peers_machine(make: Make) -> None:
    for phase in ("settled", "nat"):
        _, quiet, quiet_listener = call(phase, None)
        _, peer, listener = call(phase, make, SAME_HOST)
        assert heard(listener) == heard(quiet_listener)
        assert heard(peer) == heard(quiet)


def test_a_flood_beside_the_peer_does_not_push_its_packets_out() -> None:
    for make in (rtp, rtp_of_the_same_stream, stun):
        _, _, quiet_listener = call("nat", None)
        _, _, listener = call("nat", make, floods=40)
        assert heard(listener) == heard(quiet_listener)


def test_a_flood_of_rtcp_does_not_push_the_peers_reports_out() -> None:
    rig = Rig()
    peer = rig.peer()
    rig.tick()
    for n in range(10):
        flood = [(0, report(peer, n, random.Random(n)), STRANGER)] * 20
        rig.sockets.reports_waiting += flood
        rig.sockets.reports_waiting.append((0, ReceiverReport(ssrc=7).to_bytes(), peer.address))
        rig.tick()
    assert statistics(rig, peer).packets_rejected == 200


def test_a_flood_beside_an_encrypted_peer_behind_nat_does_not_use_up_what_is_opened() -> None:
    rig, generator = Rig(), random.Random(9)
    peer, listener = SecurePeer.join(rig), rig.peer()
    rig.connect(peer.leg, listener)
    rig.tick()
    for n in range(40):
        for _ in range(40 if n > PROBATION else 0):
            peer.leg.send(b"\x80\x00" + generator.randbytes(180), STRANGER)
        peer.leg.send(peer.packet(3000), NAT)
        rig.tick()
    assert set(listener.samples[-30 * 160 :]) == {q(3000)}
    assert statistics(rig, peer.leg).packets_unauthenticated == 0


def test_who_takes_a_silent_leg_hears_nothing_once_its_peer_speaks() -> None:
    rig = Rig()
    peer, listener = rig.peer(), rig.peer()
    rig.connect(peer, listener)
    rig.connect(listener, peer)
    rig.tick()
    for n in range(20):
        peer.send(Packet(sequence=n, timestamp=160 * n, ssrc=0xBAD).to_bytes(), STRANGER)
        listener.say_level(500)
        rig.tick()
    assert rig.sockets.aims[0][0] == STRANGER
    for n in range(20):
        peer.send(Packet(sequence=20 + n, timestamp=160 * n, ssrc=0xBAD).to_bytes(), STRANGER)
        say(peer, n, peer.address)
        rig.tick()
        by_line = n > 0  # its first packet came by the door
        assert rig.sockets.aims[0] == (peer.address, ("192.0.2.1", 4001), by_line)
    assert b"".join(heard(listener))[-19 * 160 :] == b"".join(sine(440, 160 * n) for n in range(19))


# --- the true peer moves ------------------------------------------------------------------------


def test_a_peer_whose_nat_changes_its_mind_is_followed_within_a_second_and_a_half() -> None:
    rig, peer, listener = call("nat", None)
    moved = (NAT[0], 50_123)
    ticks = round((LOST_S + 0.5) / 0.02)
    for n in range(ROUNDS, ROUNDS + ticks):
        say(peer, n, moved)
        rig.tick()
    assert rig.sockets.aims[0] == (moved, (NAT[0], 50_124), False)
    assert plays_on(listener, 440)


def test_an_offer_with_a_new_address_is_followed_at_once_and_the_old_one_ignored() -> None:
    for phase in ("settled", "nat"):
        rig, peer, listener = call(phase, None)
        old = NAT if phase == "nat" else peer.address
        rig.reconfigure(peer, remote_host="192.0.2.77", remote_port=7000, remote_rtcp_port=7001)
        rig.tick()
        assert rig.sockets.aims[0] == (("192.0.2.77", 7000), ("192.0.2.77", 7001), False)
        for n in range(ROUNDS, ROUNDS + 20):
            say(peer, n, peer.address)
            peer.send(Packet(sequence=n, timestamp=0, ssrc=0xBAD).to_bytes(), old)
            rig.tick()
        assert rig.sockets.aims[0] == (("192.0.2.77", 7000), ("192.0.2.77", 7001), True)
        assert plays_on(listener, 440)


def test_a_peer_that_starts_anew_behind_nat_is_heard_after_its_offer_of_the_same_address() -> None:
    rig, peer, listener = call("nat", None)
    rig.reconfigure(peer, sending=True)
    rig.tick(round(LOST_S / 0.02))
    peer.ssrc, moved = 0xFACE, (NAT[0], 50_123)
    for n in range(20):
        say(peer, n, moved)
        rig.tick()
    assert rig.sockets.aims[0][0] == moved
    assert plays_on(listener, 440)
