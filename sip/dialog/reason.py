"""Texts for people in headers: Warning (RFC 3261 20.43) and Reason (RFC 3326).

Whatever text comes in, one line that cannot break out of its header goes out.
"""

from __future__ import annotations

import re

from sip.message.scan import quote

AGENT = "callstage"
"""The warn-agent: a pseudonym is allowed, and an address would tell strangers our network."""

MAX_TEXT = 256
"""Characters of a reason that are worth a place in a datagram."""

_COMPLETE = re.compile(r"[A-Za-z][A-Za-z0-9.]*[ \t]*;[ \t]*(cause|text)[ \t]*=")


def one_line(text: str) -> str:
    """Printable, without control characters, of bounded length."""
    cleaned = "".join(c if c.isprintable() else " " for c in text[: MAX_TEXT + 1])
    return cleaned if len(text) <= MAX_TEXT else cleaned[: MAX_TEXT - 3] + "..."


def warning(text: str) -> tuple[str, str]:
    """`Warning: 399 callstage "text"`; 399 is the code for miscellaneous text."""
    return "Warning", f"399 {AGENT} {quote(one_line(text))}"


def reason_header(text: str) -> tuple[str, str]:
    """A Reason for BYE or CANCEL: a complete value is kept, plain text becomes normal clearing."""
    if _COMPLETE.match(text):
        return "Reason", one_line(text)
    return "Reason", f"Q.850;cause=16;text={quote(one_line(text))}"
