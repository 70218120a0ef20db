"""The legs of one session, counted: what the limits and the idle clock look at.

A leg ends for the script at once; on the wire it ends a little later (the answer to a BYE, the last
audio statistics), and the session's timeline waits a moment for that.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from typing import Protocol

import trio

from runtime.decisions.call_state import UNANSWERED, Phase
from runtime.decisions.family import Family
from runtime.decisions.limits import CallCounts


class Counted(Protocol):
    """A leg as the book sees it. `joined`: a caller of a shared session, outside the limits."""

    @property
    def unit(self) -> int: ...
    @property
    def phase(self) -> Phase: ...
    @property
    def joined(self) -> bool: ...
    @property
    def incoming(self) -> bool: ...


class Side(enum.Enum):
    """What of a leg has a last word of its own."""

    SIGNALLING = "signalling"
    AUDIO = "audio"


class CallBook:
    """Live legs and how many there ever were."""

    def __init__(self, family: Family, on_change: Callable[[], None]) -> None:
        self._live: dict[int, Counted] = {}
        self._family = family
        self._on_change = on_change
        self._talking: dict[int, set[Side]] = {}
        self._fell_silent = trio.Event()

    def __len__(self) -> int:
        return len(self._live)

    def __iter__(self) -> Iterator[Counted]:
        return iter(self._live.values())

    def opened(self, call: Counted) -> None:
        self._family.attempts += not call.joined
        self._live[call.unit] = call
        self._on_change()

    def ended(self, call: Counted) -> None:
        if self._live.pop(call.unit, None) is not None:
            self._on_change()

    @property
    def joined(self) -> int:
        return sum(call.joined for call in self._live.values())

    def counts(self) -> CallCounts:
        own = [call for call in self._live.values() if not call.joined]
        unanswered = sum(call.phase in UNANSWERED for call in own)
        return CallCounts(attempts=self._family.attempts, unanswered=unanswered, live=len(own))

    def attached(self, call: Counted) -> None:
        """The leg is there, on the wire and in the engine."""
        self._talking[call.unit] = set(Side)

    def said_last(self, call: Counted, side: Side) -> None:
        """Nothing more comes from that side of a leg."""
        sides = self._talking.get(call.unit, set())
        sides.discard(side)
        if not sides:
            self._talking.pop(call.unit, None)
        if not self._talking:
            self._fell_silent.set()

    async def silence(self) -> None:
        """Return when all legs have said their last word."""
        while self._talking:
            self._fell_silent = trio.Event()
            await self._fell_silent.wait()
