"""The life of a session: one table from (state, input) to state. Runs in the core.

STARTING loads the script; its top level already runs, so calls may exist. RUNNING delivers events.
TERMINATING has released the legs and delivers only Terminating and Terminated. ENDED is final.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final


class SessionState(enum.StrEnum):
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    TERMINATING = "TERMINATING"
    ENDED = "ENDED"


class Input(enum.Enum):
    READY = "the script's top level has run"
    END = "somebody ends the session"
    OVER = "everything was released"


TABLE: Final[Mapping[SessionState, Mapping[Input, SessionState]]] = {
    SessionState.STARTING: {
        Input.READY: SessionState.RUNNING,
        Input.END: SessionState.TERMINATING,
        Input.OVER: SessionState.ENDED,
    },
    SessionState.RUNNING: {
        Input.END: SessionState.TERMINATING,
        Input.OVER: SessionState.ENDED,
    },
    # A second reason to end changes nothing: the first one stands (VoxEngine's terminate() is
    # idempotent), and a worker that gets ready while it is stopped is not started any more.
    SessionState.TERMINATING: {
        Input.READY: SessionState.TERMINATING,
        Input.END: SessionState.TERMINATING,
        Input.OVER: SessionState.ENDED,
    },
    SessionState.ENDED: {Input.END: SessionState.ENDED, Input.OVER: SessionState.ENDED},
}

TAKES_COMMANDS: Final = frozenset({SessionState.STARTING, SessionState.RUNNING})
TAKES_CALLERS: Final = frozenset({SessionState.STARTING, SessionState.RUNNING})


class IllegalInput(Exception):
    """The input does not fit the state; nothing was changed."""


def step(state: SessionState, given: Input) -> SessionState:
    found = TABLE[state].get(given)
    if found is None:
        raise IllegalInput(f"a session that is {state.value} cannot be told: {given.value}")
    return found
