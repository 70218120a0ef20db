"""Telephone events, RTCP and watching a peer: what legs tell the core and pass on to each other."""

from __future__ import annotations

import struct

import attrs
import numpy as np

from runtime.media.dtmf import DIGITS
from runtime.media.frames import RATE_HZ
from runtime.media.listening import is_dtmf, listen
from runtime.media.port import (
    DigitsSent,
    FirstPacketReceived,
    LegClosed,
    RtpResumed,
    RtpStopped,
    ToneReceivedFromPeer,
)
from runtime.media.protocol import HandleTones, SendDigits
from runtime.media.rtp.rtcp import Goodbye, ReceiverReport, SenderReport, parse_compound
from tests.media.packets import Packet, level
from tests.media.rig import Peer, Rig, q, sound


def key(peer: Peer, digit: str, ticks: int, *, ends: int = 3) -> None:
    """Press a key for so many ticks, then send end packets, one per tick."""
    start = peer.timestamp
    for n in range(ticks + ends - 1):
        flags = 0x8A if n >= ticks - 1 else 0x0A
        duration = 160 * min(n + 1, ticks)
        payload = struct.pack(">BBH", DIGITS.index(digit), flags, duration)
        peer.say(payload, payload_type=101, timestamp=start, marker=n == 0)
        peer.timestamp = start + 160 * (n + 1)
        peer.rig.tick()


def events_in(packets: list[Packet]) -> list[tuple[str, int, bool]]:
    """(digit, duration, end) of each telephone-event packet."""
    found = []
    for packet in packets:
        if packet.payload_type == 101:
            code, flags, duration = struct.unpack(">BBH", packet.payload)
            found.append((DIGITS[code], duration, bool(flags & 0x80)))
    return found


def handled(rig: Rig, **changes: object) -> Peer:
    peer = rig.peer(**changes)
    rig.do(HandleTones(peer.unit, True))
    rig.tick()
    return peer


# --- digits from a peer -------------------------------------------------------------------------


def test_a_handled_press_is_told_at_its_first_end_packet() -> None:
    rig = Rig()
    peer = handled(rig)
    key(peer, "5", 5, ends=1)
    assert rig.told(peer)[-1] == ToneReceivedFromPeer(tone="5", duration_ms=100)
    key(peer, "5", 1, ends=3)
    assert rig.told(peer)[-2:] == [
        ToneReceivedFromPeer(tone="5", duration_ms=100),
        ToneReceivedFromPeer(tone="5", duration_ms=20),
    ]


def test_a_press_with_a_lost_end_is_told_after_120_ms() -> None:
    rig = Rig()
    peer = handled(rig)
    key(peer, "5", 5, ends=0)
    assert ToneReceivedFromPeer(tone="5", duration_ms=80) not in rig.told(peer)
    rig.tick(6)
    assert rig.told(peer)[-1] == ToneReceivedFromPeer(tone="5", duration_ms=80)


def test_all_sixteen_digits_of_40_ms_with_gaps_of_40_ms_are_told() -> None:
    rig = Rig()
    peer = handled(rig)
    for digit in DIGITS:
        key(peer, digit, 2)
    tones = [w for w in rig.told(peer) if isinstance(w, ToneReceivedFromPeer)]
    assert "".join(t.tone for t in tones) == DIGITS
    assert {t.duration_ms for t in tones} == {40}


def test_a_handled_press_is_neither_heard_nor_received_by_others() -> None:
    rig = Rig()
    peer, other = handled(rig), rig.peer()
    rig.connect(peer, other)
    key(peer, "5", 5)
    rig.tick(5)
    assert events_in(other.heard) == []
    assert set(other.samples) == {0}


def test_an_unhandled_press_goes_on_to_whoever_hears_the_leg() -> None:
    rig = Rig()
    peer, other, third = rig.peer(), rig.peer(), rig.peer()
    rig.connect(peer, other)
    rig.connect(peer, third)
    rig.tick(2)
    key(peer, "7", 5)
    rig.tick(5)
    expected = [("7", 160 * n, False) for n in range(1, 5)] + [("7", 800, True)] * 3
    for listener in (other, third):
        events = [p for p in listener.heard if p.payload_type == 101]
        assert events_in(events) == expected
        assert len({p.timestamp for p in events}) == 1
        assert [p.marker for p in events] == [True] + [False] * 6
    assert not any(isinstance(w, ToneReceivedFromPeer) for w in rig.told(peer))


