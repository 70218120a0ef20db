"""G.722 at 64 kbit/s, by FFmpeg. Its RTP clock says 8000 and means 16000 (RFC 3551 4.5.2)."""

from __future__ import annotations

from typing import Any, Final, Literal

import av
import numpy as np

from .coding import Samples
from .continuation import Continuation

RATE_HZ: Final = 16000


class G722Encoder:
    def __init__(self) -> None:
        self._context = _context("w")

    def encode(self, frame: Samples) -> bytes:
        sound = av.AudioFrame.from_ndarray(frame.reshape(1, -1), format="s16", layout="mono")
        sound.sample_rate = RATE_HZ
        return b"".join(bytes(packet) for packet in self._context.encode(sound))


class G722Decoder:
    def __init__(self) -> None:
        self._context = _context("r")
        self._concealment = Continuation(RATE_HZ)

    def decode(self, payload: bytes) -> Samples | None:
        # An empty packet is FFmpeg's sign for the end of a stream.
        if not payload:
            return None
        try:
            frames = self._context.decode(av.Packet(payload))
        except (av.FFmpegError, ValueError):
            return None
        pieces = [frame.to_ndarray().reshape(-1) for frame in frames]
        return self._concealment.heard(np.concatenate(pieces)) if pieces else None

    def conceal(self, count: int, following: bytes | None) -> Samples:
        return self._concealment.conceal(count)

    def pause(self) -> None:
        self._concealment.pause()


def _context(mode: Literal["r", "w"]) -> Any:
    context: Any = av.CodecContext.create("g722", mode)
    context.sample_rate, context.layout, context.format = RATE_HZ, "mono", "s16"
    context.thread_count = 1
    context.open()
    return context
