"""Legs from which nothing is heard: told after two seconds, with what their packets tell of why."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.media.port import AudioMissing
from runtime.media.protocol import Event
from runtime.media.units.missing_audio import MOST_TOLD
from runtime.media.units.sealing import MAX_OPENED
from tests.media.rig import Peer, Rig
from tests.media.secure import SecurePeer, forged
from tests.media.speaker import CODED, TABLE, Speaker


def told(events: list[Event], *kinds: type) -> list[object]:
    return [event.what for event in events if isinstance(event.what, kinds)]


def say_silence(rig: Rig, peer: Peer) -> None:
    for _ in range(20):
        peer.say_level(0)
        rig.tick()


@pytest.mark.parametrize("sends", ["nothing", "strangers", "comfort noise", "another codec"])
def test_two_seconds_without_audio_are_told_with_the_likely_cause(sends: str) -> None:
    rig = Rig()
    peer = rig.peer()
    words = {
        "nothing": "no packet has come at all",
        "strangers": "another address",
        "comfort noise": "comfort noise",
        "another codec": "not negotiated",
    }
    events = []
    for number in range(110):
        if sends == "strangers" and number % 10 == 0:
            packet = peer.sequence.to_bytes(2, "big")
            data = b"\x80\x00" + packet + bytes(4) + number.to_bytes(4, "big") + bytes(160)
            peer.send(data, source=("198.51.100.7", 4_000 + number))
        if sends == "comfort noise" and number % 10 == 0:
            peer.say(b"\x40", payload_type=13)
        if sends == "another codec":
            peer.say(bytes(20), payload_type=18)
        events += rig.tick()
    (missing,) = told(events, AudioMissing)
    assert isinstance(missing, AudioMissing)
    assert words[sends] in missing.cause


def test_packets_under_a_wrong_key_are_told_as_such() -> None:
    rig = Rig()
    peer = SecurePeer.join(rig)
    events = []
    for _ in range(110):
        peer.leg.send(forged(peer.packet()))
        events += rig.tick()
    (missing,) = told(events, AudioMissing)
    assert isinstance(missing, AudioMissing)
    assert "SRTP authentication fails" in missing.cause


def test_packets_that_came_before_are_told_as_such() -> None:
    rig = Rig()
    peer = SecurePeer.join(rig)
    before = [peer.say(0) for _ in range(MAX_OPENED)]
    events = rig.tick()
    for number in range(150):
        peer.leg.send(before[number % MAX_OPENED])
        events += rig.tick()
    (missing,) = told(events, AudioMissing)
    assert isinstance(missing, AudioMissing)
    assert "SRTP replay" in missing.cause


@pytest.mark.parametrize("codec", CODED)
def test_a_leg_of_another_codec_that_spoke_and_stopped_is_missed(codec: str) -> None:
    rig = Rig(codecs=TABLE)
    speaker = Speaker.on(rig, codec)
    events = []
    for _ in range(150):
        speaker.say(np.zeros(16_000, dtype=np.int16))
        events += rig.tick()
    assert told(events, AudioMissing) == []
    (missing,) = told(rig.tick(125), AudioMissing)
    assert isinstance(missing, AudioMissing)
    assert "have stopped" in missing.cause


def test_a_peer_that_pauses_often_is_told_of_five_times() -> None:
    rig = Rig()
    peer = rig.peer()
    events = []
    for _ in range(MOST_TOLD + 2):
        peer.say_level(0)
        events += rig.tick(110)
    assert len(told(events, AudioMissing)) == MOST_TOLD


def test_a_key_that_is_held_down_is_heard() -> None:
    rig = Rig()
    peer = rig.peer()
    events = []
    for number in range(150):
        event = bytes([5, 10]) + (160 * number).to_bytes(2, "big")
        peer.say(event, payload_type=101, timestamp=8000)
        events += rig.tick()
    assert told(events, AudioMissing) == []


def test_packets_that_stop_are_told_as_such_and_again_after_they_came_back() -> None:
    rig = Rig()
    peer = rig.peer()
    for _ in range(2):
        say_silence(rig, peer)
        (missing,) = told(rig.tick(125), AudioMissing)
        assert isinstance(missing, AudioMissing)
        assert "have stopped" in missing.cause


def test_a_leg_on_hold_is_not_missed() -> None:
    rig = Rig()
    peer = rig.peer()
    rig.reconfigure(peer, receiving=False)
    assert told(rig.tick(150), AudioMissing) == []
