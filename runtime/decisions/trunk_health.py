"""Whether a trunk answers: when to ask it, and what its answers mean. Pure; core process.

Whoever answers at all is up, also with a refusal: many peers have no OPTIONS for strangers.
Silence, a broken transport and 503 count against it; the second in a row takes it down, the first
answer brings it back. In between and while it is down it is asked more often.
"""

from __future__ import annotations

import enum
from typing import Final

import attrs

ANSWER_S: Final = 4.0
"""For the answer to a ping; a trunk that takes longer is no use for a caller who waits."""
DOWN_AFTER: Final = 2
"""Failures in a row: one may be a lost packet on its way through a restart."""
SUSPECT_S: Final = 2.0
"""Until the second ping after a first failure."""
DOWN_S: Final = 10.0
"""Between pings of a trunk that is down: it comes back within."""
SPREAD: Final = 0.1
"""Pings are earlier by up to this part, by chance, so that many do not go out at once."""


class TrunkState(enum.Enum):
    UNKNOWN = "unknown"
    """Not asked yet, or never to be asked: it is used."""
    UP = "up"
    DOWN = "down"


@attrs.define
class TrunkHealth:
    """What is known of one trunk."""

    interval_s: float
    """Between pings of a trunk that is up."""
    since: float
    """When the state began."""
    state: TrunkState = TrunkState.UNKNOWN
    latency_s: float | None = None
    """Of the last answer."""
    reason: str = ""
    """Of the last failure; empty while there is none."""
    due: float = attrs.field(init=False)
    """When the next ping goes out."""
    _failures: int = attrs.field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self.due = self.since

    def answered(self, status: int, reason: str, sent_at: float, now: float, chance: float) -> bool:
        """A ping got a final response; whether the state changed. `chance` is 0 up to 1."""
        if status == 503:
            return self.failed(f"503 {reason}", now)
        self.latency_s, self.reason, self._failures = now - sent_at, "", 0
        self.due = now + self.interval_s * (1 - SPREAD * chance)
        return self._enter(TrunkState.UP, now)

    def failed(self, why: str, now: float) -> bool:
        """A ping got nothing; whether the state changed."""
        self.reason = why
        self._failures += 1
        down = self._failures >= DOWN_AFTER
        self.due = now + min(DOWN_S if down else SUSPECT_S, self.interval_s)
        return self._enter(TrunkState.DOWN, now) if down else False

    def suspect(self, now: float) -> None:
        """A call over it failed for its own fault: it is asked now."""
        self.due = min(self.due, now)

    def _enter(self, state: TrunkState, now: float) -> bool:
        if self.state is state:
            return False
        self.state, self.since = state, now
        return True
