"""Bounds on how long a session waits and how much it keeps, each with its reason."""

from typing import Final

UNANSWERED_S: Final = 300.0
"""An incoming INVITE that the application never answers. Timer C lets proxies give up after 180 s
(RFC 3261 16.6); the runtime's own limit is shorter. This one only keeps state from piling up."""

RINGING_S: Final = 300.0
"""An outgoing INVITE since its latest provisional response; one is due each 60 s (13.3.1.1)."""

PROVISIONAL_REPEAT_S: Final = 60.0
"""RFC 3261 13.3.1.1: repeat a provisional response each minute, so that no proxy gives up."""

REINVITE_ANSWER_S: Final = 30.0
"""The application's time to answer a re-INVITE; a peer waits 32 s without a response, and longer
after our 100."""

UPDATE_ANSWER_S: Final = 8.0
"""The same for UPDATE and PRACK, which are to be answered at once (RFC 3311 5.2)."""

REINVITE_RESULT_S: Final = 60.0
"""Our own re-INVITE since it was sent; a peer that only ever says 100 must not block the next."""

GLARE_TRIES: Final = 4
"""How often a re-INVITE is tried again after a 491; each try waits up to 4 s (RFC 3261 14.1)."""

MAX_EARLY_DIALOGS: Final = 12
"""Branches of one forked INVITE that are followed; a fork to all phones of a family is below."""

MAX_SPARE_ANSWERS: Final = 12
"""2xx responses of other branches that are acknowledged and ended; further ones are ignored, and
their senders give up without an ACK."""

MAX_WAITING_PROVISIONALS: Final = 8
"""Reliable provisional responses that wait for the PRACK of an earlier one; the oldest is dropped,
since each replaces the one before."""

MAX_PENDING_REQUESTS: Final = 32
"""Requests of ours in one dialog without an answer yet: digits sent by INFO to a peer that stopped
answering. Further ones are refused to the caller."""

MAX_CHALLENGES: Final = 4
"""Challenges answered for one request: two realms, each stale once. Nobody needs more."""

TRANSFER_RESULT_S: Final = 420.0
"""How long a transfer that we asked for may take: the longest time that a phone may ring (400 s),
and some for the NOTIFYs."""

TRANSFER_REPORT_S: Final = 420
"""The same for a transfer that the peer asked for: the subscription that its REFER began."""

TRANSFER_ANSWER_S: Final = 8.0
"""The application's time to say whether it takes a REFER; the peer waits 32 s for an answer."""

MAX_TRANSFER_REQUESTS: Final = 10
"""REFERs of the peer in one call, VoxEngine's limit; each takes some of a script's time."""

MAX_MESSAGE_BYTES: Final = 8_192
"""Of a text in a MESSAGE, as long as scripts may send; RFC 3428 8 keeps them below 1,300 on UDP."""

MAX_REDIRECTS: Final = 5
"""3xx responses followed for one call; forwarding from desk to desk takes two or three."""
