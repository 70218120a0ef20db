"""Speech over a network that loses packets at random, judged by what its listener hears.

The measures are the distance of spectra and that of waveforms, in decibels, between what is heard
and what was said. They are compared with those of the two plainest ways of filling holes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest
import trio
from numpy.typing import NDArray

from runtime.media.codec import decode, encode
from runtime.media.frames import FRAME, Samples
from runtime.media.native.library import Library
from runtime.media.sounds.sound import PcmSound
from runtime.media.sounds.sound_port import Voice
from runtime.speech.offline import OfflineSpeech
from tests.media.native.helper import helper
from tests.media.packets import level
from tests.media.rig import Rig

TEXT = (
    "The train to Oxford leaves at seven forty five from platform nine. Please bring your ticket, "
    "and mind the gap between the doors. Would you like to hear this message again?"
)
PATIENCE_S = 60
FLOOR = 50.0
"""Of spectra: what is softer cannot be heard beside G.711's own noise."""


@pytest.fixture
async def speech(nursery: trio.Nursery) -> AsyncIterator[Samples]:
    """Whole frames of a spoken text, as G.711 carries it."""
    provider = OfflineSpeech(lambda _: None)
    await nursery.start(provider.run)
    with trio.fail_after(PATIENCE_S):
        sound = PcmSound(TEXT, provider.speak(TEXT, Voice()))
        await sound.ready()
        samples = sound.buffer.samples[: sound.buffer.valid_samples].copy()
        sound.close()
    samples = decode(encode(samples[: len(samples) // FRAME * FRAME], "PCMU"), "PCMU")
    yield samples
    nursery.cancel_scope.cancel()


def lost_at_random(frames: int, part: float, seed: int) -> NDArray[np.bool_]:
    lost: NDArray[np.bool_] = np.random.default_rng(seed).random(frames) < part
    lost[:5] = False
    return lost


def heard_over(sound: Samples, lost: NDArray[np.bool_], library: Library | None = None) -> Samples:
    """What the other end of a bridge hears of the packets that are not lost."""
    rig = Rig(library=library)
    speaker, listener = rig.peer(), rig.peer()
    rig.connect(speaker, listener)
    for frame, missing in zip(sound.reshape(-1, FRAME), lost, strict=True):
        if missing:
            speaker.sequence, speaker.timestamp = speaker.sequence + 1, speaker.timestamp + FRAME
        else:
            speaker.say(encode(frame, "PCMU").tobytes())
        listener.say(level(0))
        rig.tick()
    rig.tick()
    return np.array(listener.samples[FRAME:], dtype=np.int16)


def filled_by(
    fill: Callable[[Samples], Samples], sound: Samples, lost: NDArray[np.bool_]
) -> Samples:
    """Each lost frame made of the last one that was heard."""
    frames = sound.reshape(-1, FRAME).copy()
    for number in np.flatnonzero(lost):
        frames[number] = fill(frames[number - 1])
    return frames.reshape(-1)


def distance(sound: Samples, other: Samples) -> float:
    """Mean over the moments that are not silent and bands up to 3.4 kHz, in decibels."""

    def bands(samples: Samples) -> NDArray[np.float64]:
        # Of 16 ms, so that a lost frame is not averaged with its neighbours.
        cut = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), 128)[::40]
        power = np.abs(np.fft.rfft(cut * np.hanning(128), axis=1))[:, 3:55] ** 2
        return np.sqrt(np.add.reduceat(power, np.arange(0, 52, 4), axis=1))

    one, two = bands(sound), bands(other)
    spoken = one.sum(axis=1) > 20 * FLOOR
    decibels = 20 * np.log10((one + FLOOR) / (two + FLOOR))
    return float(np.sqrt(np.mean(decibels[spoken] ** 2)))


def clearness(sound: Samples, other: Samples) -> float:
    """How far the sound is above what is wrong about it, in decibels."""
    wrong = sound.astype(np.float64) - other
    return float(10 * np.log10(np.sum(np.square(sound, dtype=np.float64)) / np.sum(wrong**2)))


async def test_speech_at_5_percent_loss_is_nearer_to_what_was_said_than_with_plain_fillings(
    speech: Samples,
) -> None:
    concealed, silenced, repeated = [], [], []
    for seed in range(4):
        lost = lost_at_random(len(speech) // FRAME, 0.05, seed)
        fillings = (
            (concealed, heard_over(speech, lost)[: len(speech)]),
            (silenced, filled_by(np.zeros_like, speech, lost)),
            (repeated, filled_by(np.copy, speech, lost)),
        )
        for results, heard in fillings:
            results.append((distance(speech, heard), clearness(speech, heard)))
    ours, silence, copies = (np.mean(each, axis=0) for each in (concealed, silenced, repeated))
    assert ours[0] < 3.0
    assert ours[0] < 0.5 * silence[0]
    assert ours[0] < 0.93 * copies[0]
    assert ours[1] > copies[1] + 2.0


async def test_speech_without_loss_is_heard_as_it_was_said(speech: Samples) -> None:
    nothing = np.zeros(len(speech) // FRAME, dtype=np.bool_)
    assert heard_over(speech, nothing)[: len(speech)].tolist() == speech.tolist()


async def test_both_engines_conceal_speech_alike(speech: Samples) -> None:
    lost = lost_at_random(len(speech) // FRAME, 0.1, 3)
    ours = heard_over(speech, lost)
    assert heard_over(speech, lost, helper()).tolist() == ours.tolist()
