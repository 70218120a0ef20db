"""How many calls a trunk may have and begin."""

from __future__ import annotations

import pytest

from runtime.decisions.trunk_load import Excess, TrunkLimits, TrunkLoad


def reason(excess: Excess | None) -> str:
    return "" if excess is None else excess.reason


def test_without_limits_everything_enters_and_is_counted() -> None:
    load = TrunkLoad(TrunkLimits())
    assert all(load.enter("in", 0.0) is None for _ in range(500))
    assert load.calls("in") == 500


def test_all_calls_together_have_a_limit_and_those_of_each_way() -> None:
    load = TrunkLoad(TrunkLimits(calls=3, calls_in=2))
    assert load.enter("in", 0.0) is None
    assert load.enter("in", 0.0) is None
    assert reason(load.enter("in", 0.0)) == "has 2 incoming calls, its limit"
    assert load.enter("out", 0.0) is None
    assert reason(load.enter("out", 0.0)) == "has 3 calls, its limit"


def test_a_call_that_leaves_makes_room() -> None:
    load = TrunkLoad(TrunkLimits(calls_out=1))
    load.enter("out", 0.0)
    load.leave("out")
    assert load.enter("out", 0.0) is None


@pytest.mark.parametrize(
    ("rate", "at_once", "wait_s", "again_after_s"), [(2.0, 2, 1, 0.5), (0.1, 1, 10, 10.0)]
)
def test_new_calls_have_a_rate_with_a_seconds_worth_at_once(
    rate: float, at_once: int, wait_s: int, again_after_s: float
) -> None:
    load = TrunkLoad(TrunkLimits(per_second_out=rate))
    for _ in range(at_once):
        assert load.enter("out", 50.0) is None
    excess = load.enter("out", 50.0)
    assert excess is not None
    assert excess.retry_after_s == wait_s
    assert reason(load.enter("out", 50.0 + again_after_s * 0.9)) != ""
    assert load.enter("out", 50.0 + again_after_s) is None
    assert load.enter("in", 50.0) is None


def test_a_call_that_is_refused_is_not_counted() -> None:
    load = TrunkLoad(TrunkLimits(per_second_in=1.0))
    load.enter("in", 0.0)
    load.enter("in", 0.0)
    assert load.calls("in") == 1


@pytest.mark.parametrize("keys", [{"calls": -1}, {"per_second_in": 0.001}, {"calls_in": 10**9}])
def test_limits_that_mean_nothing_are_faults(keys: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be 0"):
        TrunkLimits(**keys)  # type: ignore[arg-type]
