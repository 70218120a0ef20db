"""One leg that rings several phones: the first answer wins, the others are told so.

The leg knows nothing of it: it hears the events of one session at a time. Phones are rung in
groups, the most wanted first; the next group rings when everybody of the one before has refused.
A phone with several flows is rung over one of them; over the next when that one has failed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from runtime.legs.sip.leg import SipLeg
from runtime.legs.sip.reason import Cause
from sip.dialog import InviteSession, events
from sip.registrar import Binding

ELSEWHERE: Final = str(Cause("SIP", 200, "Call completed elsewhere"))
"""RFC 3326 2: so that the phone does not list a missed call."""
GIVEN_UP: Final = str(Cause("SIP", 487, "Request Terminated"))

FLOW_FAILED: Final = (408, 430)
"""RFC 5626 7: after these, and no others, another flow of the same phone may be tried."""

Flows = deque[Binding]
"""The ways to one phone, the best first; those that are still to be tried."""

Ring = Callable[[Binding, "ForkedCall"], InviteSession | None]
"""Call one phone; None when that cannot even begin."""


class ForkedCall:
    """Observes the sessions of all phones, and passes one call on to the leg."""

    def __init__(self, leg: SipLeg, bindings: Sequence[Binding], ring: Ring) -> None:
        """`bindings` come in the order in which they are wanted."""
        self._leg = leg
        self._ring = ring
        self._groups = groups(bindings)
        self._ringing: dict[InviteSession, Flows] = {}
        self._failure: tuple[InviteSession, events.Ended] | None = None
        self._settled: InviteSession | None = None
        """The session whose events are the leg's from now on."""

    def begin(self) -> InviteSession | None:
        """Ring the first group that can be rung; one of its sessions."""
        while not self._ringing and self._groups:
            for phone in self._groups.pop(0):
                self._ring_phone(phone)
        return next(iter(self._ringing), None)

    def _ring_phone(self, flows: Flows) -> None:
        """Over the first flow that can be had, if any."""
        while flows:
            session = self._ring(flows.popleft(), self)
            if session is not None:
                self._ringing[session] = flows
                return

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
        flows = self._ringing.pop(session)
        if event.by == "local" or event.status >= 600:
            # the leg gave up, or the user does not want this call anywhere (RFC 3261 16.7)
            self._settle(session, GIVEN_UP)
            self._leg.on_sip_event(session, event)
            return
        if event.by != "remote" or event.status in FLOW_FAILED:
            self._ring_phone(flows)
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
        self._ringing, self._groups = {}, []
        for other in others:
            other.hangup(reason=why)


def groups(bindings: Sequence[Binding]) -> list[list[Flows]]:
    """Neighbours of the same q together; a phone stands where its best flow does."""
    found: list[list[Flows]] = []
    phones: dict[str, Flows] = {}
    q: float | None = None
    for one in bindings:
        instance = one.key[0]
        if instance and instance in phones:
            phones[instance].append(one)
            continue
        phone = phones[instance] = Flows([one])
        if one.q != q:
            found.append([])
            q = one.q
        found[-1].append(phone)
    return found


def rank(event: events.Ended) -> tuple[bool, int]:
    """RFC 3261 16.7 step 6: the lowest class counts, and what a phone said before our own guess."""
    return event.by != "remote", event.status // 100
