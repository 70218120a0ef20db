"""The table of call states, read as sentences."""

from __future__ import annotations

import pytest

from runtime.decisions.call_state import (
    STATES,
    TABLE,
    CallState,
    Effect,
    IllegalInput,
    Input,
    Phase,
    step,
)

TERMINAL = {Effect.FAILED, Effect.DISCONNECTED}


def walk(start: Phase, *inputs: Input) -> list[Effect]:
    phase = start
    effects: list[Effect] = []
    for given in inputs:
        done = step(phase, given)
        phase = done.phase
        effects += done.effects
    return effects


def test_every_phase_has_a_state_and_a_row() -> None:
    assert set(STATES) == set(Phase)
    assert set(TABLE) == set(Phase)


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.TERMINATED])
def test_every_live_phase_can_be_hung_up_and_can_end(phase: Phase) -> None:
    for given in (Input.HANG_UP, Input.ENDED, Input.REFUSE):
        done = step(phase, given)
        assert done.phase is Phase.TERMINATED
        assert len(TERMINAL & set(done.effects)) == 1


def test_a_leg_has_exactly_one_terminal_event() -> None:
    for given in Input:
        if given in TABLE[Phase.TERMINATED]:
            assert not TERMINAL & set(step(Phase.TERMINATED, given).effects)


def test_an_outgoing_leg_fails_until_it_connects_and_disconnects_afterwards() -> None:
    assert Effect.FAILED in walk(Phase.OUT_ALERTING, Input.ENDED)
    assert Effect.FAILED in walk(Phase.OUT_ALERTING, Input.PEER_RINGS, Input.NO_ANSWER)
    connected = walk(Phase.OUT_ALERTING, Input.PEER_CONNECTED, Input.ENDED)
    assert Effect.DISCONNECTED in connected
    assert Effect.FAILED not in connected


def test_an_incoming_leg_never_fails() -> None:
    for given in (Input.REJECT, Input.HANG_UP, Input.NO_ANSWER, Input.ENDED):
        assert Effect.FAILED not in walk(Phase.IN_ALERTING, given)


def test_audio_starts_before_connected_when_it_has_not_started() -> None:
    assert walk(Phase.OUT_ALERTING, Input.PEER_RINGS, Input.PEER_CONNECTED) == [
        Effect.STATE_CHANGED,
        Effect.RINGING,
        Effect.AUDIO_STARTED,
        Effect.STATE_CHANGED,
        Effect.CONNECTED,
    ]


def test_audio_starts_once() -> None:
    effects = walk(
        Phase.OUT_ALERTING, Input.PEER_EARLY_MEDIA, Input.PEER_EARLY_MEDIA, Input.PEER_CONNECTED
    )
    assert effects.count(Effect.AUDIO_STARTED) == 1


def test_180_after_183_is_silent_unless_it_is_allowed() -> None:
    assert Effect.RINGING not in walk(Phase.OUT_ALERTING, Input.PEER_EARLY_MEDIA, Input.PEER_RINGS)
    assert Effect.RINGING in walk(
        Phase.OUT_ALERTING, Input.PEER_EARLY_MEDIA, Input.PEER_RINGS_AFTER_EARLY
    )


def test_answering_does_not_change_the_state_before_the_ack() -> None:
    done = step(Phase.IN_ALERTING, Input.ANSWER)
    assert STATES[done.phase] is CallState.ALERTING
    assert done.effects == (Effect.SEND_ANSWER,)


def test_ringing_can_be_repeated() -> None:
    effects = walk(Phase.IN_ALERTING, Input.RING, Input.RING)
    assert effects.count(Effect.SEND_RINGING) == 2
    assert effects.count(Effect.STATE_CHANGED) == 1


@pytest.mark.parametrize(
    ("phase", "given", "text"),
    [
        (Phase.CONNECTED, Input.ANSWER, "answer().*connected.*not answered yet"),
        (Phase.IN_ANSWERED, Input.ANSWER, "answer()"),
        (Phase.OUT_RINGING, Input.ANSWER, "incoming calls"),
        (Phase.CONNECTED, Input.REJECT, "reject()"),
        (Phase.TERMINATED, Input.HANG_UP, "the call has ended"),
        (Phase.CONNECTED, Input.PEER_CONNECTED, "was ignored"),
    ],
)
def test_an_input_that_does_not_fit_says_why(phase: Phase, given: Input, text: str) -> None:
    with pytest.raises(IllegalInput, match=text.replace("()", r"\(\)")):
        step(phase, given)


def test_an_end_is_told_after_the_state_and_before_the_wire() -> None:
    assert step(Phase.CONNECTED, Input.HANG_UP).effects == (
        Effect.STATE_CHANGED,
        Effect.DISCONNECTED,
        Effect.SEND_HANG_UP,
    )
