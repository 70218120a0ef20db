"""The life of a session."""

from __future__ import annotations

import pytest

from runtime.decisions.session_state import TABLE, IllegalInput, Input, SessionState, step


def test_every_state_has_a_row_and_can_be_ended() -> None:
    assert set(TABLE) == set(SessionState)
    for state in SessionState:
        assert step(state, Input.OVER) is SessionState.ENDED


def test_a_session_starts_runs_terminates_and_ends() -> None:
    state = SessionState.STARTING
    for given in (Input.READY, Input.END, Input.END, Input.OVER):
        state = step(state, given)
    assert state is SessionState.ENDED


def test_a_script_gets_ready_once() -> None:
    with pytest.raises(IllegalInput, match="RUNNING"):
        step(SessionState.RUNNING, Input.READY)


def test_a_script_that_gets_ready_while_it_is_stopped_is_not_started() -> None:
    assert step(SessionState.TERMINATING, Input.READY) is SessionState.TERMINATING
