"""How often a call may be transferred, and when the peer's request has an outcome."""

from __future__ import annotations

from runtime.decisions.transfers import (
    MAX_PLACES,
    MAX_TRANSFERS,
    TABLE,
    Asked,
    Places,
    Step,
    refuse_transfer,
)


def test_ten_transfers_of_a_call_one_after_another() -> None:
    assert refuse_transfer(begun=MAX_TRANSFERS - 1, under_way=False) is None
    assert refuse_transfer(begun=MAX_TRANSFERS, under_way=False) == (
        403,
        "a call can be transferred 10 times",
    )


def test_one_at_a_time() -> None:
    refusal = refuse_transfer(begun=1, under_way=True)
    assert refusal is not None
    assert refusal[0] == 491


def test_an_outcome_needs_a_request() -> None:
    assert TABLE.get((Asked.NOTHING, Step.OUTCOME)) is None
    assert TABLE[TABLE[Asked.NOTHING, Step.REQUEST], Step.OUTCOME] is Asked.NOTHING
    assert TABLE[Asked.OPEN, Step.REQUEST] is Asked.OPEN


def test_only_what_was_named_may_be_dialled_into_and_the_memory_is_bounded() -> None:
    places = Places()
    assert "a;to-tag=1;from-tag=2" not in places
    places.named("a;to-tag=1;from-tag=2")
    for number in range(MAX_PLACES - 1):
        places.named(f"{number}")
    assert "a;to-tag=1;from-tag=2" in places
    places.named("one more")
    assert "a;to-tag=1;from-tag=2" not in places
