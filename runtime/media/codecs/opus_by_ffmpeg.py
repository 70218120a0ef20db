"""Opus by FFmpeg's wrapper of libopus: the second way, for machines where only that can be loaded.

It decodes to 48 kHz and tells nothing of losses, so lost packets are concealed from the waveform.
"""

from __future__ import annotations

from typing import Any

import av
import numpy as np

from .coding import Samples
from .continuation import Continuation
from .opus import BIT_RATE, RATE_HZ
from .parameters import number, parse_parameters


class FfmpegOpusEncoder:
    """`fmtp` is the peer's."""

    def __init__(self, fmtp: str) -> None:
        asked = parse_parameters(fmtp)
        context: Any = av.CodecContext.create("libopus", "w")
        context.sample_rate, context.layout, context.format = RATE_HZ, "mono", "s16"
        context.bit_rate = min(number(asked, "maxaveragebitrate", BIT_RATE), BIT_RATE)
        context.options = {
            "application": "voip",
            "frame_duration": "20",
            "fec": str(int(number(asked, "useinbandfec", 0) == 1)),
        }
        context.open()
        self._context = context

    def encode(self, frame: Samples) -> bytes:
        sound = av.AudioFrame.from_ndarray(frame.reshape(1, -1), format="s16", layout="mono")
        sound.sample_rate = RATE_HZ
        return b"".join(bytes(packet) for packet in self._context.encode(sound))


class FfmpegOpusDecoder:
    def __init__(self) -> None:
        context: Any = av.CodecContext.create("libopus", "r")
        context.sample_rate, context.layout = 48_000, "mono"
        context.open()
        self._context = context
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE_HZ)
        self._concealment = Continuation(RATE_HZ)

    def decode(self, payload: bytes) -> Samples | None:
        if not payload:
            return None
        pieces: list[Samples] = []
        try:
            for frame in self._context.decode(av.Packet(payload)):
                frame.pts = None
                for part in self._resampler.resample(frame):
                    pieces.append(part.to_ndarray().reshape(-1).astype(np.int16))  # noqa: PERF401
        except (av.FFmpegError, ValueError):
            return None
        return self._concealment.heard(np.concatenate(pieces)) if pieces else None

    def conceal(self, count: int, following: bytes | None) -> Samples:
        return self._concealment.conceal(count)

    def pause(self) -> None:
        self._concealment.pause()
