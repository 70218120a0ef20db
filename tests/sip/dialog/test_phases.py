"""The phase table: every phase is reached, every session can end, hints are there."""

from __future__ import annotations

import pytest

from sip.dialog.phases import MOVES, OVER, Move, Phase, SessionStateError, after, can


def reachable(start: Phase) -> set[Phase]:
    found = {start}
    while True:
        more = {to for (phase, _), to in MOVES.items() if phase in found} - found
        if not more:
            return found
        found |= more


def test_every_phase_belongs_to_a_role_and_both_roles_share_the_end() -> None:
    answering, calling = reachable(Phase.RINGING), reachable(Phase.CALLING)
    assert answering | calling == set(Phase)
    assert answering & calling == {Phase.CONFIRMED, Phase.CLOSING, Phase.ENDED}


def test_from_every_phase_a_session_can_be_ended() -> None:
    for phase in set(Phase) - {Phase.ENDED}:
        assert Phase.ENDED in reachable(phase), phase


def test_hanging_up_is_possible_until_the_session_is_over() -> None:
    assert {phase for phase in Phase if can(phase, Move.HANGUP)} == set(Phase) - OVER


def test_what_is_over_never_comes_back() -> None:
    for (phase, _), to in MOVES.items():
        assert phase not in OVER or to in OVER


def test_nothing_leaves_the_end() -> None:
    assert not [phase for phase, _ in MOVES if phase is Phase.ENDED]


@pytest.mark.parametrize(
    ("phase", "move", "hint"),
    [
        (Phase.CONFIRMED, Move.ACCEPT, "accept() is only for an incoming call"),
        (Phase.CONFIRMED, Move.REJECT, "use hangup()"),
        (Phase.RINGING, Move.INFO, "only for an established call"),
        (Phase.CONFIRMED, Move.ACK_WITH, "whose answer carried the offer"),
        (Phase.ENDED, Move.BYE, "a fault in the session's own code"),
    ],
)
def test_an_impossible_move_says_what_to_do(phase: Phase, move: Move, hint: str) -> None:
    with pytest.raises(SessionStateError) as error:
        after(phase, move)
    assert hint in str(error.value)
    assert phase.value in str(error.value)
