"""Encrypted legs of the engine: heard, bridged, attacked, given new keys, and their RTCP."""

from __future__ import annotations

import random
import struct

import attrs
import numpy as np
import pytest

from runtime.media.dtmf import DIGITS
from runtime.media.frames import RATE_HZ
from runtime.media.port import (
    FirstPacketReceived,
    LegClosed,
    LegStatistics,
    SrtpKeys,
    ToneReceivedFromPeer,
)
from runtime.media.protocol import HandleTones, SendDigits
from runtime.media.rtp.rtcp import (
    Goodbye,
    ReceiverReport,
    ReportBlock,
    SenderReport,
    parse_compound,
)
from runtime.media.rtp.srtp import OLD_KEY_S, Opener, Sealer, SrtpError
from runtime.media.units.intake import MAX_REPORTS_PER_LEG
from runtime.media.units.sealing import MAX_OPENED
from tests.media.packets import Packet, decoded, sine
from tests.media.rig import Rig, q
from tests.media.secure import SIZES, SecurePeer, forged, keys, master

OTHER_SUITE = keys(master(50, "AEAD_AES_256_GCM"), master(51, "AEAD_AES_256_GCM"))
every_suite = pytest.mark.parametrize("suite", SIZES)


def statistics(rig: Rig, peer: SecurePeer) -> LegStatistics:
    """What the engine counted, once the leg is closed."""
    rig.close(peer.leg)
    rig.tick()
    closed = rig.told(peer.leg)[-1]
    assert isinstance(closed, LegClosed)
    return closed.statistics


@every_suite
def test_an_encrypted_and_a_plain_leg_hear_each_other(suite: str) -> None:
    rig = Rig()
    secure, plain = SecurePeer.join(rig, suite), rig.peer()
    rig.connect(secure.leg, plain)
    rig.connect(plain, secure.leg)
    for _ in range(20):
        plain.say_level(-3000)
        secure.tick(value=1000)
    assert plain.level == q(1000)
    assert secure.level == q(-3000)


@pytest.mark.parametrize("ptime_ms", [10, 20])
def test_everything_that_leaves_an_encrypted_leg_is_sealed_and_unbroken(ptime_ms: int) -> None:
    rig = Rig()
    peer = SecurePeer.join(rig, ptime_ms=ptime_ms)
    rig.do(SendDigits(peer.leg.unit, "12"))
    peer.tick(40)
    rig.reconfigure(peer.leg, sending=False)
    peer.tick(5)
    rig.reconfigure(peer.leg, sending=True)
    peer.tick(10)
    numbers = [packet.sequence for packet in peer.heard]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    digits = {packet.payload[0] for packet in peer.heard if packet.payload_type == 101}
    assert digits == {1, 2}


def test_digits_come_out_of_sealed_packets() -> None:
    rig = Rig()
    peer = SecurePeer.join(rig)
    rig.do(HandleTones(peer.leg.unit, True))
    peer.tick(5, value=0)
    start = peer.leg.timestamp
    for n in range(8):
        payload = struct.pack(">BBH", DIGITS.index("7"), 0x8A if n > 4 else 0x0A, 160 * min(n, 5))
        peer.say(0, payload=payload, payload_type=101, timestamp=start)
        peer.tick()
    told = [what for what in rig.told(peer.leg) if isinstance(what, ToneReceivedFromPeer)]
    assert [what.tone for what in told] == ["7"]


# --- attacks ------------------------------------------------------------------------------------


def test_forged_and_replayed_packets_change_nothing_while_the_audio_goes_on() -> None:
    attacked, quiet = Rig(), Rig()
    ears: list[list[int]] = []
    for rig in (attacked, quiet):
        peer, listener = SecurePeer.join(rig), rig.peer()
        rig.connect(peer.leg, listener)
        said: list[bytes] = []
        for n in range(60):
            said.append(peer.say(1000 + 100 * (n % 7)))
            if rig is attacked:
                peer.leg.send(forged(said[-1]))
                peer.leg.send(forged(said[-1], ahead=2000))
                peer.leg.send(said[max(0, n - 3)] if n else forged(said[0]))
            peer.tick()
        ears.append(listener.samples)
        if rig is attacked:
            counted = statistics(rig, peer)
            assert counted.packets_received == 60
            assert (counted.packets_lost, counted.packets_duplicated) == (0, 0)
            assert counted.packets_replayed == 59
            assert counted.packets_unauthenticated == 2 * 60 + 1
            assert counted.packets_rejected == 3 * 60
            assert counted.jitter_ms == 0.0
    assert ears[0] == ears[1]


