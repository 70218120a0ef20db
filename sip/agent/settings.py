"""What an operator decides about an endpoint, in one frozen value, and the bounds of its state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs

from sip.advertise import Advertised, as_advertised
from sip.registrar import RegistrarSettings
from sip.transaction import Timers

MAX_SESSIONS: Final = 4_000
"""Calls at once, the closing ones included; about 40 KiB each. The runtime's own limit is lower."""

MAX_SERVER_TRANSACTIONS: Final = 30_000
"""A call leaves two behind for 32 s on UDP: enough for 400 call set-ups each second."""

RETRY_AFTER_S: Final = 5
"""Retry-After when a bound is reached: long enough for calls to end, short for a caller."""

MAX_UDP_REQUEST_BYTES: Final = 1_300
"""RFC 3261 18.1.1: above this, and with an unknown MTU, a request is to go over TCP."""

AVOIDED_S: Final = 60.0
"""How long a place that failed is tried last: less than what restarts take, more than a call set-up
with its challenges, so that those go to one server."""

MAX_AVOIDED: Final = 256
"""Places that are remembered as failed; the oldest is forgotten."""

MAX_REPLY_FACTOR: Final = 2
"""A stateless reply is at most this much longer than the request, which may have a false source
address; a longer one is sent without its explanations, or not at all."""

PACKET_OVERHEAD: Final = 28
"""Bytes of the IP and UDP headers, which count on both sides of that."""


def unnumbered(_: int) -> str:
    """The text stands alone."""
    return ""


@attrs.frozen(kw_only=True)
class EndpointSettings:
    user_agent: str = "callstage"
    """Value of User-Agent and Server."""
    contact_user: str = "callstage"
    """User part of our Contact."""
    advertise: Advertised = attrs.field(default=Advertised(), converter=as_advertised)
    """What to write into Via and Contact instead of the listeners' own addresses."""
    session_expires_s: int = 0
    """Session interval our INVITEs ask for (RFC 4028), at least 90; 0 asks for none."""
    max_sessions: int = MAX_SESSIONS
    max_server_transactions: int = MAX_SERVER_TRANSACTIONS
    registrar: RegistrarSettings | None = None
    """None: nobody can register, and no call is challenged."""
    number_of: Callable[[int], str] = unnumbered
    """What stands before the text of a refusal with this status that the endpoint decides by
    itself: a number that its owner's documentation explains, or nothing."""
    timers: Timers = attrs.field(factory=Timers)
