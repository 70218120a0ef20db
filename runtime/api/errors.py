"""The exceptions that scenario API calls raise besides ValueError, TypeError, AttributeError."""

from __future__ import annotations


class CommandFailed(Exception):
    """An awaited command was refused; the text says what, why and what to do."""


class LimitReached(Exception):
    """A per-session limit (timers, listeners, commands under way) would be passed."""


class SessionOver(Exception):
    """The call needs a running session: it was made while the session was ending."""


class NoSession(Exception):
    """The scenario API was used outside of a running scenario."""
