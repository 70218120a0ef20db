"""Peers that send nothing while they are silent: pauses with comfort noise, with DTX, with nothing.

A pause is no loss: nothing is made up, nothing is counted, and speech comes back as it was sent.
"""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from numpy.typing import NDArray

from runtime.media.codecs import libopus
from runtime.media.comfort_noise import OVERLOAD, level_of
from runtime.media.native.library import Library
from runtime.media.port import LegClosed, LegStatistics, RtpResumed, RtpStopped
from tests.media.native.helper import helper
from tests.media.packets import sine
from tests.media.rig import Peer, Rig, q
from tests.media.speaker import TABLE, Speaker
from tests.media.spectrum import amplitude_of, tone

SECOND = 50
SET_DTX = 4016
"""OPUS_SET_DTX"""


@pytest.fixture(params=["numpy", "native"])
def library(request: pytest.FixtureRequest) -> Library | None:
    return helper() if request.param == "native" else None


def say_tone(peer: Peer, **changes: object) -> None:
    peer.say(sine(440, peer.timestamp % 8000), **changes)


def fall_silent(peer: Peer, dbov: int) -> None:
    """The packet that begins a pause (RFC 3389 section 4), which takes no time by itself."""
    peer.say(bytes([-dbov]), payload_type=13)
    peer.timestamp -= 1


def wait(rig: Rig, peer: Peer, ticks: int) -> None:
    """Nothing comes, while the peer's clock runs on."""
    for _ in range(ticks):
        rig.tick()
        peer.timestamp += 160


def speaking(library: Library | None = None) -> tuple[Rig, Peer]:
    """A leg that hears itself, after a second of a tone."""
    rig = Rig(library=library)
    peer = rig.peer()
    rig.connect(peer, peer)
    for _ in range(SECOND):
        say_tone(peer)
        rig.tick()
    return rig, peer


def heard(peer: Peer, first: int, last: int | None = None) -> NDArray[np.int16]:
    """Of the packets that the peer got, these."""
    return np.array(peer.samples, dtype=np.int16)[160 * first : last and 160 * last]


def dbov(samples: NDArray[np.int16]) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(samples.astype(float) ** 2)) / OVERLOAD))


def statistics(rig: Rig, peer: Peer) -> LegStatistics:
    rig.close(peer)
    rig.tick()
    closed = rig.told(peer)[-1]
    assert isinstance(closed, LegClosed)
    return closed.statistics


# --- comfort noise ------------------------------------------------------------------------------


