"""Which headers pass a simulated leg, as on a real one: X-*, User-to-User, and Reason of an end."""

from __future__ import annotations

from runtime.legs.leg import Headers


def visible(headers: Headers, *, with_reason: bool = False) -> dict[str, str]:
    """What a leg hands over of a peer's headers; Reason only of an end."""
    return {
        name: value
        for name, value in headers.items()
        if _may_be_set(name) or (with_reason and name.lower() == "reason")
    }


def _may_be_set(name: str) -> bool:
    """By scripts; every other header is the stack's own."""
    return name.lower().startswith("x-") or name.lower() == "user-to-user"


def complaint_about(headers: Headers) -> str:
    """Why a script's headers cannot be sent; VI-* are instructions to the platform."""
    names = [name for name in headers if not _may_be_set(name)]
    names = [name for name in names if not name.lower().startswith("vi-")]
    if not names:
        return ""
    return f"a script may not set {', '.join(names)}; it may set X-* headers and User-to-User"
