"""Which key presses of a leg become ToneReceived: what handleTones asked for, each press once.

Silent until handleTones(true). Phones exist that send each press both as RFC 4733 and by SIP INFO;
the second report of the same press is dropped. Runs in the core.
"""

from __future__ import annotations

import enum
from collections import deque
from typing import Final

import attrs


class Way(enum.Enum):
    """How a press came; the value is `ToneReceived.type`."""

    RFC4733 = "1"
    IN_BAND = "2"
    SIP_INFO = "3"


ALL_WAYS: Final = 0
"""DTMFType.ALL."""
SAME_PRESS_S: Final = 0.5
"""Two reports of one press arrive within the press itself plus the network's jitter."""
MAX_UNPAIRED: Final = 32
"""Presses within that time; nobody and no machine keys faster."""
PRESSES: Final = frozenset("0123456789*#ABCD")


@attrs.frozen
class _Report:
    tone: str
    way: Way
    at: float


@attrs.define
class ToneGate:
    """The gate of one leg."""

    handled: bool = False
    _kinds: int = ALL_WAYS
    _unpaired: deque[_Report] = attrs.field(factory=lambda: deque(maxlen=MAX_UNPAIRED))
    """Reports whose other half may still come."""

    def handle(self, handled: bool, kinds: int) -> None:
        """handleTones(handled, kinds)."""
        self.handled, self._kinds = handled, kinds
        self._unpaired.clear()

    @property
    def wants_rfc4733(self) -> bool:
        """Whether the engine shall report presses and keep them out of the audio."""
        return self._wants(Way.RFC4733)

    def admit(self, tone: str, way: Way, now: float) -> bool:
        """Whether this report becomes ToneReceived."""
        if tone not in PRESSES or not self._wants(way):
            return False
        for report in self._unpaired:
            if report.tone == tone and report.way is not way and now - report.at <= SAME_PRESS_S:
                self._unpaired.remove(report)
                return False
        self._unpaired.append(_Report(tone, way, now))
        return True

    def _wants(self, way: Way) -> bool:
        return self.handled and self._kinds in (ALL_WAYS, int(way.value))