@pytest.mark.parametrize("level", [-40, -50, -60])
def test_a_pause_is_heard_as_noise_of_the_level_that_was_told(
    library: Library | None, level: int
) -> None:
    rig, peer = speaking(library)
    fall_silent(peer, level)
    wait(rig, peer, 3 * SECOND)
    noise = heard(peer, -2 * SECOND)
    assert abs(dbov(noise) - level) < 0.5
    # White: the halves of the band have the same energy, and no tone is left in it.
    power = np.abs(np.fft.rfft(noise)) ** 2
    low, high = power[: len(power) // 2].sum(), power[len(power) // 2 :].sum()
    assert 0.8 < low / high < 1.25
    assert amplitude_of(noise, 440, 8000) < 100


def test_what_was_said_before_a_pause_is_heard_to_its_end_and_not_repeated(
    library: Library | None,
) -> None:
    rig, peer = speaking(library)
    said = list(peer.samples)
    fall_silent(peer, -60)
    wait(rig, peer, 20)
    # One frame waits, then the tone gives way to noise within 10 ms.
    assert (
        abs(dbov(heard(peer, len(said) // 160, len(said) // 160 + 1)) - dbov(heard(peer, 9, 10)))
        < 1
    )
    assert np.abs(heard(peer, len(said) // 160 + 1)[80:]).max() < 300


def test_speech_after_a_pause_is_as_it_was_sent_and_nothing_was_lost(
    library: Library | None,
) -> None:
    rig, peer = speaking(library)
    fall_silent(peer, -50)
    wait(rig, peer, 40)
    first = True
    for _ in range(SECOND):
        peer.say_level(1000, marker=first)
        first = False
        rig.tick()
    after = len(peer.samples) // 160 - SECOND
    # One frame of the noise is still heard while the first packet waits.
    assert 0 < np.abs(heard(peer, after, after + 1)).max() < 400
    assert set(heard(peer, after + 1).tolist()) == {q(1000)}
    ended = statistics(rig, peer)
    assert (ended.packets_lost, ended.packets_late, ended.packets_rejected) == (0, 0, 0)


def test_after_speech_a_lost_packet_is_a_loss_again(library: Library | None) -> None:
    rig, peer = speaking(library)
    fall_silent(peer, -50)
    wait(rig, peer, 40)
    for number in range(SECOND):
        if number == 40:
            peer.sequence, peer.timestamp = peer.sequence + 1, peer.timestamp + 160
        else:
            say_tone(peer)
        rig.tick()
    assert amplitude_of(heard(peer, -10, -8), 440, 8000) > 6500
    assert statistics(rig, peer).packets_lost == 1


def test_noise_follows_the_level_and_two_peers_noises_are_not_the_same(
    library: Library | None,
) -> None:
    rig, peer = speaking(library)
    other = rig.peer()
    rig.connect(other, other)
    fall_silent(peer, -40)
    fall_silent(other, -40)
    wait(rig, peer, SECOND)
    assert abs(np.corrcoef(heard(peer, -20), heard(other, -20))[0, 1]) < 0.1
    fall_silent(peer, -60)
    wait(rig, peer, SECOND)
    assert abs(dbov(heard(peer, -20)) + 60) < 1
    assert abs(dbov(heard(other, -20)) + 40) < 1


def test_noise_is_never_loud_and_malformed_packets_are_rejected() -> None:
    assert level_of(b"") is None
    assert level_of(b"\xff") is None
    assert level_of(b"\x00") == level_of(b"\x1e") == round(OVERLOAD * 10**-1.5)
    assert level_of(b"\x7f") == 1
    assert level_of(b"\x3c\x80\x80") == level_of(b"\x3c")  # with a spectrum
    rig, peer = speaking()
    peer.say(b"\xff", payload_type=13)
    wait(rig, peer, 10)
    assert set(heard(peer, -5).tolist()) == {0}
    assert statistics(rig, peer).packets_rejected == 1


def test_a_pause_is_no_end_of_the_stream_but_half_a_minute_is(library: Library | None) -> None:
    rig, peer = speaking(library)
    fall_silent(peer, -50)
    wait(rig, peer, 29 * SECOND)
    assert RtpStopped() not in rig.told(peer)
    assert abs(dbov(heard(peer, -SECOND)) + 50) < 1
    wait(rig, peer, 2 * SECOND)
    assert rig.told(peer)[-1] == RtpStopped()
    assert set(heard(peer, -10).tolist()) == {0}
    say_tone(peer, marker=True)
    rig.tick()
    assert rig.told(peer)[-1] == RtpResumed()


def test_a_leg_that_does_not_receive_any_more_hears_no_noise(library: Library | None) -> None:
    rig, peer = speaking(library)
    fall_silent(peer, -50)
    wait(rig, peer, 10)
    rig.reconfigure(peer, receiving=False)
    wait(rig, peer, 10)
    assert set(heard(peer, -5).tolist()) == {0}


@pytest.mark.parametrize("codec", ["G722", "L16/8000"])
def test_coded_legs_have_pauses_too(codec: str) -> None:
    rig = Rig(codecs=TABLE)
    speaker = Speaker.on(rig, codec)
    peer = speaker.peer
    rig.connect(peer, peer)
    rate = 16000 if codec == "G722" else 8000
    for _ in range(SECOND):
        speaker.say(tone(440, rate, 1))
        rig.tick()
    fall_silent(peer, -45)
    wait(rig, peer, 2 * SECOND)
    assert abs(dbov(speaker.heard(SECOND)) + 45) < 1.5
    assert amplitude_of(speaker.heard(SECOND), 440, rate) < 100
    for _ in range(SECOND):
        speaker.say(tone(440, rate, 1))
        rig.tick()
    assert abs(speaker.level(440)) < 1.5
    ended = statistics(rig, peer)
    assert (ended.packets_lost, ended.packets_late, ended.packets_rejected) == (0, 0, 0)


def test_what_was_said_before_a_pause_does_not_come_back_after_it() -> None:
    rig = Rig(codecs=TABLE)
    speaker = Speaker.on(rig, "L16/8000")
    peer = speaker.peer
    rig.connect(peer, peer)
    for _ in range(SECOND):
        speaker.say(tone(440, 8000, 1))
        rig.tick()
    fall_silent(peer, -127)
    wait(rig, peer, 2 * SECOND)
    for _ in range(10):
        speaker.say(np.zeros(8000, dtype=np.int16))
        rig.tick()
    assert np.abs(speaker.heard(20)).max() < 20


# --- nothing in pauses --------------------------------------------------------------------------


def test_a_pause_without_comfort_noise_loses_nothing(library: Library | None) -> None:
    rig, peer = speaking(library)
    wait(rig, peer, 4 * SECOND)
    assert set(heard(peer, -3 * SECOND).tolist()) == {0}
    assert RtpStopped() not in rig.told(peer)
    for number in range(20):
        peer.say_level(1000, marker=number == 0)
        rig.tick()
    assert set(heard(peer, -19).tolist()) == {q(1000)}
    ended = statistics(rig, peer)
    assert (ended.packets_lost, ended.packets_late) == (0, 0)


class OpusInDtx(Speaker):
    """A peer that sends only what its encoder finds worth sending (RFC 7587 section 3.1.3)."""

    sent: int = 0

    def speak(self, rig: Rig, sound: NDArray[np.int16], ticks: int) -> None:
        for tick in range(ticks):
            payload = self.encoder.encode(sound[320 * (tick % SECOND) :][:320])
            before = self.peer.timestamp
            if len(payload) > 2:
                self.peer.say(payload)
                self.sent += 1
            self.peer.timestamp = before + 960
            rig.tick()


def test_opus_in_dtx_is_heard_with_its_background_and_loses_nothing() -> None:
    rig = Rig(codecs=TABLE)
    speaker = OpusInDtx.on(rig, "opus")
    peer = speaker.peer
    rig.connect(peer, peer)
    state = vars(speaker.encoder)["_state"]
    for setting, value in ((SET_DTX, 1), (libopus.SET_COMPLEXITY, 10)):
        assert libopus.load().opus_encoder_ctl(state, setting, ctypes.c_int32(value)) == libopus.OK
    background = np.random.default_rng(1).normal(0, 60, 16000).astype(np.int16)
    speech = tone(440, 16000, 1) + background
    speaker.speak(rig, speech, SECOND)
    speaker.speak(rig, background, 4 * SECOND)
    speaker.sent = 0
    speaker.speak(rig, background, 6 * SECOND)
    assert speaker.sent < SECOND
    assert RtpStopped() not in rig.told(peer)
    # Neither a hole nor what was said before, over and over.
    pause = speaker.heard(SECOND)
    assert amplitude_of(pause, 440, 16000) < 100
    assert 10 < np.sqrt(np.mean(pause.astype(float) ** 2)) < 200
    speaker.speak(rig, speech, SECOND)
    assert abs(speaker.level(440)) < 1.5
    ended = statistics(rig, peer)
    assert (ended.packets_lost, ended.packets_late, ended.packets_rejected) == (0, 0, 0)
