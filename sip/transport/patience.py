"""How long a connection is waited for, and when it is asked whether it is still there. Pure.

A message that has begun is due soon; a connection that nothing depends on is closed after a while;
one that a dialog depends on is kept alive by pings (RFC 5626 4.4.1), and a peer that has answered
one before must answer the next: otherwise its flow has failed, long before TCP would notice.
"""

from __future__ import annotations

from collections.abc import Callable

import attrs

from .limits import IDLE_S, LOOK_AGAIN_S, MESSAGE_S, PING_S, PONG_S


@attrs.frozen
class WaitUntil:
    at: float


@attrs.frozen
class SendPing:
    """Send one; `next` again at once."""


@attrs.frozen
class GiveUp:
    reason: str


Verdict = WaitUntil | SendPing | GiveUp


class Patience:
    """The clock of one connection."""

    def __init__(self, now: float, *, pings: bool, must_answer: bool) -> None:
        """`pings`: it is for us to ping; `must_answer`: the peer answers every ping for sure."""
        self._pings = pings
        self._must_answer = must_answer
        self._partial_since: float | None = now  # the first message is due soon
        self._last_byte = now
        self._pinged: float | None = None

    def heard(self, now: float, *, complete: bool) -> None:
        """Bytes came; `complete` when they ended a message or a keep-alive."""
        self._last_byte = now
        self._pinged = None
        if complete:
            self._partial_since = None
        elif self._partial_since is None:
            self._partial_since = now

    def ponged(self) -> None:
        """What may be an answer to our ping came; call it before `heard`."""
        if self._pinged is not None:
            self._must_answer = True

    def next(self, now: float, is_needed: Callable[[], bool]) -> Verdict:
        """What to do now; `is_needed` is asked only when it matters."""
        if self._partial_since is not None:
            due = self._partial_since + MESSAGE_S
            return GiveUp("no whole message in time") if now >= due else WaitUntil(due)
        if self._pinged is not None and self._must_answer:
            due = self._pinged + PONG_S
            reason = f"the flow failed: no answer to a keep-alive within {PONG_S:g} s"
            return GiveUp(reason) if now >= due else WaitUntil(due)
        idle = self._last_byte + IDLE_S
        ping = (self._last_byte if self._pinged is None else self._pinged) + PING_S
        if now < (min(idle, ping) if self._pings else idle):
            return WaitUntil(min(idle, ping) if self._pings else idle)
        if not is_needed():
            return GiveUp("idle") if now >= idle else WaitUntil(min(idle, now + LOOK_AGAIN_S))
        if self._pings and now >= ping:
            self._pinged = now
            return SendPing()
        return WaitUntil(min(now + LOOK_AGAIN_S, ping) if self._pings else now + LOOK_AGAIN_S)
