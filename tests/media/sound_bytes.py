"""Sound files made for tests, in memory, and an ear for what became of them."""

from __future__ import annotations

import io
from fractions import Fraction
from typing import Any

import av
import numpy as np

from runtime.media.listening import HeardInterval, listen
from runtime.media.pcm import Samples

CODEC = {"wav": "pcm_s16le", "mp3": "libmp3lame", "ogg": "libopus", "flac": "flac"}


def tone(hertz: float, seconds: float, rate: int = 8000, level: float = 0.25) -> Samples:
    time = np.arange(round(seconds * rate)) / rate
    return (level * 32767 * np.sin(2 * np.pi * hertz * time)).astype(np.int16)


def silence(seconds: float, rate: int = 8000) -> Samples:
    return np.zeros(round(seconds * rate), dtype=np.int16)


def encode(
    samples: Samples, rate: int, container: str, codec: str | None = None, **options: str
) -> bytes:
    """A sound file; `samples` mono or of shape (n, channels)."""
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    layout = "mono" if channels == 1 else "stereo"
    out = io.BytesIO()
    with av.open(out, "w", format=container) as file:
        stream: Any = file.add_stream(codec or CODEC[container], rate=rate, options=options)
        stream.layout = layout
        block = rate // 10
        for start in range(0, len(samples), block):
            flat = np.ascontiguousarray(samples[start : start + block]).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(flat, format="s16", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return out.getvalue()


def decode(data: bytes) -> tuple[Samples, int]:
    """Samples of shape (n, channels) and their rate, as a player would have them."""
    with av.open(io.BytesIO(data), "r") as file:
        stream = file.streams.audio[0]
        rate = stream.rate
        to_s16 = av.AudioResampler(format="s16", layout=stream.layout.name, rate=rate)
        frames = [out for frame in file.decode(stream) for out in to_s16.resample(frame)]
        channels = stream.channels
    return np.concatenate([f.to_ndarray().reshape(-1, channels) for f in frames]), rate


def heard(samples: Samples, rate: int = 8000) -> list[HeardInterval]:
    """The sounding parts of one channel."""
    return [part for part in listen(samples, rate) if part.kind != "silence"]
