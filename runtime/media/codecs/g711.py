"""G.711 on legs that may change codec during the call; all others go by the engine's short way."""

from __future__ import annotations

import numpy as np

from runtime.media.codec import Law, decode, encode

from .coding import Samples
from .continuation import Continuation


class G711Encoder:
    def __init__(self, law: Law) -> None:
        self._law = law

    def encode(self, frame: Samples) -> bytes:
        return encode(np.ascontiguousarray(frame), self._law).tobytes()


class G711Decoder:
    def __init__(self, law: Law) -> None:
        self._law = law
        self._concealment = Continuation(8000)

    def decode(self, payload: bytes) -> Samples | None:
        if not payload:
            return None
        samples = decode(np.frombuffer(payload, dtype=np.uint8), self._law)
        return self._concealment.heard(samples)

    def conceal(self, count: int, following: bytes | None) -> Samples:
        return self._concealment.conceal(count)

    def pause(self) -> None:
        self._concealment.pause()
