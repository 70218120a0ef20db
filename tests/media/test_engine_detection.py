"""What the engine hears on legs that are asked about: digits, voices, beeps, machines, tones."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from runtime.media.codec import encode
from runtime.media.findings import (
    BeepHeard,
    Detection,
    DetectionRefused,
    MachineJudged,
    ProgressToneHeard,
    VoiceChanged,
)
from runtime.media.pcm import PcmRing
from runtime.media.port import (
    LegMeasured,
    ToneReceivedFromPeer,
)
from runtime.media.protocol import Detect, Event, MeasureLeg, OpenLeg, TapLeg
from runtime.media.tone_script import ToneScript, ToneStep
from runtime.media.tones import dtmf_samples, render
from runtime.media.units import detectors
from tests.media.detect.voices import talk
from tests.media.rig import Peer, Rig

Samples = NDArray[np.int16]
SILENCE: Samples = np.zeros(160, dtype=np.int16)


def say(rig: Rig, peer: Peer, sound: Samples) -> list[Event]:
    """Send a sound in packets of 20 ms, one a tick."""
    events = []
    padded = np.concatenate((sound, np.zeros(-len(sound) % 160, dtype=np.int16)))
    for frame in padded.reshape(-1, 160):
        peer.say(encode(frame, "PCMU").tobytes())
        events += rig.tick()
    return events


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * 8000), dtype=np.int16)


def pressed(keys: str, ms: int = 100) -> Samples:
    pieces = [silence(0.1)]
    for key in keys:
        pieces += [dtmf_samples(key, 0, ms * 8), silence(0.1)]
    return np.concatenate(pieces)


def tone(*frequencies: float, ms: int, rounds: int = 1, off_ms: int = 0) -> Samples:
    steps = (
        ToneStep(frequencies_hz=frequencies, duration_ms=ms),
        ToneStep(frequencies_hz=(), duration_ms=off_ms),
    )
    script = ToneScript(label="test", steps=steps)
    return render(script, 0, rounds * (ms + off_ms) * 8)


def told(events: list[Event], *kinds: type) -> list[object]:
    return [event.what for event in events if isinstance(event.what, kinds)]


def test_digits_in_the_audio_are_told_once_each_when_asked_for() -> None:
    rig = Rig()
    peer = rig.peer()
    assert told(say(rig, peer, pressed("12")), ToneReceivedFromPeer) == []
    rig.do(Detect(peer.unit, Detection(digits=True)))
    tones = told(say(rig, peer, pressed("159#")), ToneReceivedFromPeer)
    assert [one.tone for one in tones if isinstance(one, ToneReceivedFromPeer)] == list("159#")
    for one in tones:
        assert isinstance(one, ToneReceivedFromPeer)
        assert one.in_band
        assert abs(one.duration_ms - 100) <= 10


def test_a_lost_packet_in_a_press_does_not_make_two_of_it() -> None:
    rig = Rig()
    peer = rig.peer()
    rig.do(Detect(peer.unit, Detection(digits=True)))
    sound = np.concatenate((pressed("7", ms=160), silence(0.2))).reshape(-1, 160)
    events = []
    for number, frame in enumerate(sound):
        if number == 9:
            peer.sequence += 1
            peer.timestamp += 160
        else:
            peer.say(encode(frame, "PCMU").tobytes())
        events += rig.tick()
    assert [getattr(one, "tone", "") for one in told(events, ToneReceivedFromPeer)] == ["7"]


def test_handled_digits_are_not_heard_by_the_other_leg_but_stand_in_the_calls_recording() -> None:
    rig = Rig()
    peer, other = rig.peer(), rig.peer()
    rig.connect(peer, other)
    rig.do(Detect(peer.unit, Detection(digits=True)))
    ring = PcmRing.create()
    recorder = rig.recorder(ring)
    rig.do(TapLeg(recorder, peer.unit))
    say(rig, peer, np.concatenate((pressed("5", ms=200), silence(0.2))))
    rig.close(recorder)
    rig.tick()
    heard = np.array(other.samples, dtype=np.float64)
    recorded = ring.read()[0][:, 0].astype(np.float64)
    loud = np.abs(heard) > 1_000
    assert loud.sum() <= 160, "at most the first 20 ms of the tone get through"
    assert (np.abs(recorded) > 1_000).sum() > 1_000
    ring.close()


def test_digits_that_nobody_handles_are_heard_by_the_other_leg() -> None:
    rig = Rig()
    peer, other = rig.peer(), rig.peer()
    rig.connect(peer, other)
    say(rig, peer, np.concatenate((pressed("5", ms=200), silence(0.2))))
    assert (np.abs(np.array(other.samples)) > 1_000).sum() > 1_000


def test_voice_is_told_when_it_begins_and_when_it_has_ended() -> None:
    rig = Rig()
    peer = rig.peer()
    rig.do(Detect(peer.unit, Detection(voice=True)))
    events = say(rig, peer, np.concatenate((silence(0.5), talk(2.0), silence(1.0))))
    assert told(events, VoiceChanged) == [VoiceChanged(active=True), VoiceChanged(active=False)]


def test_a_beep_is_told_with_its_frequency_when_it_is_over() -> None:
    rig = Rig()
    peer = rig.peer()
    rig.do(Detect(peer.unit, Detection(beeps_hz=())))
    events = say(rig, peer, np.concatenate((silence(0.3), tone(1000, ms=400), silence(0.1))))
    (beep,) = told(events, BeepHeard)
    assert isinstance(beep, BeepHeard)
    assert beep.frequency_hz == pytest.approx(1000, abs=5)
    assert beep.duration_ms == pytest.approx(400, abs=40)


def test_beeps_of_other_frequencies_than_asked_for_are_none() -> None:
    rig = Rig()
    peer = rig.peer()
    rig.do(Detect(peer.unit, Detection(beeps_hz=(850.0,))))
    sound = np.concatenate((tone(1000, ms=400), silence(0.2), tone(855, ms=400), silence(0.2)))
    (beep,) = told(say(rig, peer, sound), BeepHeard)
    assert isinstance(beep, BeepHeard)
    assert beep.frequency_hz == pytest.approx(855, abs=5)


def test_a_word_and_silence_is_a_person_and_a_speech_is_a_machine() -> None:
    rig = Rig()
    person, machine = rig.peer(), rig.peer()
    for peer in (person, machine):
        rig.do(Detect(peer.unit, Detection(machine=True)))
    speech = talk(4.0)
    word = np.concatenate((silence(0.5), speech[:4_800], silence(1.2)))
    (judged,) = told(say(rig, person, word), MachineJudged)
    assert isinstance(judged, MachineJudged)
    assert judged.human is True
    (judged,) = told(say(rig, machine, np.concatenate((silence(0.5), speech))), MachineJudged)
    assert isinstance(judged, MachineJudged)
    assert judged.human is False


def test_a_busy_tone_is_told_by_its_cadence() -> None:
    rig = Rig()
    peer = rig.peer()
    rig.do(Detect(peer.unit, Detection(progress_of="US")))
    events = say(rig, peer, tone(480, 620, ms=500, off_ms=500, rounds=4))
    assert told(events, ProgressToneHeard) == [ProgressToneHeard(tone="busy", country="US")]


def test_a_leg_that_ends_while_it_is_listened_to_leaves_nothing_behind() -> None:
    rig = Rig()
    peer = rig.peer()
    everything = Detection(digits=True, voice=True, beeps_hz=(), machine=True, progress_of="US")
    rig.do(Detect(peer.unit, everything))
    say(rig, peer, pressed("1")[:1_200])
    rig.close(peer)
    rig.tick(3)
    follower = rig.peer()
    events = say(rig, follower, pressed("1"))
    assert told(events, ToneReceivedFromPeer, VoiceChanged, BeepHeard, MachineJudged) == []


def test_more_legs_than_can_be_listened_to_are_refused_and_keep_their_digits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(detectors, "MAX_LISTENED", 1)
    rig = Rig()
    first, second = rig.peer(), rig.peer()
    rig.do(Detect(first.unit, Detection(voice=True)))
    rig.do(Detect(second.unit, Detection(voice=True, digits=True)))
    assert len(told(rig.tick(), DetectionRefused)) == 1
    assert len(told(say(rig, second, pressed("4")), ToneReceivedFromPeer)) == 1


def test_an_application_that_is_listened_to_wherever_it_can_leaves_legs_to_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(detectors, "MAX_LISTENED", 4)
    rig = Rig()
    greedy, modest = [rig.peer() for _ in range(4)], rig.peer()
    for peer in greedy:
        rig.do(Detect(peer.unit, Detection(machine=True, owner="greedy")))
    (refused,) = told(rig.tick(), DetectionRefused)
    assert refused == DetectionRefused(
        reason="3 legs of this application and 0 of others are being listened to already; "
        "try again later"
    )
    rig.do(Detect(modest.unit, Detection(voice=True, owner="modest")))
    assert told(say(rig, modest, talk(0.5)), VoiceChanged) == [VoiceChanged(active=True)]


@pytest.mark.parametrize("how", ["asks for no more", "ends"])
def test_the_place_of_a_leg_that_is_not_listened_to_any_more_is_free(
    monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(detectors, "MAX_LISTENED", 1)
    rig = Rig()
    for _ in range(3):
        peer = rig.peer()
        rig.do(Detect(peer.unit, Detection(voice=True, owner="a")))
        rig.do(Detect(peer.unit, Detection(voice=True, machine=True, owner="a")))
        assert told(rig.tick(), DetectionRefused) == []
        if how == "ends":
            rig.close(peer)
        else:
            rig.do(Detect(peer.unit, Detection(digits=True, owner="a")))
        rig.tick()


def test_figures_are_told_when_they_are_asked_for() -> None:
    rig = Rig()
    peer = rig.peer()
    say(rig, peer, silence(0.2))
    rig.do(MeasureLeg(peer.unit))
    (measured,) = told(rig.tick(), LegMeasured)
    assert isinstance(measured, LegMeasured)
    assert measured.statistics.packets_received == 10


def test_commands_for_a_leg_without_stream_are_harmless() -> None:
    rig = Rig()
    unit = rig.new_id()
    rig.do(OpenLeg(unit), Detect(unit, Detection(digits=True, voice=True)), MeasureLeg(unit))
    assert len(told(rig.tick(3), LegMeasured)) == 1
