"""What people at the far side read about a refusal of ours: its number first, then the text."""

from __future__ import annotations

from sip.dialog import warning


def numbered_warning(problem: str, reason: str) -> tuple[str, str]:
    """A Warning header (RFC 3261 20.43); a long text is cut at its end, the number never."""
    return warning(f"{problem} {reason}")
