"""Which key presses of a leg become ToneReceived: what handleTones asked for, each press once.

Silent until handleTones(true). Phones and gateways exist that send each press in two or three ways;
the later reports of the same press are dropped. Whoever has sent RFC 4733 once is not listened to
for tones any more, since that could only find echoes of the same presses. Runs in the core.
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
"""Two reports of one press overlap, or lie this far apart: an INFO may come when the key goes down
or up, over another road than the audio, which itself waits in the playout buffer."""
MAX_RECENT: Final = 32
"""Presses within that time; nobody and no machine keys faster."""
PRESSES: Final = frozenset("0123456789*#ABCD")


@attrs.define
class _Press:
    tone: str
    ended: float
    ways: set[Way]
    """In which it was reported so far."""


@attrs.define
class ToneGate:
    """The gate of one leg."""

    handled: bool = False
    _kinds: int = ALL_WAYS
    _presses: deque[_Press] = attrs.field(factory=lambda: deque(maxlen=MAX_RECENT))
    """Presses that may still be reported in another way."""
    _rfc4733_seen: bool = False

    def handle(self, handled: bool, kinds: int) -> None:
        """handleTones(handled, kinds)."""
        self.handled, self._kinds = handled, kinds
        self._presses.clear()

    @property
    def wants_rfc4733(self) -> bool:
        """Whether the engine shall report presses and keep them out of the audio."""
        return self._wants(Way.RFC4733)

    @property
    def wants_in_band(self) -> bool:
        """Whether the engine shall look for presses in the audio, and take them out of it."""
        return self._wants(Way.IN_BAND)

    def admit(self, tone: str, way: Way, now: float, duration_s: float = 0.0) -> bool:
        """Whether this report, of a press that ended now, becomes ToneReceived."""
        self._rfc4733_seen |= way is Way.RFC4733
        if tone not in PRESSES or not self._wants(way):
            return False
        began = now - duration_s
        for press in self._presses:
            if press.tone == tone and way not in press.ways and began - press.ended <= SAME_PRESS_S:
                press.ways.add(way)
                return False
        self._presses.append(_Press(tone, now, {way}))
        return True

    def _wants(self, way: Way) -> bool:
        if self._kinds == ALL_WAYS and way is Way.IN_BAND and self._rfc4733_seen:
            return False
        return self.handled and self._kinds in (ALL_WAYS, int(way.value))
