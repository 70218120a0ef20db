"""How often a call may be transferred, and when the peer's request has an outcome."""

from __future__ import annotations

from runtime.decisions.transfers import MAX_TRANSFERS, TABLE, Asked, Step, refuse_transfer


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
