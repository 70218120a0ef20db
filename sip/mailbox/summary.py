"""How many messages wait in a mailbox, and how a phone is told (RFC 3842 5)."""

from __future__ import annotations

from typing import Final

import attrs

MAILBOX_EVENT: Final = "message-summary"
CONTENT_TYPE: Final = "application/simple-message-summary"
_RANGES: Final = frozenset({CONTENT_TYPE, "application/*", "*/*"})


@attrs.frozen(kw_only=True)
class MailboxState:
    """Voice messages that nobody has heard yet, and that somebody has."""

    new: int = 0
    old: int = 0


def write_summary(state: MailboxState) -> bytes:
    """The body of a NOTIFY. A lamp is lit for new messages alone (RFC 3842 3.5)."""
    waiting = "yes" if state.new else "no"
    text = f"Messages-Waiting: {waiting}\r\nVoice-Message: {state.new}/{state.old} (0/0)\r\n"
    return text.encode()


def accepts_summary(accept_values: list[str]) -> bool:
    """Whether an Accept header lets us send one (no header means that it does)."""
    ranges = {value.partition(";")[0].strip().lower() for value in accept_values}
    return not ranges or not ranges.isdisjoint(_RANGES)
