"""Who calls the scenario, and whom the scenario calls: what each can do besides what both can."""

from __future__ import annotations

from typing import Final

from runtime.legs.leg import DialRequest, Headers
from runtime.testing.legs import NO_HEADERS, SimLeg
from runtime.testing.peers import WAIT_S, NotHeard, SimPeer, Stage

REASONS: Final = {
    404: "Not Found",
    408: "Request Timeout",
    480: "Temporarily Unavailable",
    486: "Busy Here",
    487: "Request Terminated",
    503: "Service Unavailable",
    603: "Decline",
}
"""What phones usually say with these codes."""


class SimCaller(SimPeer):
    """Somebody who calls the scenario (`await sim.call(...)`). Hanging up early cancels."""

    def places(self, leg: SimLeg) -> None:
        """This is his call (the simulation says so)."""
        self._attach(leg)

    def cancel(self) -> None:
        """Give up before the call is answered."""
        if self.is_connected:
            raise RuntimeError(
                f"cancel(): the call of {self.name} is answered already; use hang_up()"
            )
        self.leg.peer_hangs_up(NO_HEADERS)


class SimCallee(SimPeer):
    """Somebody whom the scenario calls (`sim.expect_call(...)`, or given to an on_dial script).

    Until the test says otherwise the phone does nothing at all. Acts on a call that is over do
    nothing, as the scenario may hang up at any time.
    """

    def __init__(self, name: str, stage: Stage) -> None:
        super().__init__(name, stage)
        self._request: DialRequest | None = None

    @property
    def request(self) -> DialRequest:
        """What the scenario asked for: number, caller id, headers, time-out."""
        if self._request is None:
            raise NotHeard(f"{self.name} was not called yet; wait for it: await callee.invited()")
        return self._request

    async def invited(self, *, within: float = WAIT_S) -> DialRequest:
        """Wait until the scenario calls."""
        __tracebackhide__ = True
        return await self._until(lambda: self._request, within, "to be called")

    def ring(self, headers: Headers = NO_HEADERS) -> None:
        """180."""
        self._unanswered_only("ring")
        self.leg.peer_rings(headers)

    def early_media(self, headers: Headers = NO_HEADERS) -> None:
        """183: from now on what this side says can be heard; `says` for an announcement."""
        self._unanswered_only("early_media")
        self.leg.peer_early_media(headers)

    def answer(self, headers: Headers = NO_HEADERS, *, custom_data: str = "") -> None:
        """Pick up."""
        self._unanswered_only("answer")
        self.leg.peer_answers(headers, custom_data)

    def busy(self) -> None:
        self.reject(486, "Busy Here")

    def reject(self, code: int, reason: str = "", headers: Headers = NO_HEADERS) -> None:
        """Refuse with a SIP status (300-699)."""
        self._unanswered_only("reject")
        self.leg.peer_rejects(code, reason or REASONS.get(code, "Refused"), headers)

    def hang_up(self, headers: Headers = NO_HEADERS, *, cause: int | None = None) -> None:
        if self.leg.unanswered:
            raise RuntimeError(
                f"hang_up(): {self.name} has not answered; use reject(603) or busy()"
            )
        super().hang_up(headers, cause=cause)

    def dialled(self, leg: SimLeg, request: DialRequest) -> None:
        """The scenario called (the simulated dialer says so)."""
        self._request = request
        self._attach(leg)

    def _unanswered_only(self, verb: str) -> None:
        if self.is_connected:
            raise RuntimeError(f"{verb}(): {self.name} has answered already")
