"""Which key presses of a leg become ToneReceived: what handleTones asked for, each press once.

Silent until handleTones(true). Phones exist that send each press both as RFC 4733 and by SIP INFO;
the second report of the same press is dropped. Runs in the core.
"""

from __future__ import annotations

import enum
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
PRESSES: Final = frozenset("0123456789*#ABCD")


@attrs.define
class ToneGate:
    """The gate of one leg."""

    _handled: bool = False
    _kinds: int = ALL_WAYS
    _last: tuple[str, Way, float] | None = None

    def handle(self, handled: bool, kinds: int) -> None:
        """handleTones(handled, kinds)."""
        self._handled, self._kinds = handled, kinds

    @property
    def wants_rfc4733(self) -> bool:
        """Whether the engine shall report presses and keep them out of the audio."""
        return self._wants(Way.RFC4733)

    def admit(self, tone: str, way: Way, now: float) -> bool:
        """Whether this report becomes ToneReceived."""
        if tone not in PRESSES or not self._wants(way):
            return False
        last, self._last = self._last, (tone, way, now)
        if last is None:
            return True
        same = last[0] == tone and last[1] is not way and now - last[2] <= SAME_PRESS_S
        if same:
            self._last = None
        return not same

    def _wants(self, way: Way) -> bool:
        return self._handled and self._kinds in (ALL_WAYS, int(way.value))
