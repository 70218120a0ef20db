"""The Reason header (RFC 3326) and what the end of a SIP session means for the leg.

A leg that never connected ends with a SIP status; a connected one with the cause of the first
Reason header, or 200. Texts are for people: the peer's own words when it sent some.
"""

from __future__ import annotations

from typing import Final

import attrs

from runtime.legs.leg import Ended
from runtime.legs.sip.headers import seen_by_script
from sip.dialog.events import Ended as SessionEnded
from sip.message import HeaderParams, MessageError, reason_phrase
from sip.message import Headers as SipHeaders

MAX_CAUSE: Final = 999
"""SIP statuses and Q.850 causes (at most 127) are below."""
MAX_TEXT: Final = 200
"""Characters of a peer's reason that are kept; it is one line for people."""

Q850_TEXTS: Final = {
    1: "Unallocated number",
    3: "No route to destination",
    16: "Normal call clearing",
    17: "User busy",
    18: "No user responding",
    19: "No answer from user",
    20: "Subscriber absent",
    21: "Call rejected",
    22: "Number changed",
    27: "Destination out of order",
    28: "Invalid number format",
    31: "Normal, unspecified",
    34: "No circuit available",
    38: "Network out of order",
    41: "Temporary failure",
    42: "Switching equipment congestion",
    44: "Requested circuit not available",
    47: "Resource unavailable",
    55: "Incoming calls barred",
    57: "Bearer capability not authorized",
    58: "Bearer capability not available",
    65: "Bearer capability not implemented",
    79: "Service not implemented",
    88: "Incompatible destination",
    102: "Recovery on timer expiry",
    111: "Protocol error",
    127: "Interworking, unspecified",
}
"""ITU-T Q.850, the causes that are seen on telephone calls."""


@attrs.frozen
class Cause:
    """One value of a Reason header."""

    protocol: str
    """"Q.850" or "SIP", as sent."""
    code: int | None
    text: str = ""

    def __str__(self) -> str:
        params = HeaderParams({} if self.code is None else {"cause": str(self.code)})
        if self.text:
            # always a quoted string (RFC 3326 2), which with_value writes only where it must
            safe = "".join(c if c.isprintable() and c not in '"\\' else " " for c in self.text)
            return f'{self.protocol}{params};text="{safe[:MAX_TEXT]}"'
        return f"{self.protocol}{params}"


def reason_to_leave(code: int, reason: str, *, connected: bool) -> str:
    """A Reason header's value for BYE and CANCEL (RFC 3326)."""
    if connected and code in (200, 487):
        return str(Cause("Q.850", 16, reason or "Normal call clearing"))
    return str(Cause("SIP", code, reason))


def first_cause(headers: SipHeaders) -> Cause | None:
    """The first Reason value that can be read."""
    for value in headers.values("Reason"):
        protocol, _, rest = value.partition(";")
        try:
            params = HeaderParams.parse(rest) if rest else HeaderParams()
        except MessageError:
            continue
        return Cause(protocol.strip(), _number(params.get("cause")), _words(params.get("text")))
    return None


def _number(text: str | None) -> int | None:
    if text is None or not (text.isascii() and text.isdigit() and len(text) <= 3):
        return None
    return int(text)


def _words(text: str | None) -> str:
    decoded = (text or "").encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return decoded[:MAX_TEXT]


def end_of_leg(event: SessionEnded, *, connected: bool) -> Ended:
    """The leg's Ended for the session's; the caller's own words are put in by the leg."""
    cause = first_cause(event.headers)
    by = {"local": "us", "remote": "peer"}.get(event.by, "network")
    headers = seen_by_script(event.headers, with_reason=True)
    if not connected:
        status = _status(event)
        said = cause.text if cause else ""
        # a CANCEL has no words of its own: "Call completed elsewhere" stands in its Reason
        words = (said, event.reason) if event.kind == "cancel" else (event.reason, said)
        reason = words[0] or words[1] or reason_phrase(status)
        return Ended(code=status, reason=reason, by=by, headers=headers)
    if event.kind == "bye" and event.by in ("local", "remote"):
        code = cause.code if cause is not None and cause.code is not None else 200
        return Ended(code=code, reason=_told(cause) or "BYE", by=by, headers=headers)
    code = cause.code if cause is not None and cause.code is not None else event.status
    return Ended(code=code, reason=event.reason or _told(cause), by=by, headers=headers)


def _told(cause: Cause | None) -> str:
    if cause is None:
        return ""
    if cause.text or cause.code is None:
        return cause.text
    if cause.protocol.lower() == "q.850":
        return Q850_TEXTS.get(cause.code, f"Q.850 cause {cause.code}")
    return reason_phrase(cause.code)


def _status(event: SessionEnded) -> int:
    """RFC 3261 15.1.2: whoever leaves an unanswered INVITE, its status is 487."""
    if event.kind in ("cancel", "bye") or event.status < 300:
        return 487 if event.by in ("local", "remote") else 408
    return event.status
