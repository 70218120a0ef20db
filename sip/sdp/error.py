"""What can be wrong with a session description: unreadable, or nothing in common with it.

Both are remote faults and carry the status to answer. Texts quote the peer's words only as
short printable ASCII, because they end up in a Warning header.
"""

from __future__ import annotations

from .limits import MAX_LABEL_CHARS, MAX_WARNING_CHARS


class SdpError(ValueError):
    """The bytes are no session description (RFC 8866); answered 400."""

    status = 400

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class NegotiationError(Exception):
    """No audio stream can be agreed on; answered 488 with the warning (RFC 3261 20.43).

    `failures` has one text per offered stream or codec: its name and why it was not taken.
    """

    status = 488

    def __init__(self, warning_code: int, warning: str, failures: tuple[str, ...] = ()) -> None:
        if len(warning) > MAX_WARNING_CHARS:
            warning = warning[:MAX_WARNING_CHARS] + "..."
        super().__init__(warning)
        self.warning_code = warning_code
        self.warning = warning
        self.failures = failures

    def warning_header(self, agent: str, before: str = "") -> str:
        """The value of a Warning header; `agent` is our host, or host:port, and `before` stands
        in front of the text."""
        return f'{self.warning_code} {agent} "{before}{self.warning}"'


def quoted(text: str) -> str:
    """A peer's word, fit for a quoted string in a header."""
    safe = "".join(c if " " <= c <= "~" and c not in '"\\' else "?" for c in text[:MAX_LABEL_CHARS])
    return safe if len(text) <= MAX_LABEL_CHARS else safe + "..."
