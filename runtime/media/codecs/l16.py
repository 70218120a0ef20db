"""L16 (RFC 3551 4.5.11): samples as they are, in network byte order."""

from __future__ import annotations

from typing import Final

import numpy as np

from .coding import Samples
from .continuation import Continuation

_NETWORK: Final = np.dtype(">i2")


class L16Encoder:
    def encode(self, frame: Samples) -> bytes:
        return frame.astype(_NETWORK).tobytes()


class L16Decoder:
    def __init__(self, rate_hz: int) -> None:
        self._concealment = Continuation(rate_hz)

    def decode(self, payload: bytes) -> Samples | None:
        if not payload or len(payload) % _NETWORK.itemsize:
            return None
        samples = np.frombuffer(payload, dtype=_NETWORK).astype(np.int16)
        return self._concealment.heard(samples)

    def conceal(self, count: int, following: bytes | None) -> Samples:
        return self._concealment.conceal(count)

    def pause(self) -> None:
        self._concealment.pause()
