"""What becomes of a playback, as (inputs) -> actions."""

from __future__ import annotations

import pytest

from runtime.decisions.playlist import (
    SETTLED,
    TABLE,
    Ability,
    Action,
    Input,
    Stage,
    begin,
    refusal,
    step,
)


def play(ability: Ability, *inputs: Input) -> list[Action]:
    stage = begin(ability)
    actions: list[Action] = []
    for given in inputs:
        done = step(stage, given)
        stage = done.stage
        actions += done.actions
    return actions


WHOLE = [
    Action.READY,
    Action.OPEN,
    Action.STARTED,
    Action.DROP,
    Action.FINISHED,
    Action.SETTLE_FINISHED,
]


def test_a_prompt_is_ready_started_and_finished() -> None:
    assert play(Ability.PLAYS, Input.LOADED, Input.STARTED, Input.FINISHED) == WHOLE


def test_a_sound_shorter_than_a_frame_still_starts() -> None:
    assert play(Ability.PLAYS, Input.LOADED, Input.FINISHED) == WHOLE


@pytest.mark.parametrize(
    "order",
    [
        (Input.LOADED, Input.HEARS),
        (Input.HEARS, Input.LOADED),
    ],
)
def test_a_held_prompt_waits_for_both_the_sound_and_the_leg(order: tuple[Input, ...]) -> None:
    assert play(Ability.HOLDS, *order, Input.STARTED, Input.FINISHED) == WHOLE
    assert play(Ability.HOLDS, order[0]) == []


@pytest.mark.parametrize(
    ("given", "settled"),
    [
        (Input.STOP, "stopped"),
        (Input.REPLACED, "replaced"),
        (Input.CALL_ENDED, "call_ended"),
    ],
)
@pytest.mark.parametrize(
    "before",
    [
        (),
        (Input.LOADED,),
        (Input.LOADED, Input.STARTED),
    ],
)
def test_m5_a_cut_prompt_never_finishes(
    before: tuple[Input, ...], given: Input, settled: str
) -> None:
    actions = play(Ability.PLAYS, *before, given, Input.FINISHED, Input.STARTED)
    assert Action.FINISHED not in actions
    assert Action.DROP in actions
    assert [SETTLED[action] for action in actions if action in SETTLED] == [settled]


def test_m4_a_sound_that_cannot_be_loaded_finishes_with_the_error_and_never_starts() -> None:
    assert play(Ability.PLAYS, Input.BROKEN) == [
        Action.DROP,
        Action.FINISHED_WITH_ERROR,
        Action.SETTLE_ERROR,
    ]


def test_a_sound_that_breaks_while_it_plays_finishes_with_the_error() -> None:
    actions = play(Ability.PLAYS, Input.LOADED, Input.STARTED, Input.FAILED)
    assert actions[-2:] == [Action.FINISHED_WITH_ERROR, Action.SETTLE_ERROR]


@pytest.mark.parametrize("stage", list(Stage))
def test_every_stage_settles_at_most_once(stage: Stage) -> None:
    for done in TABLE[stage].values():
        settles = [action for action in done.actions if action.name.startswith("SETTLE")]
        assert len(settles) == (done.stage is Stage.OVER)


def test_the_refusal_says_what_to_do() -> None:
    assert "say()" in refusal("say()")
    assert "startEarlyMedia()" in refusal("say()")
