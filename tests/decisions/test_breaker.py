"""A scenario that keeps crashing gets no more calls for a while."""

from __future__ import annotations

import pytest

from runtime.decisions.breaker import MAX_SCENARIOS, CrashBreaker
from runtime.decisions.failure import Cause
from runtime.decisions.limits import Limits

LIMITS = Limits()


def crash(breaker: CrashBreaker, *times: float, version: str = "v1") -> None:
    for now in times:
        breaker.ended("ivr", version, Cause.CRASHED, now)


def test_five_crashes_within_a_minute_open_it_and_time_closes_it() -> None:
    breaker = CrashBreaker.of(LIMITS, on=True)
    crash(breaker, 0, 10, 20, 30)
    assert breaker.refusal("ivr", "v1", 31) is None
    crash(breaker, 40)
    assert "ivr is failing" in (breaker.refusal("ivr", "v1", 41) or "")
    assert breaker.refusal("ivr", "v1", 60.1) is None


def test_slow_crashes_do_not_open_it() -> None:
    breaker = CrashBreaker.of(LIMITS, on=True)
    crash(breaker, *[16.0 * n for n in range(20)])
    assert breaker.refusal("ivr", "v1", 305) is None


def test_how_many_crashes_within_how_long_is_configured() -> None:
    breaker = CrashBreaker.of(Limits(crashes=2, crashes_window_s=5), on=True)
    crash(breaker, 0, 6)
    assert breaker.refusal("ivr", "v1", 6) is None
    crash(breaker, 10)
    told = breaker.refusal("ivr", "v1", 10)
    assert told is not None
    assert "2 sessions crashed within 5 s" in told


def test_another_version_and_another_scenario_are_not_concerned() -> None:
    breaker = CrashBreaker.of(LIMITS, on=True)
    crash(breaker, 0, 0, 0, 0, 0)
    assert breaker.refusal("ivr", "v1", 0)
    assert breaker.refusal("ivr", "v2", 0) is None
    assert breaker.refusal("other", "v1", 0) is None


@pytest.mark.parametrize("cause", [Cause.TERMINATED, Cause.IDLE, Cause.SHUTDOWN, Cause.INTERNAL])
def test_ends_that_are_not_the_scripts_fault_do_not_count(cause: Cause) -> None:
    breaker = CrashBreaker.of(Limits(crashes=1), on=True)
    breaker.ended("ivr", "v1", cause, 0)
    assert breaker.refusal("ivr", "v1", 0) is None


@pytest.mark.parametrize(("crashes", "on"), [(0, True), (5, False)])
def test_it_can_be_switched_off(crashes: int, on: bool) -> None:
    breaker = CrashBreaker.of(Limits(crashes=crashes), on=on)
    crash(breaker, 0, 0, 0, 0, 0, 0)
    assert breaker.refusal("ivr", "v1", 0) is None


def test_its_memory_is_bounded() -> None:
    breaker = CrashBreaker.of(LIMITS, on=True)
    for number in range(MAX_SCENARIOS + 50):
        crash(breaker, 0.0, version=str(number))
    assert len(breaker._seen) == MAX_SCENARIOS