def test_a_stranger_without_the_key_is_never_latched_and_tells_nothing() -> None:
    rig = Rig()
    peer = SecurePeer.join(rig)
    rig.tick()
    aim = rig.sockets.aims[0]
    sample = Sealer(master(99), 5, 100).rtp(Packet(sequence=100, timestamp=0, ssrc=5).to_bytes())
    for n in range(50):
        peer.leg.send(forged(sample, ahead=n), ("203.0.113.9", 666))
        rig.tick()
    assert rig.sockets.aims[0] == aim
    assert FirstPacketReceived() not in rig.told(peer.leg)
    assert statistics(rig, peer).packets_unauthenticated == 50


def test_the_peer_behind_another_address_is_latched_by_packets_it_sealed() -> None:
    rig = Rig()
    peer = SecurePeer.join(rig)
    rig.tick()
    for _ in range(6):
        peer.leg.send(peer.packet(0), ("198.51.100.7", 7000))
        rig.tick()
    assert rig.sockets.aims[0][0] == ("198.51.100.7", 7000)


def test_a_flood_of_forgeries_is_deciphered_only_up_to_a_bound_and_hurts_its_own_leg_only() -> None:
    rig = Rig()
    peer, other, listener = SecurePeer.join(rig), SecurePeer.join(rig), rig.peer()
    rig.connect(other.leg, listener)
    first = peer.say(0)
    for _ in range(10):
        for n in range(100):
            peer.leg.send(forged(first, ahead=n + 1))
        other.tick(value=4000)
    assert listener.level == q(4000)
    counted = statistics(rig, peer)
    assert counted.packets_unauthenticated == 10 * MAX_OPENED - 1
    assert (counted.packets_rejected, counted.packets_received) == (10 * 100, 1)


def test_plain_packets_of_the_peer_are_not_believed_once_keys_were_agreed_on() -> None:
    rig = Rig()
    peer, listener = SecurePeer.join(rig), rig.peer()
    rig.connect(peer.leg, listener)
    for _ in range(10):
        peer.leg.say_level(9000)
        rig.tick()
    assert set(listener.samples) == {0}


# --- new keys -----------------------------------------------------------------------------------


def test_a_new_key_takes_effect_at_once_and_the_old_one_ends_soon() -> None:
    rig = Rig()
    peer, listener = SecurePeer.join(rig), rig.peer()
    rig.connect(peer.leg, listener)
    peer.tick(10, value=1000)
    under_way, much_too_late = peer.packet(2000), peer.packet(2000)
    new = master(77)
    rig.reconfigure(peer.leg, srtp=keys(peer.engines_key, new))
    peer.sealer = Sealer(new, peer.leg.ssrc, peer.leg.sequence)
    peer.leg.send(under_way)
    peer.tick(20, value=3000)
    assert listener.level == q(3000)
    assert q(2000) in listener.samples
    peer.tick(int(OLD_KEY_S * 50), value=3000)
    peer.leg.send(much_too_late)
    peer.tick(5, value=3000)
    counted = statistics(rig, peer)
    assert counted.packets_unauthenticated + counted.packets_replayed == 1
    assert counted.packets_lost == 1


def test_a_configuration_with_the_same_keys_keeps_what_was_seen_under_them() -> None:
    rig = Rig()
    peer = SecurePeer.join(rig)
    first = peer.say(0)
    peer.tick(3, value=0)
    rig.reconfigure(peer.leg, sending=False)
    peer.leg.send(first)
    peer.tick(3, value=0)
    assert statistics(rig, peer).packets_replayed == 1


def test_a_leg_that_was_plain_for_a_while_remembers_what_it_saw_under_its_keys() -> None:
    rig = Rig()
    peer = SecurePeer.join(rig)
    srtp = peer.leg.stream.srtp
    first = peer.say(0)
    peer.tick(3, value=0)
    sealed = len(peer.heard)
    rig.reconfigure(peer.leg, srtp=None)
    rig.tick(3)
    assert len(rig.sockets.sent[0][0]) == 172
    rig.reconfigure(peer.leg, srtp=srtp)
    peer.leg.send(first)
    peer.tick(3, value=0)
    numbers = [packet.sequence for packet in peer.heard]
    assert numbers[sealed] == numbers[sealed - 1] + 4
    assert statistics(rig, peer).packets_replayed == 1


