"""What the outside may see of a session: frozen pictures, taken at one moment."""

from __future__ import annotations

import attrs

from runtime.session.recording import RecordingView


@attrs.frozen(kw_only=True)
class LegView:
    """One leg that is not over."""

    id: str
    incoming: bool
    state: str
    number: str
    callerid: str
    remote: str
    duration_s: float
    """Since Connected; 0 before."""


@attrs.frozen(kw_only=True)
class SessionView:
    """One session, live or over."""

    id: str
    application: str
    scenario: str
    version: str
    rule: str | None
    """The rule that took its first call; None when it was started over HTTP or without rules."""
    state: str
    pid: int | None
    """The process of its script; None before there is one, or where it is none of its own."""
    started: float
    """Wall-clock time, seconds since the epoch."""
    duration_s: float
    legs: tuple[LegView, ...]
    recordings: tuple[RecordingView, ...]
    end_cause: str | None
    end_detail: str
