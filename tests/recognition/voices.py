"""Phrases as a caller says them: the offline voice, over a telephone line."""

from __future__ import annotations

from collections.abc import Iterable

import av
import numpy as np
import trio

from runtime.media.codec import decode, encode
from runtime.media.pcm import Samples
from runtime.media.sounds.sound import PcmSound
from runtime.media.sounds.sound_port import Voice
from runtime.speech.offline import OfflineSpeech

PATIENCE_S = 60
BEFORE_S, AFTER_S = 0.4, 0.5
"""Of silence around a phrase, as our voice detection leaves it."""


async def spoken(phrases: Iterable[str], voice: str = "en-US") -> dict[str, Samples]:
    """Each phrase at 8 kHz, without silence around it."""
    speech, said = OfflineSpeech(lambda _: None), {}
    async with trio.open_nursery() as nursery:
        with trio.fail_after(PATIENCE_S):
            await nursery.start(speech.run)
            for phrase in phrases:
                sound = PcmSound(phrase, speech.speak(phrase, Voice(name=voice)))
                await sound.ready()
                said[phrase] = sound.buffer.samples[: sound.buffer.valid_samples].reshape(-1).copy()
                sound.close()
        nursery.cancel_scope.cancel()
    return said


def telephoned(samples: Samples) -> Samples:
    """Through G.711, with silence before and after, at the 16 kHz of recognisers."""
    line = decode(encode(samples, "PCMU"), "PCMU")
    quiet = np.zeros(8000, np.int16)
    around = np.concatenate([quiet[: int(BEFORE_S * 8000)], line, quiet[: int(AFTER_S * 8000)]])
    return doubled(around)


def doubled(samples: Samples) -> Samples:
    """From 8 to 16 kHz."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=16000)
    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate = 8000
    parts = [*resampler.resample(frame), *resampler.resample(None)]
    wide: Samples = np.concatenate([part.to_ndarray().reshape(-1) for part in parts])
    return wide
