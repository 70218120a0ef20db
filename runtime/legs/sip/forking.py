"""One leg that rings several phones: the first answer wins, the others are told so.

The leg knows nothing of it: it hears the events of one session at a time. Phones are rung in
groups, the most wanted first; the next group rings when everybody of the one before has refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from runtime.legs.sip.leg import SipLeg
from runtime.legs.sip.reason import Cause
from sip.dialog import InviteSession, events
from sip.registrar import Binding

ELSEWHERE: Final = str(Cause("SIP", 200, "Call completed elsewhere"))
"""RFC 3326 2: so that the phone does not list a missed call."""
GIVEN_UP: Final = str(Cause("SIP", 487, "Request Terminated"))

Ring = Callable[[Binding, "ForkedCall"], InviteSession | None]
"""Call one phone; None when that cannot even begin."""


class ForkedCall:
    """Observes the sessions of all phones, and passes one call on to the leg."""

    def __init__(self, leg: SipLeg, bindings: Sequence[Binding], ring: Ring) -> None:
        """`bindings` come in the order in which they are wanted."""
        self._leg = leg
        self._ring = ring
        self._groups = groups(bindings)
        self._ringing: list[InviteSession] = []
        self._failure: tuple[InviteSession, events.Ended] | None = None
        self._settled: InviteSession | None = None
        """The session whose events are the leg's from now on."""

    def begin(self) -> InviteSession | None:
        """Ring the first group that can be rung; one of its sessions."""
        while not self._ringing and self._groups:
            for binding in self._groups.pop(0):
                session = self._ring(binding, self)
                if session is not None:
                    self._ringing.append(session)
        return self._ringing[0] if self._ringing else None

    def on_sip_event(self, session: InviteSession, event: events.SessionEvent) -> None:
        if self._settled is not None:
            if session is self._settled:
                self._leg.on_sip_event(session, event)
            return
        match event:
            case events.Answered():
                self._settle(session, ELSEWHERE)
                self._leg.on_sip_event(session, event)
            case events.Ended():
                self._on_ended(session, event)
            case _:
                self._leg.lead(session)
                self._leg.on_sip_event(session, event)

    def _on_ended(self, session: InviteSession, event: events.Ended) -> None:
        self._ringing.remove(session)
        if event.by == "local" or event.status >= 600:
            # the leg gave up, or the user does not want this call anywhere (RFC 3261 16.7)
            self._settle(session, GIVEN_UP)
            self._leg.on_sip_event(session, event)
            return
        if self._failure is None or rank(event) < rank(self._failure[1]):
            self._failure = session, event
        following = self.begin()
        if following is not None:
            self._leg.lead(following)
        else:
            last, failure = self._failure
            self._settle(last, GIVEN_UP)
            self._leg.on_sip_event(last, failure)

    def _settle(self, session: InviteSession, why: str) -> None:
        self._settled = session
        self._leg.lead(session)
        others = [one for one in self._ringing if one is not session]
        self._ringing, self._groups = [], []
        for other in others:
            other.hangup(reason=why)


def groups(bindings: Sequence[Binding]) -> list[list[Binding]]:
    """Neighbours of the same q together."""
    found: list[list[Binding]] = []
    for one in bindings:
        if found and found[-1][0].q == one.q:
            found[-1].append(one)
        else:
            found.append([one])
    return found


def rank(event: events.Ended) -> tuple[bool, int]:
    """RFC 3261 16.7 step 6: the lowest class counts, and what a phone said before our own guess."""
    return event.by != "remote", event.status // 100