def test_a_peer_that_goes_back_to_its_first_key_cannot_be_replayed() -> None:
    rig = Rig()
    peer, listener = SecurePeer.join(rig), rig.peer()
    rig.connect(peer.leg, listener)
    first_keys, first_sealer = peer.leg.stream.srtp, peer.sealer
    recorded = peer.say(9000)
    peer.tick(5, value=1000)
    new = master(77)
    rig.reconfigure(peer.leg, srtp=keys(peer.engines_key, new))
    peer.sealer = Sealer(new, peer.leg.ssrc, peer.leg.sequence)
    peer.tick(int(OLD_KEY_S * 50) + 10, value=1000)
    rig.reconfigure(peer.leg, srtp=first_keys)
    peer.sealer = first_sealer
    heard = len(listener.samples)
    peer.leg.send(recorded)
    peer.tick(20, value=3000)
    assert {q(1000), q(3000)} >= set(listener.samples[heard:])
    assert listener.level == q(3000)
    counted = statistics(rig, peer)
    assert (counted.packets_replayed, counted.packets_unauthenticated) == (1, 0)


def test_our_key_that_comes_back_never_seals_two_packets_with_one_part_of_its_key_stream() -> None:
    """RFC 3711 9.1: two of them, laid over each other, would show what both said."""
    rig = Rig()
    peer = SecurePeer.join(rig)
    srtp = peer.leg.stream.srtp
    indices: list[int] = []
    for _ in range(4):
        for between in (srtp, OTHER_SUITE, srtp, None):
            rig.reconfigure(peer.leg, srtp=between)
            for _ in range(10):
                rig.tick()
                if between is srtp:
                    peer.listen()
                    indices.append(peer.heard[-1].sequence)
    assert len(set(indices)) == len(indices) == 80


def test_another_suite_in_the_middle_of_a_call_goes_on_with_the_stream() -> None:
    rig = Rig()
    peer = SecurePeer.join(rig)
    peer.tick(10, value=1000)
    ours, theirs = master(50, "AEAD_AES_256_GCM"), master(51, "AEAD_AES_256_GCM")
    rig.reconfigure(peer.leg, srtp=keys(ours, theirs))
    peer.opener, peer.sealer = Opener(ours), Sealer(theirs, peer.leg.ssrc, peer.leg.sequence)
    peer.tick(10, value=1000)
    numbers = [packet.sequence for packet in peer.heard]
    assert numbers == list(range(numbers[0], numbers[0] + 20))


@pytest.mark.parametrize("between", [None, OTHER_SUITE])
def test_a_key_that_comes_back_goes_on_counting_its_reports(between: SrtpKeys | None) -> None:
    """RFC 3711 9.1: no index twice under one key, neither of SRTP nor of SRTCP."""
    rig = Rig()
    peer = SecurePeer.join(rig)
    srtp = peer.leg.stream.srtp
    peer.tick(1000)
    for report in rig.sockets.reports.pop(0):
        peer.opener.rtcp(report, rig.now)
    rig.reconfigure(peer.leg, srtp=between)
    rig.tick(600)
    rig.sockets.reports.clear()
    rig.reconfigure(peer.leg, srtp=srtp)
    peer.tick(1000)
    reports = [parse_compound(peer.opener.rtcp(r, rig.now)) for r in rig.sockets.reports[0]]
    assert len(reports) >= 2
    assert all(isinstance(report[0], SenderReport) for report in reports)
    assert len(peer.heard) == 2000


# --- RTCP ---------------------------------------------------------------------------------------


def block(ssrc: int) -> ReportBlock:
    return ReportBlock(
        ssrc=ssrc,
        fraction_lost=64,
        cumulative_lost=12,
        highest_sequence=0,
        jitter=80,
        last_report=0,
        delay=0,
    )


@every_suite
def test_reports_and_bye_are_sealed(suite: str) -> None:
    rig = Rig()
    peer = SecurePeer.join(rig, suite)
    peer.tick(400)
    counted = statistics(rig, peer)
    *reports, last = [parse_compound(data) for data in peer.opened_reports()]
    assert reports
    assert all(isinstance(report[0], SenderReport) for report in reports)
    assert isinstance(last[-1], Goodbye)
    assert counted.packets_sent == 400


