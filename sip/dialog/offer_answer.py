"""Who may offer now (RFC 3264 4, RFC 3261 14, RFC 3311 5.2).

One offer at a time may be open in a dialog. The table says what each step leads to; `refusal` says
what a peer's offer gets when it comes at the wrong moment.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final


class Exchange(enum.Enum):
    NONE = "no description exchanged"
    OFFERED = "our offer is open"
    ASKED = "the peer's offer is open"
    STABLE = "settled"


class Turn(enum.Enum):
    SEND_OFFER = "send an offer"
    SEND_ANSWER = "send an answer"
    GET_OFFER = "receive an offer"
    GET_ANSWER = "receive an answer"
    ROLL_BACK = "give the open offer up"


class OfferError(Exception):
    """A local fault: this description cannot be sent now."""


TURNS: Final[Mapping[tuple[Exchange, Turn], Exchange]] = {
    (Exchange.NONE, Turn.SEND_OFFER): Exchange.OFFERED,
    (Exchange.NONE, Turn.GET_OFFER): Exchange.ASKED,
    (Exchange.OFFERED, Turn.GET_ANSWER): Exchange.STABLE,
    (Exchange.ASKED, Turn.SEND_ANSWER): Exchange.STABLE,
    (Exchange.STABLE, Turn.SEND_OFFER): Exchange.OFFERED,
    (Exchange.STABLE, Turn.GET_OFFER): Exchange.ASKED,
}


class OfferAnswer:
    """The exchange of one dialog."""

    __slots__ = ("_settled_before", "state")

    def __init__(self) -> None:
        self.state = Exchange.NONE
        self._settled_before = False

    def __repr__(self) -> str:
        return f"<OfferAnswer {self.state.value}>"

    def can(self, turn: Turn) -> bool:
        if turn is Turn.ROLL_BACK:
            return True
        return (self.state, turn) in TURNS

    def take(self, turn: Turn) -> None:
        """Take one turn; OfferError when it is not ours to take now."""
        if turn is Turn.ROLL_BACK:
            self.state = Exchange.STABLE if self._settled_before else Exchange.NONE
            return
        try:
            self.state = TURNS[self.state, turn]
        except KeyError:
            raise OfferError(f"cannot {turn.value} now: {self.state.value}") from None
        self._settled_before = self._settled_before or self.state is Exchange.STABLE

    @property
    def refusal(self) -> int | None:
        """The status for an offer of the peer that comes now; None when it is welcome.

        491 when it crosses our own offer (RFC 3261 14.2), 500 when the peer's earlier one is
        still unanswered (RFC 3311 5.2; with Retry-After).
        """
        if self.state is Exchange.OFFERED:
            return 491
        return 500 if self.state is Exchange.ASKED else None
