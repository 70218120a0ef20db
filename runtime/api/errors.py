"""The exceptions that scenario API calls raise besides ValueError, TypeError, AttributeError."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runtime.api.call import Call
    from runtime.api.values import Answered


class CommandFailed(Exception):
    """An awaited command was refused; the text says what, why and what to do, and ends with the
    number of its kind (docs/reference/problems)."""


class NobodyAnswered(Exception):
    """None of the calls of first_answered() connected.

    `outcomes` has what became of each: Call -> Answered, whose code and reason say why."""

    def __init__(self, outcomes: Mapping[Call, Answered]) -> None:
        self.outcomes = outcomes
        told = (f"{call.number()} {each.code} {each.reason}" for call, each in outcomes.items())
        super().__init__(f"first_answered(): nobody answered: {'; '.join(told)}")


class LimitReached(Exception):
    """A per-session limit (timers, listeners, commands under way) would be passed."""


class SessionOver(Exception):
    """The call needs a running session: it was made while the session was ending."""


class NoSession(Exception):
    """The scenario API was used outside of a running scenario."""
