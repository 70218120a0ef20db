"""What one owner may hold of a fixed number of places, and what it leaves to the next."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.decisions.seats import Seats


def all_that_it_can(seats: Seats, owner: str) -> int:
    """How many an owner gets who never has enough."""
    got = 0
    while seats.take(owner):
        got += 1
    return got


@pytest.mark.parametrize(
    ("most", "shares"),
    [
        (300, [225, 57, 14, 3, 1, 0]),
        (100, [75, 19, 5, 1, 0]),
        (4, [3, 1, 0]),
        (1, [1, 0]),
        (0, [0]),
    ],
)
def test_whoever_takes_all_that_it_can_leaves_a_quarter_to_the_next(
    most: int, shares: list[int]
) -> None:
    seats = Seats(most)
    assert [all_that_it_can(seats, f"owner {n}") for n in range(len(shares))] == shares


def test_what_is_left_is_had_by_others_at_once_and_its_owner_has_room_again() -> None:
    seats = Seats(4)
    assert (all_that_it_can(seats, "a"), all_that_it_can(seats, "b")) == (3, 1)
    seats.leave("a")
    assert seats.take("b")
    assert not seats.take("a")
    seats.leave("b")
    seats.leave("b")
    assert seats.take("a")
    assert (seats.held_by("a"), seats.held_by("b"), seats.taken) == (3, 0, 3)


def test_owners_who_want_little_have_what_they_want() -> None:
    seats = Seats(8)
    assert all(seats.take(owner) for owner in "abcdefgh")
    assert not seats.take("i")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=200))
def test_nobody_ever_has_more_than_three_times_what_was_free(
    wishes: list[tuple[str, bool]],
) -> None:
    seats = Seats(20)
    for owner, more in wishes:
        free = 20 - seats.taken
        if more and seats.take(owner):
            assert seats.held_by(owner) <= 3 * free
        elif not more and seats.held_by(owner):
            seats.leave(owner)
        assert 0 <= seats.taken <= 20
