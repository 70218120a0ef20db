"""The life of one INVITE session as a table, for both roles.

The table is asked before anything is written: a move that it does not know is a fault of our caller
and changes nothing. What the peer or the clock can bring in a phase has an entry, or is dropped by
the code that asks `can`. Phases in OVER have told the observer Ended already; they only finish what
the protocol still owes the peer.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final


class SessionStateError(Exception):
    """A local fault: the session is not in a phase in which this can be asked. Nothing changed."""


class Phase(enum.Enum):
    # answering side
    RINGING = "ringing"
    """INVITE received, no final response yet."""
    ANSWERING = "answering"
    """accept() was called; the 2xx waits for a PRACK (RFC 3262 3) or for the owner's answer to an
    offer that came with one."""
    ANSWERED = "answered"
    """2xx sent, ACK not yet seen."""
    LEAVING = "leaving"
    """Hung up before the ACK: the BYE must wait for it (RFC 3261 15)."""
    # calling side
    CALLING = "calling"
    """INVITE sent, nothing heard."""
    PROCEEDING = "proceeding"
    """A provisional response was heard."""
    ABANDONED = "abandoned"
    """Hung up before any response: the CANCEL must wait for one (RFC 3261 9.1)."""
    CANCELLING = "cancelling"
    """CANCEL sent, final response of the INVITE awaited."""
    UNACKNOWLEDGED = "unacknowledged"
    """The 2xx carried the offer; ack_with() is awaited."""
    # both
    CONFIRMED = "confirmed"
    CLOSING = "closing"
    """BYE sent, its answer awaited."""
    ENDED = "ended"


class Move(enum.Enum):
    # asked for by the owner
    PROVISIONAL = "provisional"
    ACCEPT = "accept"
    ACCEPT_LATER = "accept, something being due first"
    REJECT = "reject"
    HANGUP = "hangup"
    INFO = "info"
    REINVITE = "reinvite"
    ACK_WITH = "ack_with"
    # brought by the peer or the clock
    RELEASED = "nothing holds the answer back"
    ACKED = "ACK received"
    ACK_TIMEOUT = "no ACK came"
    HEARD_PROVISIONAL = "1xx received"
    HEARD_ANSWER = "2xx received"
    HEARD_OFFER = "2xx with an offer received"
    HEARD_FAILURE = "failure received"
    CHALLENGED = "INVITE to be sent again"
    CANCELLED = "CANCEL received"
    BYE = "BYE received"
    EXPIRED = "session expired"
    LOST = "dialog lost"
    DONE = "nothing left to do"


OVER: Final = frozenset(
    {Phase.LEAVING, Phase.ABANDONED, Phase.CANCELLING, Phase.CLOSING, Phase.ENDED}
)
"""The observer has been told Ended."""

ESTABLISHED: Final = frozenset({Phase.ANSWERED, Phase.UNACKNOWLEDGED, Phase.CONFIRMED})

MOVES: Final[Mapping[tuple[Phase, Move], Phase]] = {
    (Phase.RINGING, Move.PROVISIONAL): Phase.RINGING,
    (Phase.RINGING, Move.ACCEPT): Phase.ANSWERED,
    (Phase.RINGING, Move.ACCEPT_LATER): Phase.ANSWERING,
    (Phase.RINGING, Move.REJECT): Phase.ENDED,
    (Phase.RINGING, Move.HANGUP): Phase.ENDED,
    (Phase.RINGING, Move.CANCELLED): Phase.ENDED,
    (Phase.RINGING, Move.BYE): Phase.ENDED,
    (Phase.RINGING, Move.LOST): Phase.ENDED,
    (Phase.ANSWERING, Move.RELEASED): Phase.ANSWERED,
    (Phase.ANSWERING, Move.REJECT): Phase.ENDED,
    (Phase.ANSWERING, Move.HANGUP): Phase.ENDED,
    (Phase.ANSWERING, Move.CANCELLED): Phase.ENDED,
    (Phase.ANSWERING, Move.BYE): Phase.ENDED,
    (Phase.ANSWERING, Move.LOST): Phase.ENDED,
    (Phase.ANSWERED, Move.ACKED): Phase.CONFIRMED,
    (Phase.ANSWERED, Move.ACK_TIMEOUT): Phase.CLOSING,
    (Phase.ANSWERED, Move.HANGUP): Phase.LEAVING,
    (Phase.ANSWERED, Move.INFO): Phase.ANSWERED,
    (Phase.ANSWERED, Move.REINVITE): Phase.ANSWERED,
    (Phase.ANSWERED, Move.BYE): Phase.ENDED,
    (Phase.ANSWERED, Move.EXPIRED): Phase.LEAVING,
    (Phase.ANSWERED, Move.LOST): Phase.LEAVING,
    (Phase.LEAVING, Move.ACKED): Phase.CLOSING,
    (Phase.LEAVING, Move.ACK_TIMEOUT): Phase.CLOSING,
    (Phase.LEAVING, Move.BYE): Phase.ENDED,
    (Phase.CALLING, Move.HEARD_PROVISIONAL): Phase.PROCEEDING,
    (Phase.CALLING, Move.HEARD_ANSWER): Phase.CONFIRMED,
    (Phase.CALLING, Move.HEARD_OFFER): Phase.UNACKNOWLEDGED,
    (Phase.CALLING, Move.HEARD_FAILURE): Phase.ENDED,
    (Phase.CALLING, Move.HANGUP): Phase.ABANDONED,
    (Phase.CALLING, Move.LOST): Phase.ENDED,
    (Phase.PROCEEDING, Move.HEARD_PROVISIONAL): Phase.PROCEEDING,
    (Phase.PROCEEDING, Move.HEARD_ANSWER): Phase.CONFIRMED,
    (Phase.PROCEEDING, Move.HEARD_OFFER): Phase.UNACKNOWLEDGED,
    (Phase.PROCEEDING, Move.HEARD_FAILURE): Phase.ENDED,
    (Phase.PROCEEDING, Move.HANGUP): Phase.CANCELLING,
    (Phase.CALLING, Move.CHALLENGED): Phase.CALLING,
    (Phase.PROCEEDING, Move.CHALLENGED): Phase.CALLING,
    (Phase.PROCEEDING, Move.LOST): Phase.CANCELLING,
    (Phase.ABANDONED, Move.HEARD_PROVISIONAL): Phase.CANCELLING,
    (Phase.ABANDONED, Move.HEARD_ANSWER): Phase.CLOSING,
    (Phase.ABANDONED, Move.HEARD_OFFER): Phase.CLOSING,
    (Phase.ABANDONED, Move.HEARD_FAILURE): Phase.ENDED,
    (Phase.ABANDONED, Move.LOST): Phase.ENDED,
    (Phase.CANCELLING, Move.HEARD_PROVISIONAL): Phase.CANCELLING,
    (Phase.CANCELLING, Move.HEARD_ANSWER): Phase.CLOSING,
    (Phase.CANCELLING, Move.HEARD_OFFER): Phase.CLOSING,
    (Phase.CANCELLING, Move.HEARD_FAILURE): Phase.ENDED,
    (Phase.CANCELLING, Move.LOST): Phase.ENDED,
    (Phase.UNACKNOWLEDGED, Move.ACK_WITH): Phase.CONFIRMED,
    (Phase.UNACKNOWLEDGED, Move.HANGUP): Phase.CLOSING,
    (Phase.UNACKNOWLEDGED, Move.BYE): Phase.ENDED,
    (Phase.UNACKNOWLEDGED, Move.LOST): Phase.CLOSING,
    (Phase.CONFIRMED, Move.HANGUP): Phase.CLOSING,
    (Phase.CONFIRMED, Move.INFO): Phase.CONFIRMED,
    (Phase.CONFIRMED, Move.REINVITE): Phase.CONFIRMED,
    (Phase.CONFIRMED, Move.BYE): Phase.ENDED,
    (Phase.CONFIRMED, Move.EXPIRED): Phase.CLOSING,
    (Phase.CONFIRMED, Move.LOST): Phase.CLOSING,
    # a 2xx to a re-INVITE stays without ACK (RFC 3261 14.2)
    (Phase.CONFIRMED, Move.ACK_TIMEOUT): Phase.CLOSING,
    # both sides said BYE at once
    (Phase.CLOSING, Move.BYE): Phase.CLOSING,
    (Phase.CLOSING, Move.DONE): Phase.ENDED,
}

_HINTS: Final[Mapping[Move, str]] = {
    Move.PROVISIONAL: "provisional() is only for an incoming call that was not answered yet",
    Move.ACCEPT: "accept() is only for an incoming call that was not answered yet",
    Move.REJECT: "reject() is only for an incoming call that was not answered yet; use hangup()",
    Move.INFO: "info() and message() are only for an established call",
    Move.REINVITE: "reinvite() is only for an established call",
    Move.ACK_WITH: "ack_with() is only for an outgoing call whose answer carried the offer",
}


def can(phase: Phase, move: Move) -> bool:
    return (phase, move) in MOVES


def after(phase: Phase, move: Move) -> Phase:
    """The phase that follows; SessionStateError for a move that is impossible now."""
    try:
        return MOVES[phase, move]
    except KeyError:
        hint = _HINTS.get(move, "this is a fault in the session's own code")
        raise SessionStateError(
            f"{move.value}: impossible while the session is {phase.value}; {hint}"
        ) from None