def test_a_press_passed_on_has_the_listeners_numbers_and_loses_no_packet() -> None:
    rig = Rig()
    peer, other = rig.peer(), rig.peer()
    rig.connect(peer, other)
    rig.tick(3)
    key(peer, "7", 5)
    rig.tick(5)
    first = other.heard[0]
    assert [p.sequence for p in other.heard] == [
        (first.sequence + n) & 0xFFFF for n in range(len(other.heard))
    ]
    audio = [p for p in other.heard if p.payload_type == 0]
    start = next(p for p in other.heard if p.payload_type == 101)
    assert start.timestamp == first.timestamp + 160 * 3
    for packet in audio:
        place = (packet.sequence - first.sequence) & 0xFFFF
        assert packet.timestamp == first.timestamp + 160 * place
    assert {p.ssrc for p in other.heard} == {first.ssrc}


def test_a_listener_without_telephone_event_hears_the_tone_itself() -> None:
    rig = Rig()
    peer, other = rig.peer(), rig.peer(dtmf_send_payload_type=None)
    rig.connect(peer, other)
    rig.tick(5)
    key(peer, "8", 10)
    rig.tick(20)
    heard = listen(np.array(other.samples, dtype=np.int16), RATE_HZ)
    tones = [interval for interval in heard if interval.kind == "tone"]
    assert len(tones) == 1
    assert is_dtmf(tones[0].frequencies_hz)
    assert abs(tones[0].duration_s - 0.2) < 0.02


def test_a_leg_that_dies_with_a_key_down_lets_it_go_on_the_others() -> None:
    rig = Rig()
    peer, other = rig.peer(), rig.peer()
    rig.connect(peer, other)
    key(peer, "1", 3, ends=0)
    rig.close(peer)
    rig.tick(6)
    assert [end for _, _, end in events_in(other.heard)][-3:] == [True] * 3
    assert other.heard[-1].payload_type == 0


def test_a_listener_that_dies_during_a_press_is_no_harm() -> None:
    rig = Rig()
    peer, other = rig.peer(), rig.peer()
    rig.connect(peer, other)
    key(peer, "1", 3, ends=0)
    rig.close(other)
    key(peer, "2", 3)
    rig.tick(3)
    assert rig.sockets.closed == [1]


def test_events_of_a_payload_type_that_was_not_agreed_are_rejected() -> None:
    rig = Rig()
    peer = handled(rig, dtmf_receive_payload_type=None)
    key(peer, "5", 3)
    rig.close(peer)
    rig.tick()
    closed = rig.told(peer)[-1]
    assert isinstance(closed, LegClosed)
    assert closed.statistics.packets_rejected == 5
    assert not any(isinstance(w, ToneReceivedFromPeer) for w in rig.told(peer))


def test_audio_goes_on_after_events_without_a_new_delay() -> None:
    rig = Rig()
    peer, other = handled(rig), rig.peer()
    rig.connect(peer, other)
    for _ in range(5):
        peer.say_level(1000)
        rig.tick()
    key(peer, "5", 10)
    for n in range(5):
        peer.say_level(2000 + 100 * n)
        rig.tick()
    assert other.level == q(2300)


def test_a_stream_that_begins_with_events_plays_its_first_audio() -> None:
    rig = Rig()
    peer = handled(rig)
    rig.connect(peer, peer)
    key(peer, "5", 3)
    for _ in range(3):
        peer.say_level(1000)
        rig.tick()
    assert peer.level == q(1000)
    peer.ssrc += 1
    peer.timestamp += 2_000_000_000
    key(peer, "6", 3)
    for _ in range(3):
        peer.say_level(500)
        rig.tick()
    assert peer.level == q(500)


# --- digits to a peer ---------------------------------------------------------------------------


def test_sent_digits_replace_the_audio_which_goes_on_underneath() -> None:
    rig = Rig()
    peer = rig.peer()
    player = rig.player(sound(*range(100, 6000, 100)))
    rig.connect(player, peer)
    rig.tick(5)
    rig.do(SendDigits(peer.unit, "5"))
    rig.tick(15)
    kinds = "".join("E" if p.payload_type == 101 else "a" for p in peer.heard)
    assert kinds == "aaaaa" + "EEEEEEE" + "a" * 8
    assert peer.heard[12].payload == level(1300)
    assert rig.told(peer)[-1] == DigitsSent()