def test_only_sealed_reports_are_believed() -> None:
    rig = Rig()
    peer = SecurePeer.join(rig)
    peer.tick(2)
    ours = peer.heard[0].ssrc
    honest = ReceiverReport(ssrc=peer.leg.ssrc, blocks=(block(ours),))
    lie = attrs.evolve(honest, blocks=(attrs.evolve(block(ours), fraction_lost=255),))
    source = ("192.0.2.1", 4001)
    sealed = peer.sealer.rtcp(honest.to_bytes())
    rig.sockets.reports_waiting += [
        (0, sealed, source),
        (0, lie.to_bytes(), source),
        (0, sealed, source),
    ]
    rig.tick()
    counted = statistics(rig, peer)
    assert counted.remote_loss_fraction == 0.25
    assert (counted.remote_packets_lost, counted.remote_jitter_ms) == (12, 10.0)
    assert (counted.packets_unauthenticated, counted.packets_replayed) == (1, 1)


@pytest.mark.parametrize("secure", [True, False])
def test_rtcp_on_the_rtp_port_is_told_from_audio(secure: bool) -> None:
    rig = Rig()
    peer, listener = SecurePeer.join(rig, rtcp_mux=True, remote_rtcp_port=4000), rig.peer()
    if not secure:
        rig.reconfigure(peer.leg, srtp=None)
    rig.connect(peer.leg, listener)
    rig.tick()
    for n in range(30):
        peer.say(1000) if secure else peer.leg.say_level(1000)
        if n == 10:
            ours = Packet.parse(rig.sockets.sent[0][0]).ssrc
            report = ReceiverReport(ssrc=peer.leg.ssrc, blocks=(block(ours),)).to_bytes()
            peer.leg.send(peer.sealer.rtcp(report) if secure else report, connected=n > 20)
        rig.tick()
    assert listener.level == q(1000)
    assert rig.sockets.aims[0] == (("192.0.2.1", 4000), ("192.0.2.1", 4000), True)
    counted = statistics(rig, peer)
    assert counted.remote_packets_lost == 12
    assert (counted.packets_rejected, counted.packets_received) == (0, 30)


def test_a_flood_of_reports_is_read_only_up_to_a_bound() -> None:
    rig = Rig()
    peer = rig.peer()
    rig.tick()
    report = ReceiverReport(ssrc=9).to_bytes()
    rig.sockets.reports_waiting += [(0, report, ("192.0.2.1", 4001))] * 20
    rig.tick()
    rig.close(peer)
    rig.tick()
    closed = rig.told(peer)[-1]
    assert isinstance(closed, LegClosed)
    assert closed.statistics.packets_rejected == 20 - MAX_REPORTS_PER_LEG


# --- two engines --------------------------------------------------------------------------------


def share_of(frequency_hz: float, samples: list[int]) -> float:
    """How much of the power lies within 20 Hz of this frequency."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    near = np.abs(np.fft.rfftfreq(len(samples), 1 / RATE_HZ) - frequency_hz) < 20
    return float(power[near].sum() / power.sum())


@every_suite
def test_two_engines_talk_over_a_link_that_loses_disorders_and_doubles(suite: str) -> None:
    chance = random.Random(7)
    here, there = Rig(seed=1), Rig(seed=2)
    one, other = master(1, suite), master(2, suite)
    near, far = here.peer(srtp=keys(one, other)), there.peer(srtp=keys(other, one))
    here.connect(here.tone(440.0, ms=60_000), near)
    listener = there.peer()
    there.connect(far, listener)
    late: list[bytes] = []
    for _ in range(500):
        here.tick()
        arriving, late = late, []
        for data in here.sockets.sent[0]:
            if chance.random() < 0.05:
                continue
            (late if chance.random() < 0.1 else arriving).append(data)
            if chance.random() < 0.1:
                late.append(data)
        chance.shuffle(arriving)
        for data in arriving:
            far.send(data)
        there.tick()
    assert share_of(440.0, listener.samples[-400 * 160 :]) > 0.8
    there.close(far)
    there.tick()
    closed = there.told(far)[-1]
    assert isinstance(closed, LegClosed)
    counted = closed.statistics
    assert 400 < counted.packets_received < 490
    assert counted.packets_replayed > 20
    assert counted.packets_unauthenticated == 0


def test_nothing_of_the_audio_can_be_read_on_the_way() -> None:
    rig = Rig()
    peer = SecurePeer.join(rig)
    rig.connect(rig.tone(440.0), peer.leg)
    peer.tick(20)
    wire = rig.sockets.sent[0][0]
    assert decoded(wire[12:172], "PCMU") != decoded(peer.heard[-1].payload, "PCMU")
    assert wire[12:172] != sine(440.0, 0)
    with pytest.raises(SrtpError):
        Opener(peer.key).rtp(wire, 0.0)
