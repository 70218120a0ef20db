"""What a leg sends, packet by packet: always 50 a second, numbered without a break."""

from __future__ import annotations

import itertools

from runtime.media.port import LegClosed, LegStatistics
from runtime.media.protocol import LegOpened, LegRefused, OpenLeg
from runtime.media.rtp.rtcp import Goodbye, ReceiverReport, SenderReport, parse_compound
from tests.media.packets import Packet, decoded
from tests.media.rig import Peer, Rig, q


def steps(packets: list[Packet]) -> list[tuple[int, int]]:
    """How far sequence number and timestamp go from packet to packet."""
    return [
        ((b.sequence - a.sequence) & 0xFFFF, (b.timestamp - a.timestamp) & 0xFFFFFFFF)
        for a, b in itertools.pairwise(packets)
    ]


def markers(packets: list[Packet]) -> list[int]:
    return [n for n, packet in enumerate(packets) if packet.marker]


def test_a_configured_leg_sends_silence_from_the_next_tick_on() -> None:
    rig = Rig()
    peer = rig.peer()
    rig.tick(10)
    assert len(peer.heard) == 10
    assert {p.payload for p in peer.heard} == {b"\xff" * 160}
    assert {p.payload_type for p in peer.heard} == {0}
    assert len({p.ssrc for p in peer.heard}) == 1
    assert steps(peer.heard) == [(1, 160)] * 9
    assert markers(peer.heard) == [0]


def test_an_open_leg_that_is_not_configured_sends_and_hears_nothing() -> None:
    rig = Rig()
    rig.do(OpenLeg(1))
    rig.tick(5)
    assert rig.told(1) == [LegOpened(rtp_port=20000, rtcp_port=20001)]
    assert rig.sockets.sent == {}
    assert rig.sockets.listening == set()


def test_alaw_legs_send_alaw_silence_and_their_payload_type() -> None:
    rig = Rig()
    peer = rig.peer(codec="PCMA", send_payload_type=8)
    rig.tick(3)
    assert {p.payload for p in peer.heard} == {b"\xd5" * 160}
    assert {p.payload_type for p in peer.heard} == {8}


def test_sequence_numbers_and_timestamps_wrap() -> None:
    rig = Rig()
    peer = rig.peer()
    rig.tick()
    sending = rig.engine._parts.legs.sending
    sending.sequence[0], sending.timestamp[0] = 65534, 2**32 - 200
    peer.heard.clear()
    rig.tick(5)
    assert [p.sequence for p in peer.heard] == [65534, 65535, 0, 1, 2]
    assert [p.timestamp for p in peer.heard[:3]] == [2**32 - 200, 2**32 - 40, 120]


def test_reconfiguring_a_leg_breaks_nothing() -> None:
    rig = Rig()
    peer = rig.peer()
    rig.tick(5)
    rig.reconfigure(peer, remote_port=4444, codec="PCMA", send_payload_type=8)
    rig.tick(5)
    assert steps(peer.heard) == [(1, 160)] * 9
    assert markers(peer.heard) == [0]
    assert len({p.ssrc for p in peer.heard}) == 1
    assert [p.payload_type for p in peer.heard] == [0] * 5 + [8] * 5
    assert rig.sockets.aims[0] == (("192.0.2.1", 4444), ("192.0.2.1", 4001), False)


def test_after_a_hold_the_sequence_goes_on_and_the_timestamp_has_moved() -> None:
    rig = Rig()
    peer = rig.peer()
    rig.tick(5)
    rig.reconfigure(peer, sending=False)
    rig.tick(50)
    assert len(peer.heard) == 5
    rig.reconfigure(peer, sending=True)
    rig.tick(5)
    assert steps(peer.heard) == [(1, 160)] * 4 + [(1, 51 * 160)] + [(1, 160)] * 4
    assert markers(peer.heard) == [0, 5]


