"""Which session, and which handler of it, is running: the one ContextVar of the scenario API.

Every handler, timer callback and script top level runs under a Run; tasks that the script starts
inherit it. It says whose an uncaught exception is, and where in the script the code was registered.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

import attrs

from runtime.api.errors import NoSession

if TYPE_CHECKING:
    from runtime.api.session import Session


@attrs.define(eq=False)
class Run:
    """One run of a handler, of a timer's callback, or of the script's top level."""

    session: Session
    leg: int | None
    """The call an uncaught exception belongs to; None ends the session."""
    where: str
    """The script's own "file.py:line" that registered the code."""
    terminal: bool = False
    """It handles the end of its leg: it gets time to finish when the leg is released."""
    farewell: bool = False
    """It handles the end of the session; all other code is overtaken by that."""


RUNNING: Final[ContextVar[Run]] = ContextVar("callstage_running")


def current_run() -> Run:
    """The run this code belongs to; NoSession outside of a scenario."""
    run = RUNNING.get(None)
    if run is None:
        raise NoSession(
            "the scenario API works inside a running scenario; start it with `callstage run "
            "scenario.py`, or in a test with the `sim` fixture of runtime.testing"
        )
    return run


def current() -> Session:
    """The running session."""
    return current_run().session