def test_digits_keep_the_packets_at_fifty_a_second_and_in_order() -> None:
    rig = Rig()
    peer = rig.peer()
    rig.do(SendDigits(peer.unit, "123"))
    rig.tick(40)
    assert len(peer.heard) == 40
    numbers = [(p.sequence - peer.heard[0].sequence) & 0xFFFF for p in peer.heard]
    assert numbers == list(range(40))
    digits = [d for d, duration, _ in events_in(peer.heard) if duration == 160]
    assert digits == ["1", "2", "3"]
    assert rig.told(peer).count(DigitsSent()) == 1


def test_digits_for_a_leg_with_short_packets_keep_their_numbers() -> None:
    rig = Rig()
    peer = rig.peer(ptime_ms=10)
    rig.tick(2)
    rig.do(SendDigits(peer.unit, "9"))
    rig.tick(10)
    numbers = [(p.sequence - peer.heard[0].sequence) & 0xFFFF for p in peer.heard]
    assert numbers == list(range(len(numbers)))
    assert events_in(peer.heard)[-1] == ("9", 800, True)


def test_digits_wait_while_the_leg_is_held() -> None:
    rig = Rig()
    peer = rig.peer()
    rig.tick()
    rig.reconfigure(peer, sending=False)
    rig.do(SendDigits(peer.unit, "4"))
    rig.tick(50)
    assert events_in(peer.heard) == []
    assert DigitsSent() not in rig.told(peer)
    rig.reconfigure(peer, sending=True)
    rig.tick(11)
    assert len(events_in(peer.heard)) == 7
    assert rig.told(peer)[-1] == DigitsSent()


def test_a_press_that_a_held_leg_did_not_hear_does_not_come_later() -> None:
    rig = Rig()
    peer, other, third = rig.peer(), rig.peer(), rig.peer()
    rig.connect(peer, other)
    rig.connect(peer, third)
    rig.reconfigure(other, sending=False)
    rig.tick(2)
    key(peer, "7", 5)
    rig.reconfigure(other, sending=True)
    rig.tick(20)
    assert events_in(other.heard) == []
    assert len(events_in(third.heard)) == 7


def test_digits_without_telephone_event_are_heard() -> None:
    rig = Rig()
    peer = rig.peer(dtmf_send_payload_type=None, codec="PCMA", send_payload_type=8)
    rig.do(SendDigits(peer.unit, "1p0"))
    rig.tick(60)
    heard = listen(np.array(peer.samples, dtype=np.int16), RATE_HZ)
    tones = [interval for interval in heard if interval.kind == "tone"]
    assert len(tones) == 2
    assert all(is_dtmf(t.frequencies_hz) and abs(t.duration_s - 0.1) < 0.02 for t in tones)
    assert abs(tones[1].start_s - tones[0].start_s - 0.7) < 0.02
    assert rig.told(peer)[-1] == DigitsSent()


# --- watching the peer --------------------------------------------------------------------------


def test_the_first_audio_is_told_once() -> None:
    rig = Rig()
    peer = rig.peer()
    rig.tick(3)
    for _ in range(3):
        peer.say_level(5)
        rig.tick()
    assert rig.told(peer)[1:] == [FirstPacketReceived()]


def test_silence_of_the_peer_is_told_after_five_seconds_and_its_end_at_once() -> None:
    rig = Rig()
    peer = rig.peer()
    rig.tick()
    peer.say_level(5)
    rig.tick(250)
    assert RtpStopped() not in rig.told(peer)
    rig.tick(10)
    assert rig.told(peer)[-1] == RtpStopped()
    rig.tick(300)
    assert rig.told(peer).count(RtpStopped()) == 1
    peer.say_level(5)
    rig.tick()
    assert rig.told(peer)[-1] == RtpResumed()
    rig.tick(300)
    assert rig.told(peer).count(RtpStopped()) == 2


