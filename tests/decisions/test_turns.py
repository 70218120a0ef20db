"""Who is served next, and who must not fill the queue."""

from __future__ import annotations

from runtime.decisions.turns import Shares, Turns

SHARES = Shares(queue=6, owner_queue=4, owner_busy=1)


def _taken(turns: Turns[str]) -> str | None:
    turn = turns.take()
    return None if turn is None else turn[1]


def test_owners_take_turns_and_each_keeps_its_order() -> None:
    turns = Turns[str](Shares(queue=9, owner_queue=9, owner_busy=9))
    for owner, request in (("a", "a1"), ("a", "a2"), ("a", "a3"), ("b", "b1"), ("c", "c1")):
        assert turns.put(owner, request)
    assert [_taken(turns) for _ in range(6)] == ["a1", "b1", "c1", "a2", "a3", None]


def test_an_owner_that_is_busy_waits_while_others_are_served() -> None:
    turns = Turns[str](SHARES)
    for request in ("a1", "a2"):
        turns.put("a", request)
    assert turns.take() == ("a", "a1")
    assert turns.take() is None
    turns.put("b", "b1")
    assert turns.take() == ("b", "b1")
    turns.done("a")
    assert turns.take() == ("a", "a2")


def test_requests_are_busy_from_their_turn_until_they_are_done() -> None:
    turns = Turns[str](SHARES)
    for owner in ("a", "b"):
        turns.put(owner, "x")
    assert turns.busy == 0
    turns.take()
    turns.take()
    assert turns.busy == 2
    turns.done("a")
    assert turns.busy == 1


def test_one_owner_cannot_fill_the_queue_and_all_together_can() -> None:
    turns = Turns[str](SHARES)
    assert [turns.put("a", "x") for _ in range(5)] == [True] * 4 + [False]
    assert [turns.put("b", "x") for _ in range(3)] == [True] * 2 + [False]
    assert not turns.put("c", "x")
    assert len(turns) == 6


def test_what_is_cleared_is_given_back() -> None:
    turns = Turns[str](SHARES)
    turns.put("a", "a1")
    turns.put("b", "b1")
    assert turns.clear() == ["a1", "b1"]
    assert len(turns) == 0
    assert turns.take() is None
