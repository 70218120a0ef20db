"""Key presses of legs with other clocks than 8 kHz: received, sent, passed on, as tones."""

from __future__ import annotations

import pytest

from runtime.media.codecs.table import FORMATS
from runtime.media.dtmf import DIGITS
from runtime.media.port import ToneReceivedFromPeer
from runtime.media.protocol import HandleTones, SendDigits
from tests.media.rig import Rig
from tests.media.speaker import CODED, TABLE, Speaker
from tests.media.spectrum import amplitude_of, tone


@pytest.mark.parametrize("codec", CODED)
def test_a_key_press_has_its_length_on_every_clock(codec: str) -> None:
    rig = Rig(codecs=TABLE)
    speaker, step = Speaker.on(rig, codec), FORMATS[codec].step
    rig.do(HandleTones(speaker.peer.unit, True))
    speaker.say(tone(1000, FORMATS[codec].rate_hz, 1))
    rig.tick()
    began = speaker.peer.timestamp
    for number in range(8):
        last = number >= 5
        duration = min(number + 1, 5) * step
        payload = bytes([DIGITS.index("7"), 0x80 if last else 0]) + duration.to_bytes(2, "big")
        speaker.peer.say(payload, payload_type=101, timestamp=began, marker=number == 0)
        rig.tick()
    told = [w for w in rig.told(speaker.peer) if isinstance(w, ToneReceivedFromPeer)]
    assert told == [ToneReceivedFromPeer(tone="7", duration_ms=100)]


@pytest.mark.parametrize("codec", CODED)
def test_digits_are_sent_on_the_clock_of_the_audio(codec: str) -> None:
    rig = Rig(codecs=TABLE)
    peer, step = Speaker.on(rig, codec).peer, FORMATS[codec].step
    rig.tick(3)
    rig.do(SendDigits(peer.unit, "5"))
    rig.tick(20)
    events = [p for p in peer.heard if p.payload_type == 101]
    durations = [int.from_bytes(p.payload[2:], "big") for p in events]
    assert durations == [step, 2 * step, 3 * step, 4 * step, 5 * step, 5 * step, 5 * step]
    assert len({p.timestamp for p in events}) == 1
    before = peer.heard[peer.heard.index(events[0]) - 1]
    assert (events[0].timestamp - before.timestamp) & 0xFFFFFFFF == step


def test_digits_of_8000_hz_beside_opus_keep_their_own_durations() -> None:
    rig = Rig(codecs=TABLE)
    peer = Speaker.on(rig, "opus").peer
    rig.reconfigure(peer, dtmf_clock_hz=8000)
    rig.do(SendDigits(peer.unit, "5"))
    rig.tick(20)
    durations = [int.from_bytes(p.payload[2:], "big") for p in peer.heard if p.payload_type == 101]
    assert durations[:5] == [160, 320, 480, 640, 800]


def test_a_wide_leg_without_telephone_event_gets_the_tone() -> None:
    rig = Rig(codecs=TABLE)
    speaker = Speaker.on(rig, "G722", dtmf_send_payload_type=None)
    rig.do(SendDigits(speaker.peer.unit, "5"))
    rig.tick(6)
    heard = speaker.heard(5)
    assert amplitude_of(heard, 770, 16000) > 3000
    assert amplitude_of(heard, 1336, 16000) > 3000


def test_keys_pass_between_legs_of_different_clocks() -> None:
    rig = Rig(codecs=TABLE)
    opus, narrow = Speaker.on(rig, "opus"), rig.peer()
    rig.connect(opus.peer, narrow)
    opus.say(tone(1000, 16000, 1))
    rig.tick()
    began = opus.peer.timestamp
    for number in range(8):
        duration = min(number + 1, 5) * 960
        flags = 0x80 if number >= 5 else 0
        payload = bytes([3, flags]) + duration.to_bytes(2, "big")
        opus.peer.say(payload, payload_type=101, timestamp=began, marker=number == 0)
        rig.tick()
    rig.tick(10)
    events = [p.payload for p in narrow.heard if p.payload_type == 101]
    assert {payload[0] for payload in events} == {3}
    assert events[-1][1] & 0x80
    assert int.from_bytes(events[-1][2:], "big") % 160 == 0