def test_rtcp_of_another_source_than_the_audio_keeps_no_leg_alive() -> None:
    """A program that sends to a port which was its peer's before must not hide a silence."""
    rig = Rig()
    peer = rig.peer()
    rig.tick()
    peer.say_level(5)
    for _ in range(13):
        report = ReceiverReport(ssrc=peer.ssrc + 1).to_bytes()
        rig.sockets.reports_waiting.append((0, report, ("192.0.2.1", 4001)))
        rig.tick(20)
    assert rig.told(peer)[-1] == RtpStopped()


def test_rtcp_keeps_a_leg_alive() -> None:
    rig = Rig()
    peer = rig.peer()
    rig.tick()
    for _ in range(10):
        report = ReceiverReport(ssrc=9).to_bytes()
        rig.sockets.reports_waiting.append((0, report, ("192.0.2.1", 4001)))
        rig.tick(100)
    assert RtpStopped() not in rig.told(peer)


def test_a_leg_that_should_not_receive_is_not_watched_and_plays_nothing() -> None:
    rig = Rig()
    peer = rig.peer(receiving=False)
    rig.connect(peer, peer)
    for _ in range(300):
        peer.say_level(1000)
        rig.tick()
    assert rig.told(peer)[1:] == []
    assert set(peer.samples) == {0}
    rig.reconfigure(peer, receiving=True)
    for _ in range(4):
        peer.say_level(1000)
        rig.tick()
    assert peer.level == q(1000)
    assert rig.told(peer)[1:] == [FirstPacketReceived()]
    rig.tick(200)
    rig.reconfigure(peer, receiving=False)
    rig.tick(200)
    assert RtpStopped() not in rig.told(peer)


# --- RTCP ---------------------------------------------------------------------------------------


def test_reports_go_out_about_every_five_seconds_and_say_what_was_sent() -> None:
    rig = Rig()
    peer = rig.peer()
    rig.tick(3000)
    reports = [parse_compound(data)[0] for data in rig.sockets.reports[0]]
    assert 10 <= len(reports) <= 30
    first = reports[0]
    assert isinstance(first, SenderReport)
    assert first.ssrc == peer.heard[0].ssrc
    sent = first.packets
    assert first.octets == sent * 160
    assert first.timestamp == (peer.heard[0].timestamp + 160 * sent) & 0xFFFFFFFF


def test_reports_tell_the_loss_and_answer_with_the_round_trip() -> None:
    rig = Rig()
    peer = rig.peer()
    rig.tick()
    for n in range(400):
        if n % 4 == 0:
            peer.sequence += 1
            peer.timestamp += 160
        peer.say_level(5)
        rig.tick()
    report = parse_compound(rig.sockets.reports[0][-1])[0]
    assert isinstance(report, SenderReport)
    (block,) = report.blocks
    assert block.ssrc == peer.ssrc
    assert abs(block.fraction_lost - 256 / 5) < 8
    ours = peer.heard[0].ssrc
    answer = ReceiverReport(
        ssrc=peer.ssrc,
        blocks=(
            attrs.evolve(
                block,
                ssrc=ours,
                last_report=report.ntp >> 16 & 0xFFFFFFFF,
                delay=0,
                fraction_lost=64,
            ),
        ),
    )
    rig.sockets.reports_waiting.append((0, answer.to_bytes(), ("192.0.2.1", 4001)))
    rig.tick()
    rig.close(peer)
    rig.tick()
    closed = rig.told(peer)[-1]
    assert isinstance(closed, LegClosed)
    assert closed.statistics.remote_loss_fraction == 0.25
    assert closed.statistics.round_trip_ms is not None


def test_rtcp_of_strangers_and_garbage_is_rejected() -> None:
    rig = Rig()
    peer = rig.peer()
    rig.tick()
    goodbye = ReceiverReport(ssrc=9).to_bytes() + Goodbye((9,)).to_bytes()
    rig.sockets.reports_waiting += [
        (0, goodbye, ("203.0.113.9", 4001)),
        (0, b"garbage", ("192.0.2.1", 4001)),
        (0, b"", ("192.0.2.1", 4001)),
        (5, goodbye, ("192.0.2.1", 4001)),
    ]
    rig.tick()
    rig.close(peer)
    rig.tick()
    closed = rig.told(peer)[-1]
    assert isinstance(closed, LegClosed)
    assert closed.statistics.packets_rejected == 3
