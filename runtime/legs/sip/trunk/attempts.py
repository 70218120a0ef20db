"""One outgoing leg and the trunks that may still carry it: hears each INVITE, begins the next.

The leg knows nothing of the trunks that failed, except for a line in its timeline; when the last
one has failed it ends with what each of them said.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

import attrs

from runtime.legs.leg import DialRefused
from runtime.legs.sip.leg import SipLeg
from runtime.legs.sip.route import OutgoingRoute
from runtime.legs.sip.trunk.arriving import TrunkRefusal
from runtime.legs.sip.trunk.desk import Line
from runtime.legs.sip.trunk.failure import trunk_failure
from sip.dialog import InviteSession, events

MAX_TOLD: Final = 8
"""Failures that the reason of the end names; it is one line for people."""


@attrs.define(kw_only=True)
class Attempts:
    """The observer of a leg's INVITEs, one after the other."""

    _leg: SipLeg
    _current: OutgoingRoute
    _waiting: deque[OutgoingRoute]
    _send: Callable[[OutgoingRoute, Attempts], None]
    """Send the leg's INVITE over a route, and report to us. Raises DialRefused."""
    _enter: Callable[[str], Line | TrunkRefusal]
    """A line of the trunk with this name, "" for none."""
    _trunk_failed: Callable[[str], object]
    """Told the trunk's name."""
    _line: Line = attrs.field(factory=Line, init=False)
    _reached: bool = attrs.field(default=False, init=False)
    _failures: list[str] = attrs.field(factory=list, init=False)

    @property
    def patience_s(self) -> float:
        """How long the current trunk may be silent: the last one as long as RFC 3261 has it, since
        nobody is left who would be quicker."""
        return self._current.first_response_s if self._waiting else 0.0

    def begin(self) -> None:
        """The first INVITE that can be sent. Raises DialRefused when there is none."""
        try:
            self._try()
        except DialRefused as exc:
            self._failed(exc.reason)
            if not self._next():
                raise DialRefused(exc.kind, self._summary(exc.reason), code=exc.code) from exc

    def on_sip_event(self, session: InviteSession, event: events.SessionEvent) -> None:
        if isinstance(event, events.Provisional | events.Answered):
            self._reached = True
        elif isinstance(event, events.Ended):
            self._line.leave()
            why = trunk_failure(event, reached=self._reached)
            if why is not None and self._current.trunk:
                self._failed(why)
                self._trunk_failed(self._current.trunk)
                if self._next():
                    return
                event = attrs.evolve(event, reason=self._summary(event.reason))
        self._leg.on_sip_event(session, event)

    def on_replacement(self, session: InviteSession) -> None:
        """Another call takes the place of ours (RFC 3891): it is no trunk's any more."""
        self._reached = True
        self._leg.on_replacement(session)

    def _try(self) -> None:
        """The INVITE over the current route. Raises DialRefused."""
        line = self._enter(self._current.trunk)
        if isinstance(line, TrunkRefusal):
            raise line.for_a_call()
        try:
            self._send(self._current, self)
        except DialRefused:
            line.leave()
            raise
        self._line = line

    def _failed(self, why: str) -> None:
        if not self._current.trunk:
            return
        self._failures.append(f"trunk {self._current.trunk}: {why}")
        self._leg.note("sip", f"trunk {self._current.trunk} failed: {why}")

    def _next(self) -> bool:
        """Whether another trunk was asked."""
        while self._waiting:
            self._current = self._waiting.popleft()
            self._leg.note("sip", f"trying trunk {self._current.trunk}")
            try:
                self._try()
            except DialRefused as exc:
                self._failed(exc.reason)
            else:
                return True
        return False

    def _summary(self, reason: str) -> str:
        return reason if len(self._failures) < 2 else "; ".join(self._failures[:MAX_TOLD])
