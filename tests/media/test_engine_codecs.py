"""Legs with costly codecs, by their sound: wide and narrow legs, players, conferences, recordings.

Peers here code and decode by themselves; what they hear is judged by its frequencies.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from runtime.media.codecs.table import FORMATS
from runtime.media.pcm import PcmBuffer, PcmRing
from runtime.media.port import LegClosed, LegMeasured, PlayerFinished, ReceivedFormat
from runtime.media.protocol import CloseUnit, MeasureLeg, MuteRecorder, SendDigits, TapLeg
from runtime.media.rtp.rtcp import ReceiverReport, ReportBlock
from tests.media.native.helper import helper
from tests.media.packets import Packet, sine
from tests.media.rig import Peer, Rig
from tests.media.secure import SecurePeer
from tests.media.speaker import CODED, SECOND, TABLE, TYPES, WIDE, Speaker
from tests.media.spectrum import amplitude_of, decibels, energy_above, tone, voice


def narrow_level(peer: Peer, frequency: float) -> float:
    heard = np.array(peer.samples[-30 * 160 :], np.int16)
    return decibels(amplitude_of(heard, frequency, 8000), 8000)


def steps_of(packets: list[Packet]) -> set[tuple[int, int]]:
    """Between one packet and the next: of sequence numbers and of timestamps."""
    return {
        ((b.sequence - a.sequence) & 0xFFFF, (b.timestamp - a.timestamp) & 0xFFFFFFFF)
        for a, b in itertools.pairwise(packets)
    }


def wide_sound(*frequencies: float, seconds: float = 10) -> PcmBuffer:
    buffer = PcmBuffer.create(16000, capacity_s=seconds)
    wave = np.sum([tone(f, 16000, seconds) / len(frequencies) for f in frequencies], axis=0)
    buffer.append(wave.astype(np.int16))
    buffer.finish()
    return buffer


# --- what is said and heard -----------------------------------------------------------------------


@pytest.mark.parametrize("codec", CODED)
def test_an_echo_comes_back_in_the_same_codec(codec: str) -> None:
    rig = Rig(codecs=TABLE)
    speaker = Speaker.on(rig, codec)
    rig.connect(speaker.peer, speaker.peer)
    for _ in range(2 * SECOND):
        speaker.say(tone(1000, FORMATS[codec].rate_hz, 1))
        rig.tick()
    assert abs(speaker.level(1000)) < 1.5


@pytest.mark.parametrize("codec", WIDE)
def test_two_wide_legs_hear_each_other_above_4_khz(codec: str) -> None:
    rig = Rig(codecs=TABLE)
    speaker, listener = Speaker.on(rig, codec), Speaker.on(rig, "L16")
    rig.connect(speaker.peer, listener.peer)
    for _ in range(2 * SECOND):
        speaker.say(tone(6000, 16000, 1))
        rig.tick()
    assert abs(listener.level(6000)) < 3
    assert energy_above(listener.heard(), 4000, 16000) > 0.95


def test_a_wide_leg_is_heard_by_a_narrow_one_without_aliases() -> None:
    rig = Rig(codecs=TABLE)
    speaker, listener = Speaker.on(rig, "L16"), rig.peer()
    rig.connect(speaker.peer, listener)
    for _ in range(SECOND):
        speaker.say(tone(3000, 16000, 1))
        rig.tick()
    assert abs(narrow_level(listener, 3000)) < 1
    for _ in range(2 * SECOND):
        speaker.say(tone(5000, 16000, 1))
        rig.tick()
    assert narrow_level(listener, 3000) < -40


def test_a_narrow_leg_is_heard_by_a_wide_one_without_a_mirror_image() -> None:
    rig = Rig(codecs=TABLE)
    speaker, listener = rig.peer(), Speaker.on(rig, "L16")
    rig.connect(speaker, listener.peer)
    for number in range(SECOND):
        speaker.say(sine(1000, 160 * number))
        rig.tick()
    level = listener.level(1000)
    assert listener.level(7000) < level - 40


def test_a_wide_sound_is_played_wide_to_wide_legs_and_narrow_to_the_others() -> None:
    rig = Rig(codecs=TABLE)
    wide, narrow = Speaker.on(rig, "G722"), rig.peer()
    player = rig.player(wide_sound(1000, 6000))
    rig.connect(player, wide.peer)
    rig.connect(player, narrow)
    rig.tick(SECOND)
    assert abs(wide.level(6000) + 6) < 2
    assert abs(wide.level(1000) + 6) < 2
    assert abs(narrow_level(narrow, 1000) + 6) < 1
    assert narrow_level(narrow, 2000) < -46


def test_a_wide_sound_pauses_resumes_reaches_markers_and_ends() -> None:
    rig = Rig(codecs=TABLE)
    listener = Speaker.on(rig, "L16")
    player = rig.player(wide_sound(1000, seconds=0.4), marker=200)
    rig.connect(player, listener.peer)
    rig.tick(30)
    names = [type(what).__name__ for what in rig.told(player)]
    assert names == ["PlayerStarted", "PlayerMarkerReached", "PlayerFinished"]
    assert not listener.heard(1).any()


def test_a_tone_script_is_heard_on_a_wide_leg() -> None:
    rig = Rig(codecs=TABLE)
    listener = Speaker.on(rig, "opus")
    rig.connect(rig.tone(440), listener.peer)
    rig.tick(SECOND)
    heard = listener.heard()
    assert amplitude_of(heard, 440, 16000) > 500
    assert energy_above(heard, 600, 16000) < 0.01


def test_a_conference_mixes_wide_for_wide_members_and_narrow_for_the_others() -> None:
    rig = Rig(codecs=TABLE)
    conference = rig.conference()
    loud, wide, narrow = Speaker.on(rig, "L16"), Speaker.on(rig, "G722"), rig.peer()
    for member in (loud.peer, wide.peer, narrow):
        rig.connect(member, conference)
        rig.connect(conference, member)
    for number in range(2 * SECOND):
        loud.say(tone(6000, 16000, 1))
        wide.say(tone(2000, 16000, 1))
        narrow.say(sine(700, 160 * number))
        rig.tick()
    assert abs(wide.level(6000)) < 3
    assert wide.level(700) > -10
    assert wide.level(2000) < -30, "nobody hears himself"
    assert loud.level(2000) > -3
    assert abs(narrow_level(narrow, 2000)) < 1.5
    assert narrow_level(narrow, 6000 - 4000) > -2


def test_a_conference_that_only_narrow_legs_hear_is_not_mixed_wide() -> None:
    rig = Rig(codecs=TABLE)
    conference = rig.conference()
    one, other = rig.peer(), rig.peer()
    for member in (one, other):
        rig.connect(member, conference)
        rig.connect(conference, member)
    one.say_level(1000)
    rig.tick(3)
    frames = rig.engine._parts.frames
    assert not frames.wide.any()


# --- recordings -----------------------------------------------------------------------------------


def hd_recording(rig: Rig, *legs: Peer) -> tuple[int, PcmRing]:
    ring = PcmRing.create(16000)
    recorder = rig.recorder(ring)
    for leg in legs:
        rig.do(TapLeg(recorder, leg.unit))
    return recorder, ring


def test_an_hd_recording_holds_what_a_wide_leg_says_and_hears() -> None:
    rig = Rig(codecs=TABLE)
    speaker = Speaker.on(rig, "G722")
    _, ring = hd_recording(rig, speaker.peer)
    rig.connect(rig.player(wide_sound(5000)), speaker.peer)
    for _ in range(2 * SECOND):
        speaker.say(tone(6500, 16000, 1))
        rig.tick()
    frames, lost = ring.read()
    assert lost == 0
    said, heard = frames[-16000:, 0], frames[-16000:, 1]
    assert abs(decibels(amplitude_of(said, 6500, 16000), 8000)) < 3
    assert abs(decibels(amplitude_of(heard, 5000, 16000), 8000)) < 1
    assert amplitude_of(said, 5000, 16000) < 100


def test_an_hd_recording_of_a_narrow_leg_has_its_sound_at_the_right_speed() -> None:
    rig = Rig(codecs=TABLE)
    speaker = rig.peer()
    recorder, ring = hd_recording(rig, speaker)
    rig.connect(rig.player(wide_sound(5000)), speaker)
    for number in range(SECOND):
        speaker.say(sine(1000, 160 * number))
        rig.tick()
    rig.do(MuteRecorder(recorder, True))
    rig.tick(SECOND // 2)
    frames, _ = ring.read()
    assert amplitude_of(frames[8000:14000, 0], 1000, 16000) > 500
    assert amplitude_of(frames[8000:14000, 1], 5000, 16000) > 7000
    assert not frames[-4000:].any()
    rig.do(CloseUnit(recorder))
    rig.tick()


def test_a_narrow_recording_of_a_wide_leg_has_no_aliases() -> None:
    rig = Rig(codecs=TABLE)
    speaker, ring = Speaker.on(rig, "L16"), PcmRing.create()
    recorder = rig.recorder(ring)
    rig.do(TapLeg(recorder, speaker.peer.unit))
    for _ in range(SECOND):
        speaker.say(tone(5000, 16000, 1))
        rig.tick()
    frames, _ = ring.read()
    assert decibels(float(np.abs(frames[-4000:, 0]).max()), 8000) < -40


def test_an_hd_recording_of_a_conference_is_wide() -> None:
    rig = Rig(codecs=TABLE)
    conference, speaker = rig.conference(), Speaker.on(rig, "L16")
    rig.connect(speaker.peer, conference)
    recorder, ring = hd_recording(rig)
    rig.connect(conference, recorder)
    for _ in range(SECOND):
        speaker.say(tone(6000, 16000, 1))
        rig.tick()
    frames, _ = ring.read()
    assert abs(decibels(amplitude_of(frames[-8000:, 0], 6000, 16000), 8000)) < 1
    rig.close(recorder)
    rig.close(speaker.peer)
    rig.tick(2)


# --- packets --------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", CODED)
def test_packets_are_numbered_and_dated_by_the_codecs_clock(codec: str) -> None:
    rig = Rig(codecs=TABLE)
    peer = Speaker.on(rig, codec).peer
    rig.tick(10)
    heard = peer.heard
    assert len(heard) == 10
    assert heard[0].marker
    assert not any(p.marker for p in heard[1:])
    assert steps_of(heard) == {(1, FORMATS[codec].step)}
    assert {p.ssrc for p in heard} == {heard[0].ssrc}
    assert {p.payload_type for p in heard} == {TYPES[codec]}


def test_a_change_to_a_codec_with_the_same_clock_goes_on_in_the_same_stream() -> None:
    rig = Rig(codecs=TABLE)
    peer = rig.peer()
    rig.tick(3)
    rig.reconfigure(peer, codec="G722", send_payload_type=9, receive_payload_types=frozenset({9}))
    rig.tick(3)
    rig.reconfigure(peer, codec="PCMU", send_payload_type=0, receive_payload_types=frozenset({0}))
    rig.tick(3)
    heard = peer.heard
    assert [p.payload_type for p in heard] == [0, 0, 0, 9, 9, 9, 0, 0, 0]
    assert steps_of(heard) == {(1, 160)}
    assert len({p.ssrc for p in heard}) == 1


def test_a_change_of_the_clock_rate_is_another_stream_and_the_old_one_says_bye() -> None:
    """RFC 7160 4.1."""
    rig = Rig(codecs=TABLE)
    peer = rig.peer()
    rig.tick(3)
    opus = {"codec": "opus", "send_payload_type": 96, "receive_payload_types": frozenset({96})}
    rig.reconfigure(peer, **opus)
    rig.tick(3)
    old, new = peer.heard[:3], peer.heard[3:]
    assert {p.ssrc for p in old}.isdisjoint(p.ssrc for p in new)
    assert new[0].marker
    assert (new[1].timestamp - new[0].timestamp) & 0xFFFFFFFF == 960
    goodbye = rig.sockets.reports[peer.number][-1]
    assert goodbye[-8:] == bytes([0x81, 203, 0, 1]) + old[0].ssrc.to_bytes(4, "big")
    rig.close(peer)
    rig.tick()
    closed = rig.told(peer)[-1]
    assert isinstance(closed, LegClosed)
    assert closed.statistics.packets_sent == 6


@pytest.mark.parametrize(("codec", "clock"), [("PCMU", 8), ("L16", 16), ("opus", 48)])
def test_the_jitter_that_a_peer_reports_is_in_units_of_our_timestamps(
    codec: str, clock: int
) -> None:
    rig = Rig(codecs=TABLE)
    peer = rig.peer(codec=codec, send_payload_type=96, receive_payload_types=frozenset({96}))
    rig.tick()
    block = ReportBlock(
        ssrc=peer.heard[0].ssrc,
        fraction_lost=0,
        cumulative_lost=0,
        highest_sequence=1,
        jitter=10 * clock,
        last_report=0,
        delay=0,
    )
    report = ReceiverReport(ssrc=peer.ssrc, blocks=(block,)).to_bytes()
    rig.sockets.reports_waiting.append((peer.number, report, ("192.0.2.1", 4001)))
    rig.tick()
    rig.do(MeasureLeg(peer.unit))
    rig.tick()
    measured = rig.told(peer)[-1]
    assert isinstance(measured, LegMeasured)
    assert measured.statistics.remote_jitter_ms == 10.0


def test_everything_of_an_encrypted_opus_leg_is_sealed_through_digits_and_changes() -> None:
    rig = Rig(codecs=TABLE)
    peer = SecurePeer.join(
        rig,
        codec="opus",
        send_payload_type=96,
        receive_payload_types=frozenset({96}),
        dtmf_clock_hz=48000,
    )
    rig.connect(rig.player(wide_sound(5000)), peer.leg)
    rig.do(SendDigits(peer.leg.unit, "12"))
    peer.tick(2 * SECOND)
    assert {p.payload[0] for p in peer.heard if p.payload_type == 101} == {1, 2}
    decoder = TABLE.decoder("opus")
    pieces = [decoder.decode(p.payload) for p in peer.heard if p.payload_type == 96]
    heard = np.concatenate([piece for piece in pieces if piece is not None])
    assert abs(decibels(amplitude_of(heard[-8000:], 5000, 16000), 8000)) < 3
    rig.reconfigure(
        peer.leg, codec="PCMU", send_payload_type=0, receive_payload_types=frozenset({0})
    )
    peer.tick(5)
    old, new = peer.heard[: 2 * SECOND], peer.heard[2 * SECOND :]
    numbers = [packet.sequence for packet in old]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert len(new) == 5
    assert {p.ssrc for p in old}.isdisjoint(p.ssrc for p in new)
    assert peer.opened_reports()[-1][-8:-4] == bytes([0x81, 203, 0, 1])


def test_the_peer_may_switch_between_the_formats_of_its_answer() -> None:
    rig = Rig(codecs=TABLE)
    speaker = Speaker.on(
        rig, "opus", other_formats=(ReceivedFormat(9, "G722"), ReceivedFormat(0, "PCMU"))
    )
    listener = Speaker.on(rig, "L16")
    rig.connect(speaker.peer, listener.peer)
    levels = []
    for codec in ("opus", "G722", "PCMU", "opus"):
        speaker.codec, speaker.encoder, speaker.said = codec, TABLE.encoder(codec, ""), 0
        for _ in range(SECOND):
            speaker.say(tone(1000, FORMATS[codec].rate_hz, 1), payload_type=TYPES[codec])
            rig.tick()
        levels.append(listener.level(1000))
    assert [round(level) for level in levels] == pytest.approx([0, 0, 0, 0], abs=2)


def test_lost_opus_packets_are_restored_from_their_successors() -> None:
    clean = opus_heard("useinbandfec=1", lossy=False)
    guessed = opus_heard("", lossy=True) - opus_heard("", lossy=False)
    restored = opus_heard("useinbandfec=1", lossy=True) - clean
    assert decibels(float(np.std(restored)), float(np.std(clean))) < -18
    assert decibels(float(np.std(restored)), float(np.std(guessed))) < -6


def opus_heard(fmtp: str, *, lossy: bool) -> NDArray[np.float64]:
    """A voice over Opus, every tenth packet lost."""
    rig = Rig(codecs=TABLE)
    speaker, listener = Speaker.on(rig, "opus"), Speaker.on(rig, "L16")
    rig.connect(speaker.peer, listener.peer)
    speaker.encoder = TABLE.encoder("opus", fmtp)
    for number in range(3 * SECOND):
        speaker.say(voice(1))
        if lossy and number % 10 == 5:
            rig.sockets.waiting.pop()
        rig.tick()
    return listener.heard(100).astype(np.float64)


def test_malformed_payloads_are_counted_and_the_leg_lives() -> None:
    rig = Rig(codecs=TABLE)
    speaker = Speaker.on(rig, "opus")
    rig.connect(speaker.peer, speaker.peer)
    random = np.random.default_rng(7)
    for size in (0, 1, 2, 3, 50, 160, 900, 1000):
        for _ in range(20):
            speaker.peer.say(random.bytes(size))
            speaker.peer.timestamp += 960 - size
            rig.tick()
    for _ in range(2 * SECOND):
        speaker.say(tone(1000, 16000, 1))
        rig.tick()
    assert abs(speaker.level(1000)) < 1.5
    rig.close(speaker.peer)
    rig.tick()
    closed = rig.told(speaker.peer)[-1]
    assert isinstance(closed, LegClosed)
    assert closed.statistics.packets_rejected > 0


@given(
    packets=st.lists(
        st.tuples(
            st.sampled_from([0, 9, 13, 96, 97, 101, 127]),
            st.integers(0, 2**16 - 1),
            st.integers(0, 2**32 - 1),
            st.binary(max_size=60),
            st.booleans(),
        ),
        max_size=40,
    )
)
@settings(max_examples=60, deadline=None)
def test_no_packet_of_a_coded_leg_ends_the_engine(
    packets: list[tuple[int, int, int, bytes, bool]],
) -> None:
    rig = Rig(codecs=TABLE)
    others = (ReceivedFormat(9, "G722"), ReceivedFormat(97, "L16"), ReceivedFormat(0, "PCMU"))
    speaker = Speaker.on(rig, "opus", other_formats=others)
    rig.connect(speaker.peer, speaker.peer)
    for kind, sequence, timestamp, payload, pause in packets:
        packet = Packet(sequence=sequence, timestamp=timestamp, payload_type=kind, payload=payload)
        speaker.peer.send(packet.to_bytes())
        if pause:
            rig.tick()
    rig.tick(3)
    assert len(speaker.peer.heard) == 3 + sum(pause for *_, pause in packets)


def test_octets_are_counted_as_sent() -> None:
    rig = Rig(codecs=TABLE)
    speaker = Speaker.on(rig, "L16")
    rig.do(SendDigits(speaker.peer.unit, "1"))
    rig.tick(20)
    octets = sum(len(packet.payload) for packet in speaker.peer.heard)
    rig.close(speaker.peer)
    rig.tick()
    closed = rig.told(speaker.peer)[-1]
    assert isinstance(closed, LegClosed)
    assert closed.statistics.octets_sent == octets


def test_jitter_is_told_in_milliseconds_whatever_the_clock() -> None:
    rig = Rig(codecs=TABLE)
    speaker = Speaker.on(rig, "opus")
    for _ in range(SECOND):
        speaker.say(tone(1000, 16000, 1))
        rig.tick()
    rig.close(speaker.peer)
    rig.tick()
    closed = rig.told(speaker.peer)[-1]
    assert isinstance(closed, LegClosed)
    assert closed.statistics.jitter_ms < 3


def test_a_sound_of_another_rate_is_refused_with_the_rates_that_can_be_played() -> None:
    rig = Rig(codecs=TABLE)
    buffer = PcmBuffer.create(48000, capacity_s=1)
    player = rig.player(buffer)
    rig.tick()
    (finished,) = rig.told(player)
    assert isinstance(finished, PlayerFinished)
    assert finished.error == "the sound has 48000 Hz, the engine plays 8000 and 16000 Hz"


def test_a_narrow_leg_hears_the_same_with_a_wide_one_beside_it() -> None:
    heard = []
    for beside in ("PCMU", "L16"):
        rig = Rig(codecs=TABLE)
        speaker, listener = rig.peer(), rig.peer()
        other = rig.peer() if beside == "PCMU" else Speaker.on(rig, beside).peer
        rig.connect(speaker, listener)
        rig.connect(speaker, other)
        for number in range(20):
            speaker.say(sine(1000, 160 * number))
            rig.tick()
        heard.append(listener.samples)
    assert heard[0] == heard[1]


def test_with_the_native_helper_wide_and_narrow_legs_hear_the_same() -> None:
    heard = []
    for library in (None, helper()):
        rig = Rig(codecs=TABLE, library=library)
        speaker, narrow, wide = rig.peer(), rig.peer(), Speaker.on(rig, "L16")
        rig.connect(speaker, narrow)
        rig.connect(rig.player(wide_sound(5000, seconds=0.5)), wide.peer)
        for number in range(SECOND):
            speaker.say(sine(1000, 160 * number))
            rig.tick()
        rig.close(wide.peer)
        for number in range(SECOND, 2 * SECOND):
            speaker.say(sine(1000, 160 * number))
            rig.tick()
        heard.append([[packet.payload for packet in peer.heard] for peer in (narrow, wide.peer)])
    assert heard[0] == heard[1]
