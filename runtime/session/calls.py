"""The legs of one session, counted: what the limits and the idle clock look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from runtime.decisions.call_state import UNANSWERED, Phase
from runtime.decisions.limits import CallCounts


class Counted(Protocol):
    """A leg as the book sees it. `joined`: a caller of a shared session, outside the limits."""

    @property
    def unit(self) -> int: ...
    @property
    def phase(self) -> Phase: ...
    @property
    def joined(self) -> bool: ...


class CallBook:
    """Live legs and how many there ever were."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._live: dict[int, Counted] = {}
        self._attempts = 0
        self._on_change = on_change

    def __len__(self) -> int:
        return len(self._live)

    def opened(self, call: Counted) -> None:
        self._attempts += not call.joined
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
        return CallCounts(attempts=self._attempts, unanswered=unanswered, live=len(own))
