"""Minutes of synthetic speech of many voices, for everything that must not mistake a voice.

`python -m tests.media.detect.voices SECONDS SEED` writes 8 kHz 16-bit samples to standard output:
espeak-ng stays a program of its own. The same seed says the same words (never the same samples).
"""

from __future__ import annotations

import random
import subprocess
import sys
from typing import Any, Final

import av
import numpy as np
from numpy.typing import NDArray

from runtime.speech.espeak import Espeak

Samples = NDArray[np.int16]

LANGUAGES: Final = ("gmw/en-US", "gmw/en", "gmw/de", "roa/es", "roa/fr", "roa/it", "zle/ru")
VARIANTS: Final = ("", "+f1", "+f2", "+f3", "+f4", "+f5", "+m1", "+m2", "+m3", "+m4", "+m5", "+m7")
WORDS: Final = [
    "please",
    "hold",
    "the",
    "line",
    "while",
    "we",
    "connect",
    "your",
    "call",
    "to",
    "one",
    "of",
    "our",
    "agents",
    "thank",
    "you",
    "for",
    "calling",
    "today",
    "is",
    "a",
    "good",
    "day",
    "to",
    "order",
    "seven",
    "more",
    "boxes",
    "of",
    "paper",
    "and",
    "nine",
    "pens",
    "we",
    "are",
    "open",
    "from",
    "eight",
    "until",
    "five",
    "on",
    "weekdays",
    "so",
    "tell",
    "me",
    "what",
    "happened",
    "when",
    "you",
    "moved",
    "into",
    "the",
    "new",
    "house",
    "last",
    "summer",
    "I",
    "really",
    "do",
    "not",
    "know",
    "why",
    "nobody",
    "answered",
    "the",
    "telephone",
    "oh",
    "yes",
    "no",
    "maybe",
    "hello",
]
PEAK: Final = 12_000


class _Taken:
    """Stands for the buffer that is spoken into: samples of 8 kHz."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=8000)
        self.blocks: list[Samples] = []

    def add(self, samples: Samples) -> bool:
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = self._rate_hz
        self.blocks += [f.to_ndarray().reshape(-1) for f in self._resampler.resample(frame)]
        return True

    def finish(self) -> None:
        self.blocks += [f.to_ndarray().reshape(-1) for f in self._resampler.resample(None)]


def talk(seconds: float, seed: int = 1) -> Samples:
    """That much speech, with its own pauses, from a process of its own."""
    command = [sys.executable, "-m", __name__, str(seconds), str(seed)]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    return np.frombuffer(data, dtype=np.int16)


def _speak(seconds: float, seed: int) -> Samples:
    espeak, choose = Espeak(), random.Random(seed)
    blocks: list[Samples] = []
    wanted = int(seconds * 8000)
    while sum(map(len, blocks)) < wanted:
        target: Any = _Taken(espeak.rate_hz)
        request = {
            "voice": choose.choice(LANGUAGES) + choose.choice(VARIANTS),
            "text": " ".join(choose.choices(WORDS, k=40)) + ".",
            "ssml": False,
            "rate": choose.uniform(0.8, 1.3),
            "pitch": choose.uniform(0.4, 1.6),
            "volume": 1.0,
        }
        espeak.speak(request, target)
        said = np.concatenate(target.blocks).astype(np.float64)
        level = choose.uniform(0.2, 1.0) * PEAK / max(1.0, float(np.abs(said).max()))
        blocks.append((said * level).astype(np.int16))
    return np.concatenate(blocks)[:wanted]


if __name__ == "__main__":
    sys.stdout.buffer.write(_speak(float(sys.argv[1]), int(sys.argv[2])).tobytes())
