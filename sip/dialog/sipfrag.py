"""What a NOTIFY of a transfer carries: a status line as message/sipfrag (RFC 3420, RFC 3515 2.4.5),
and how its subscription stands (RFC 6665 4.1.3)."""

from __future__ import annotations

import re
from typing import Final

import attrs

from sip.message import HeaderParams, Headers, MessageError, Request, reason_phrase

from .reason import one_line

SIPFRAG: Final = "message/sipfrag;version=2.0"
EVENT: Final = "refer"

_STATUS_LINE: Final = re.compile(rb"SIP/2\.0[ \t]+([1-6][0-9]{2})(?:[ \t]+([^\r\n]*))?")
MAX_REASON_BYTES: Final = 200
"""Of a peer's phrase that is kept: it is one line for people."""


@attrs.frozen
class Progress:
    """How far the peer's attempt is."""

    status: int
    reason: str

    @property
    def is_final(self) -> bool:
        return self.status >= 200


@attrs.frozen
class SubscriptionState:
    """The Subscription-State of a NOTIFY; a missing one counts as active."""

    is_over: bool
    reason: str
    """Why it is over: noresource, timeout, rejected ...; empty when it is not said."""


def parse_sipfrag(body: bytes) -> Progress | None:
    """The status line that begins the fragment; None when there is none."""
    found = _STATUS_LINE.match(body.lstrip(b"\r\n"))
    if found is None:
        return None
    status = int(found[1])
    said = (found[2] or b"")[:MAX_REASON_BYTES].decode("utf-8", "replace").strip()
    return Progress(status, one_line(said) or reason_phrase(status))


def write_sipfrag(progress: Progress) -> bytes:
    line = f"SIP/2.0 {progress.status} {one_line(progress.reason)}\r\n"
    return line.encode("utf-8", "replace")


def subscription_state(headers: Headers) -> SubscriptionState:
    value = headers.get("Subscription-State") or "active"
    state, _, rest = value.partition(";")
    try:
        params = HeaderParams.parse(rest) if rest else HeaderParams()
    except MessageError:
        params = HeaderParams()
    is_over = state.strip().lower() == "terminated"
    return SubscriptionState(is_over, (params.get("reason") or "").lower())


@attrs.frozen
class EventHeader:
    """The Event of a NOTIFY or SUBSCRIBE: its package, and which subscription of it."""

    package: str
    id: str | None

    @classmethod
    def of(cls, request: Request) -> EventHeader | None:
        """None when there is none that can be read."""
        package, _, rest = (request.headers.get("Event") or "").partition(";")
        try:
            params = HeaderParams.parse(rest) if rest else HeaderParams()
        except MessageError:
            return None
        name = package.strip().lower()
        return cls(name, params.get("id")) if name else None
