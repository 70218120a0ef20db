"""Which SIP headers a script may set, and which of a peer's headers it gets to see.

A script may set X-*, User-to-User and nothing else: everything that routes, identifies or frames a
message is the stack's own; Replaces comes by another way, through the session. VI-* names are
instructions to the platform and never leave it.
"""

from __future__ import annotations

import re
from typing import Final

import attrs

from runtime.legs.leg import DialRequest, Headers
from sip.agent import DialogName
from sip.message import Headers as SipHeaders
from sip.message import MessageError

MAX_SEEN: Final = 64
"""Headers of one event; as many as a script may set (sandbox/schema.py)."""
MAX_SEEN_CHARS: Final = 2_000
"""Of one value: a User-to-User of 128 octets in hexadecimal fits many times."""


REASON: Final = re.compile(
    r"(?:SIP|Q\.850)[ \t]*;[ \t]*cause[ \t]*=[ \t]*[0-9]{1,3}"
    r'(?:[ \t]*;[ \t]*text[ \t]*=[ \t]*"[^"\\\x00-\x1f\x7f]{0,128}")?',
    re.IGNORECASE,
)
"""What a script may give as the Reason of an end: `Q.850;cause=17;text="busy"`."""


@attrs.frozen
class ScriptHeaders:
    """A script's headers, sorted."""

    written: tuple[tuple[str, str], ...]
    refused: tuple[str, ...]
    """Names that scripts may not set."""
    unsafe: tuple[str, ...] = ()
    """Names with values that would break out of their line."""

    @property
    def complaint(self) -> str:
        """Why, and what to do instead; empty when everything can be written."""
        complaints = []
        if self.refused:
            names = ", ".join(self.refused)
            complaints.append(
                f"a script may not set {names}; it may set X-* headers and User-to-User"
            )
        if self.unsafe:
            complaints.append(f"{', '.join(self.unsafe)}: no header can hold CR, LF or NUL")
        return "; ".join(complaints)


def script_headers(headers: Headers, *, ending: bool = False) -> ScriptHeaders:
    """Split what a script wants to send into what is written and what is refused.

    The end of a call may say its Reason (RFC 3326), a refusal too (RFC 6432).
    """
    written, refused, unsafe = [], [], []
    for name, value in headers.items():
        text = value.encode("utf-8", "replace").decode("utf-8")
        if ending and name.lower() == "reason" and REASON.fullmatch(value):
            written.append((name, text))
        elif not _is_ours(name):
            if not name.lower().startswith("vi-"):
                refused.append(name)
        elif _is_safe(name, text):
            written.append((name, text))
        else:
            unsafe.append(name)
    return ScriptHeaders(tuple(written), tuple(refused), tuple(unsafe))


def dial_headers(request: DialRequest) -> ScriptHeaders:
    """The same of a call's INVITE, with the call whose place it takes (RFC 3891)."""
    found = script_headers(request.headers)
    if not request.replaces:
        return found
    if not can_be_replaced(request.replaces):
        return attrs.evolve(found, unsafe=(*found.unsafe, "Replaces"))
    return attrs.evolve(found, written=(*found.written, ("Replaces", request.replaces)))


def can_be_replaced(replaces: str) -> bool:
    """Whether it names a call and can be written: it comes from a peer's URI, where escapes hide
    anything."""
    try:
        DialogName.parse(replaces)
    except MessageError:
        return False
    return len(replaces) <= MAX_SEEN_CHARS and _is_safe("Replaces", replaces)


def seen_by_script(headers: SipHeaders, *, with_reason: bool = False) -> dict[str, str]:
    """X-* and User-to-User (and Reason, on an end), names as sent, repeated lines joined."""
    seen: dict[str, str] = {}
    spelling: dict[str, str] = {}
    for name, value in headers:
        if not (_is_ours(name) or (with_reason and name.lower() == "reason")):
            continue
        key = spelling.setdefault(name.lower(), name)
        if key not in seen and len(seen) >= MAX_SEEN:
            continue
        # surrogates stand for bytes that are no UTF-8; JSON and scripts get the usual mark
        text = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        seen[key] = (f"{seen[key]}, {text}" if key in seen else text)[:MAX_SEEN_CHARS]
    return seen


def _is_ours(name: str) -> bool:
    lowered = name.lower()
    return lowered.startswith("x-") or lowered == "user-to-user"


def _is_safe(name: str, value: str) -> bool:
    try:
        SipHeaders([(name, value)])
    except ValueError:
        return False
    return True
