"""What the engine and its sockets hand each other: arrivals in one batch, and the sockets' port.

The engine never makes a system call; runtime/media/sockets.py implements this port with real
sockets, tests with lists of bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import attrs
import numpy as np
from numpy.typing import NDArray

from .header import Ints, Octets
from .latching import Address


class NoPorts(Exception):
    """No free RTP/RTCP pair; str() says which range and what to do."""


@attrs.frozen(kw_only=True, eq=False)
class Arrivals:
    """Everything that came since the last tick, in order of arrival."""

    rows: Octets
    """One packet per row of `header.MAX_PACKET` octets."""
    lengths: Ints
    legs: Ints
    times: NDArray[np.float64]
    """When each packet was read (monotonic seconds)."""
    sources: Sequence[tuple[int, Address]]
    """(number of the packet, its source), by number; who is not named is where the leg is aimed."""
    reports: Sequence[tuple[int, bytes, Address]]
    """RTCP: (leg, datagram, source)."""


class RtpSockets(Protocol):
    """RTP and RTCP sockets by leg number. Nothing here raises except `open`."""

    def open(self, leg: int) -> tuple[int, int]:
        """Give the leg a pair; returns the RTP and RTCP port. Raises NoPorts."""

    def listen(self, leg: int) -> None:
        """Receive from now on; what came before is thrown away."""

    def aim(self, leg: int, rtp: Address | None, rtcp: Address | None, *, exclusive: bool) -> None:
        """Where to send; `rtcp` equal to `rtp` sends both from the RTP port. What comes from
        there need not name its source any more.

        `exclusive`: let the kernel drop everything from other sources.
        """

    def schedule(self, leg: int, views: Sequence[memoryview]) -> None:
        """Send these octets every 20 ms (two views: 10 ms apart)."""

    def unschedule(self, leg: int) -> None: ...

    def send_instead(self, leg: int, view: memoryview) -> None:
        """In this tick send `view` in place of the scheduled packet."""

    def send_report(self, leg: int, data: bytes) -> None: ...

    def take(self) -> Arrivals:
        """What came since the last call; valid until the next one."""

    def close(self, leg: int) -> None:
        """Close the pair; its ports rest before they are given out again."""
