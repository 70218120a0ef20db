"""Several sounds made one, without a gap between them and without a click."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import trio

from runtime.media.frames import FADE, WIDE_FADE
from runtime.media.pcm import WIDE_ROW_RATE_HZ, PcmBuffer, Samples
from runtime.media.port import SoundError

COPIED: Final = 1_000_000
"""Samples that are copied before others get their turn: a millisecond."""


async def join(into: PcmBuffer, buffers: Sequence[PcmBuffer]) -> None:
    """Fill `into` with all of `buffers`, which are complete, mono and of its rate.

    The first 5 ms of each come out of the end of the one before, run backwards, as where the source
    of a leg is replaced. Raises SoundError when they are too long together.
    """
    fade = WIDE_FADE if into.rate_hz == WIDE_ROW_RATE_HZ else FADE
    tail: Samples = np.zeros(len(fade), dtype=np.int16)
    for number, buffer in enumerate(buffers):
        samples = buffer.samples[: buffer.valid_samples]
        if buffer.rate_hz != into.rate_hz:
            raise SoundError(f"segment {number} has another sample rate than the others")
        head = samples[: len(fade)].copy()
        if number:
            weights = fade[: len(head)]
            head[:] = np.round(head * weights + tail[: len(head)] * (1 - weights))
        for piece in (head, *_pieces(samples[len(head) :])):
            if into.append(piece) < len(piece):
                raise SoundError("the sequence is longer than an hour")
            await trio.lowlevel.checkpoint()
        if len(samples) >= len(fade):
            tail = samples[-len(fade) :][::-1]


def _pieces(samples: Samples) -> list[Samples]:
    return [samples[at : at + COPIED] for at in range(0, len(samples), COPIED)]