def test_a_hold_is_no_gap_and_no_jitter_of_the_peer() -> None:
    """Its timestamps stand still meanwhile, as those of many telephones do."""
    rig = Rig()
    peer = rig.peer()
    for _ in range(10):
        peer.say_level(0)
        rig.tick()
    rig.reconfigure(peer, receiving=False)
    rig.tick(200)
    rig.reconfigure(peer, receiving=True)
    for _ in range(10):
        peer.say_level(0)
        rig.tick()
    rig.close(peer)
    rig.tick()
    closed = rig.told(peer)[-1]
    assert isinstance(closed, LegClosed)
    assert (closed.statistics.jitter_ms, closed.statistics.max_gap_ms) == (0.0, 20.0)


def test_a_leg_that_begins_on_hold_has_a_running_clock() -> None:
    rig = Rig()
    peer, other = rig.peer(sending=False), rig.peer()
    rig.tick(10)
    rig.reconfigure(peer, sending=True)
    rig.tick(2)
    assert markers(peer.heard) == [0]
    assert steps(peer.heard) == [(1, 160)]
    assert len(other.heard) == 12


def test_a_leg_with_an_address_nobody_can_have_sends_nothing() -> None:
    rig = Rig()
    for host, port in (("0.0.0.0", 4000), ("example.org", 4000), ("192.0.2.1", 0), ("::", 9)):
        peer = rig.peer(remote_host=host, remote_port=port)
        rig.tick(3)
        assert peer.heard == []


def test_ten_millisecond_packets_go_out_in_pairs_and_are_numbered_one_by_one() -> None:
    rig = Rig()
    peer = rig.peer(ptime_ms=10)
    tone = rig.tone(1000.0)
    rig.connect(tone, peer)
    rig.tick(10)
    assert len(peer.heard) == 20
    assert {len(p.payload) for p in peer.heard} == {80}
    assert steps(peer.heard) == [(1, 80)] * 19
    assert markers(peer.heard) == [0]
    rig.close(peer)
    (closed,) = (w for w in _after(rig) if isinstance(w, LegClosed))
    assert (closed.statistics.packets_sent, closed.statistics.octets_sent) == (20, 1600)


def _after(rig: Rig) -> list[object]:
    return [event.what for event in rig.tick()]


def test_ten_millisecond_packets_carry_the_same_sound_as_twenty() -> None:
    rig = Rig()
    short, long = rig.peer(ptime_ms=10), rig.peer()
    tone = rig.tone(440.0)
    rig.connect(tone, short)
    rig.connect(tone, long)
    rig.tick(20)
    assert short.samples == long.samples


def test_short_packets_of_a_law_keep_it() -> None:
    rig = Rig()
    peer = rig.peer(ptime_ms=10, codec="PCMA", send_payload_type=8)
    rig.tick(2)
    assert {p.payload for p in peer.heard} == {b"\xd5" * 80}


def test_after_a_stall_of_the_engine_time_has_moved_and_the_marker_is_set() -> None:
    rig = Rig()
    peer = rig.peer()
    rig.tick(3)
    rig.tick(3, skipped=7)
    assert steps(peer.heard) == [(1, 160), (1, 160), (1, 160 * 8), (1, 160), (1, 160)]
    assert markers(peer.heard) == [0, 3]
    assert [str(e.what) for e in rig.events if e.unit == 0] == ["TicksSkipped(frames=7)"]


def test_closing_says_goodbye_and_tells_the_statistics_last() -> None:
    rig = Rig()
    peer = rig.peer()
    rig.tick(5)
    peer.say_level(100)
    rig.tick(1)
    rig.close(peer)
    rig.tick(5)
    assert len(peer.heard) == 6
    report, goodbye = parse_compound(rig.sockets.reports[0][-1])
    assert isinstance(report, SenderReport)
    assert goodbye == Goodbye((peer.heard[0].ssrc,))
    statistics = rig.told(peer)[-1]
    assert isinstance(statistics, LegClosed)
    assert statistics.statistics == LegStatistics(
        packets_sent=6, packets_received=1, octets_sent=960, octets_received=160
    )
    assert rig.sockets.closed == [0]


def test_a_leg_that_never_sent_says_no_goodbye() -> None:
    rig = Rig()
    peer = rig.peer(sending=False)
    rig.tick(2)
    rig.close(peer)
    rig.close(peer)
    rig.tick(2)
    assert rig.sockets.reports == {}
    assert sum(isinstance(what, LegClosed) for what in rig.told(peer)) == 1


