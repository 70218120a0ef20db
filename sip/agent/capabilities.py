"""What this user agent can do, as it says in Allow, Accept and Supported (RFC 3261 20.1, 20.5)."""

from __future__ import annotations

from typing import Final

ALLOW: Final = (
    "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE, REFER, SUBSCRIBE, NOTIFY, MESSAGE"
)
ACCEPT: Final = "application/sdp"

ACCEPT_ENCODING: Final = "identity"
ACCEPT_LANGUAGE: Final = "en"

BODY_KIND: Final = "Content-Type"
"""It goes last, with the length, right before what it is about: many scripts of test programs,
SIPp's own 3pcc scenarios among them, take everything from here on for the body."""

EXTENSIONS: Final = frozenset({"100rel", "norefersub", "replaces", "timer"})
"""Option tags that a peer may Require."""

SUPPORTED: Final = "100rel, norefersub, replaces, timer"
SUPPORTED_WITHOUT_100REL: Final = "norefersub, replaces, timer"
"""For an INVITE without offer: a reliable 1xx could bring an offer that only PRACK may answer."""

IN_DIALOG_ONLY: Final = frozenset({"BYE", "INFO", "PRACK", "UPDATE"})
"""Methods that make no sense outside a dialog: 481."""

KNOWN_ELSEWHERE: Final = frozenset({"PUBLISH"})
"""Methods that exist but are not offered here: 405, while one that nobody knows gets 501."""

HANDLED: Final = IN_DIALOG_ONLY | {
    *("INVITE", "MESSAGE", "NOTIFY", "OPTIONS", "REFER", "REGISTER", "SUBSCRIBE"),
}
"""Methods with an answer of their own (ACK and CANCEL are taken care of before)."""


def accepts_sdp(accept_values: list[str]) -> bool:
    """Whether an Accept header lets us answer with SDP (no header means that it does)."""
    for value in accept_values:
        media_range, _, params = value.partition(";")
        refused = any(part.replace(" ", "") in ("q=0", "q=0.0") for part in params.split(";"))
        if media_range.strip().lower() in (ACCEPT, "application/*", "*/*") and not refused:
            return True
    return not accept_values
