"""A scenario that keeps crashing gets no more calls for a while."""

from __future__ import annotations

import pytest

from runtime.decisions.breaker import MAX_SCENARIOS, CrashBreaker
from runtime.decisions.failure import Cause


def crash(breaker: CrashBreaker, *times: float, version: str = "v1") -> None:
    for now in times:
        breaker.ended("ivr", version, Cause.CRASHED, now)


def test_five_crashes_within_a_minute_open_it_and_time_closes_it() -> None:
    breaker = CrashBreaker()
    crash(breaker, 0, 10, 20, 30)
    assert breaker.refusal("ivr", "v1", 31) is None
    crash(breaker, 40)
    assert "ivr is failing" in (breaker.refusal("ivr", "v1", 41) or "")
    assert breaker.refusal("ivr", "v1", 60.1) is None


def test_slow_crashes_do_not_open_it() -> None:
    breaker = CrashBreaker()
    crash(breaker, *[16.0 * n for n in range(20)])
    assert breaker.refusal("ivr", "v1", 305) is None


def test_another_version_and_another_scenario_are_not_concerned() -> None:
    breaker = CrashBreaker()
    crash(breaker, 0, 0, 0, 0, 0)
    assert breaker.refusal("ivr", "v1", 0)
    assert breaker.refusal("ivr", "v2", 0) is None
    assert breaker.refusal("other", "v1", 0) is None


@pytest.mark.parametrize("cause", [Cause.TERMINATED, Cause.IDLE, Cause.SHUTDOWN, Cause.INTERNAL])
def test_ends_that_are_not_the_scripts_fault_do_not_count(cause: Cause) -> None:
    breaker = CrashBreaker(crashes=1)
    breaker.ended("ivr", "v1", cause, 0)
    assert breaker.refusal("ivr", "v1", 0) is None


def test_it_can_be_switched_off() -> None:
    breaker = CrashBreaker(crashes=0)
    crash(breaker, 0, 0, 0, 0, 0, 0)
    assert breaker.refusal("ivr", "v1", 0) is None


def test_its_memory_is_bounded() -> None:
    breaker = CrashBreaker()
    for number in range(MAX_SCENARIOS + 50):
        crash(breaker, 0.0, version=str(number))
    assert len(breaker._seen) == MAX_SCENARIOS
