"""The shortcut for packets that are just what was expected, which is nearly all of them.

For each leg the twelve octets of the next header are known beforehand if the peer goes on as it
did: whole packets of the same payload type, numbered by one, 20 ms apart. A packet with exactly
these octets needs no judging. Everything else takes the long way, and is learned from anew.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from runtime.media.frames import FRAME

from .header import HEADER_SIZE, Bools, Ints, Octets, packet_type, write_headers

_WHOLE: Final = HEADER_SIZE + FRAME
_NOTHING: Final = -1
"""Length of the expected packet of a leg that expects none."""


class Following:
    """Expected headers of all legs."""

    def __init__(self, legs: int) -> None:
        self._heads: NDArray[np.void] = np.zeros(legs, dtype=packet_type(0))
        self._octets: Octets = self._heads.view(np.uint8).reshape(legs, HEADER_SIZE)
        self._sizes = np.full(legs, _NOTHING, dtype=np.int64)
        self._tables: NDArray[np.uint16] = np.zeros(legs, dtype=np.uint16)

    def columns(self) -> dict[str, NDArray[Any]]:
        """What the native helper works on; never replaced by other arrays."""
        return {"heads": self._octets, "sizes": self._sizes, "tables": self._tables}

    def matches(self, heads: Octets, lengths: Ints, legs: Ints) -> Bools:
        """Which packets, by the first octets of each, are exactly what their legs expect."""
        same = (heads == self._octets[legs]).all(axis=1)
        matching: Bools = same & (lengths == self._sizes[legs])
        return matching

    def tables(self, legs: Ints) -> NDArray[np.uint16]:
        """What the legs' payload types were decoded by, as given to `learn`."""
        return self._tables[legs]

    def advance(self, legs: Ints) -> None:
        """The expected packets came; expect the next ones."""
        heads = self._heads[legs]
        heads["sequence"] += 1
        heads["timestamp"] += FRAME
        self._heads[legs] = heads

    def forget(self, legs: Ints | int) -> None:
        """Expect nothing; the next packet is judged."""
        self._sizes[legs] = _NOTHING

    def learn(
        self,
        legs: Ints,
        *,
        payload_type: Ints,
        sequence: Ints,
        timestamp: Ints,
        ssrc: Ints,
        tables: NDArray[np.uint16],
    ) -> None:
        """Whole audio packets came, the newest of their legs; expect what follows them."""
        heads = np.zeros(len(legs), dtype=self._heads.dtype)
        write_headers(
            heads,
            marker=np.zeros(len(legs), dtype=np.bool_),
            payload_type=payload_type,
            sequence=sequence + 1,
            timestamp=timestamp + FRAME,
            ssrc=ssrc,
        )
        self._heads[legs] = heads
        self._sizes[legs] = _WHOLE
        self._tables[legs] = tables
