"""The port of a codec: 20 ms of samples in, a payload out; a payload or a loss in, samples out.

One small file per codec stands behind it; table.py lists them. Payloads come from strangers: a
decoder answers None to what it cannot read, and never raises.
"""

from __future__ import annotations

from typing import Protocol

import attrs
import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]


@attrs.frozen(kw_only=True)
class Format:
    """How a codec's audio lies in RTP."""

    name: str
    clock_hz: int
    """Of RTP timestamps."""
    rate_hz: int
    """Of the samples that its coders take and give."""

    @property
    def step(self) -> int:
        """Timestamp units of one 20 ms frame."""
        return self.clock_hz // 50

    @property
    def frame(self) -> int:
        """Samples of one 20 ms frame."""
        return self.rate_hz // 50


class Encoder(Protocol):
    """One direction of one leg; keeps its state from frame to frame."""

    def encode(self, frame: Samples) -> bytes:
        """The payload of 20 ms."""


class Decoder(Protocol):
    """The other direction; is told of every loss, so that its state fits what follows."""

    def decode(self, payload: bytes) -> Samples | None:
        """The samples of a payload of any length of time; None when it is malformed."""

    def conceal(self, count: int, following: bytes | None) -> Samples:
        """Exactly `count` samples in place of what was lost.

        `following` is the payload right after the hole, when it is there already; it may hold a
        copy of what is missing (RFC 7587 3.3).
        """

    def pause(self) -> None:
        """The peer has said that it is silent: nothing goes on from here, what follows begins."""
