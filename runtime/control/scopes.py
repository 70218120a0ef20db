"""What a caller of the HTTP interface may do."""

from __future__ import annotations

import enum

import attrs
from starlette.requests import Request


class Scope(enum.Enum):
    """Each request needs one; the table of requests says which (routes.py)."""

    READ = "read"
    """Look at sessions, history, recordings, rules."""
    CALLS = "calls"
    """Start and end sessions, say how many messages wait for a user."""
    DEPLOY = "deploy"
    """Upload scenarios, set rules, secrets, users and numbers."""
    ADMIN = "admin"
    """Make and take back tokens, delete recordings."""


@attrs.frozen
class Caller:
    """Who asks: the owner of a token, or somebody on this machine."""

    name: str
    scopes: frozenset[Scope]
    application: str = ""
    """The only one that the token reaches; empty: all of them, and the machine itself."""

    def reaches(self, application: str) -> bool:
        return self.application in ("", application)


LOCAL = Caller("local", frozenset(Scope))
"""A loopback bind needs no token."""

NOBODY = Caller("", frozenset())
"""Probes of others carry no token."""


def caller_of(request: Request) -> Caller:
    """Whom the gate let in."""
    caller: Caller = request.scope["callstage.caller"]
    return caller