def test_a_leg_that_only_listened_and_reported_says_goodbye() -> None:
    rig = Rig()
    peer = rig.peer(sending=False)
    for _ in range(400):
        peer.say_level(0)
        rig.tick()
    rig.close(peer)
    rig.tick()
    assert isinstance(parse_compound(rig.sockets.reports[0][0])[0], ReceiverReport)
    assert isinstance(parse_compound(rig.sockets.reports[0][-1])[-1], Goodbye)


def test_a_place_that_is_used_again_begins_anew() -> None:
    rig = Rig(legs=1)
    first = rig.peer()
    rig.tick(2)
    for _ in range(20):
        first.say_level(9000)
        rig.tick()
    rig.close(first)
    rig.tick()
    second = Peer(rig, rig.new_id(), 0, first.stream)
    rig.peers[:] = [second]
    rig.do(OpenLeg(second.unit))
    rig.tick()
    rig.reconfigure(second)
    rig.connect(second, second)
    rig.tick(20)
    assert set(second.samples) == {0}
    assert second.heard[0].ssrc != first.heard[0].ssrc
    rig.close(second)
    rig.tick()
    closed = rig.told(second)[-1]
    assert isinstance(closed, LegClosed)
    assert closed.statistics == LegStatistics(packets_sent=20, octets_sent=3200)


def test_more_legs_than_the_engine_carries_are_refused_with_the_reason() -> None:
    rig = Rig(legs=2)
    rig.do(OpenLeg(1), OpenLeg(2), OpenLeg(3))
    rig.tick()
    assert rig.told(3) == [LegRefused(reason="the engine carries its maximum of 2 legs")]
    rig.close(1)
    rig.tick()
    rig.do(OpenLeg(4))
    rig.tick()
    assert rig.told(4) == [LegOpened(rtp_port=20000, rtcp_port=20001)]


def test_a_leg_without_a_port_is_refused_and_leaves_its_place_free() -> None:
    rig = Rig(legs=1)
    rig.sockets.full = True
    rig.do(OpenLeg(1))
    rig.tick()
    assert rig.told(1) == [LegRefused(reason="no port is free between 1 and 2")]
    rig.sockets.full = False
    rig.do(OpenLeg(2))
    rig.tick()
    assert rig.told(2) == [LegOpened(rtp_port=20000, rtcp_port=20001)]


def test_statistics_count_loss_duplicates_late_and_rejected_packets() -> None:
    rig = Rig()
    peer = rig.peer()
    rig.tick()
    for n in range(50):
        if n not in (10, 11, 30):
            peer.say_level(50)
        else:
            peer.sequence += 1
            peer.timestamp += 160
        if n == 20:
            peer.send(Packet(sequence=100 + 20, timestamp=0, ssrc=peer.ssrc).to_bytes())
            peer.send(b"garbage")
        rig.tick()
    rig.close(peer)
    rig.tick()
    closed = rig.told(peer)[-1]
    assert isinstance(closed, LegClosed)
    statistics = closed.statistics
    assert statistics.packets_received == 47
    assert statistics.packets_lost == 3
    assert statistics.packets_duplicated == 1
    assert statistics.packets_rejected == 1
    assert statistics.max_gap_ms == 60.0
    assert statistics.jitter_ms < 1


def test_what_a_leg_hears_is_encoded_by_its_own_law() -> None:
    rig = Rig()
    ulaw, alaw = rig.peer(), rig.peer(codec="PCMA", send_payload_type=8)
    rig.connect(ulaw, alaw)
    rig.connect(alaw, ulaw)
    for _ in range(5):
        ulaw.say_level(1000)
        alaw.say_level(-3000)
        rig.tick()
    assert alaw.level == q(q(1000, "PCMU"), "PCMA")
    assert ulaw.level == q(q(-3000, "PCMA"), "PCMU")
    assert decoded(alaw.heard[-1].payload[:1], "PCMA")[0] == alaw.level
