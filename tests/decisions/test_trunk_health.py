"""When a trunk is asked, when it is down, when it is back."""

from __future__ import annotations

from runtime.decisions.trunk_health import TrunkHealth, TrunkState


def health(interval_s: float = 30.0) -> TrunkHealth:
    return TrunkHealth(interval_s=interval_s, since=100.0)


def test_a_trunk_is_asked_at_once_and_used_until_it_is_known_to_be_down() -> None:
    asked = health()
    assert (asked.due, asked.state) == (100.0, TrunkState.UNKNOWN)


def test_an_answer_makes_it_up_with_its_latency_and_the_next_ping_a_little_early() -> None:
    asked = health()
    assert asked.answered(200, "OK", 100.0, 100.25, chance=0.5)
    assert (asked.state, asked.since, asked.latency_s) == (TrunkState.UP, 100.25, 0.25)
    assert asked.due == 100.25 + 28.5
    assert not asked.answered(200, "OK", 130.0, 130.1, chance=0.0)
    assert asked.since == 100.25


def test_a_refusal_is_an_answer_and_503_is_none() -> None:
    asked = health()
    assert asked.answered(405, "Method Not Allowed", 100.0, 100.1, chance=0.0)
    assert not asked.answered(503, "Service Unavailable", 130.0, 130.1, chance=0.0)
    assert asked.reason == "503 Service Unavailable"


def test_one_lost_ping_is_looked_into_and_the_second_takes_it_down() -> None:
    asked = health()
    asked.answered(200, "OK", 100.0, 100.0, chance=0.0)
    assert not asked.failed("silence", 134.0)
    assert (asked.state, asked.due) == (TrunkState.UP, 136.0)
    assert asked.failed("silence", 140.0)
    assert (asked.state, asked.since, asked.due) == (TrunkState.DOWN, 140.0, 150.0)
    assert not asked.failed("silence", 154.0)
    assert asked.since == 140.0


def test_the_first_answer_brings_it_back_and_forgets_the_failures() -> None:
    asked = health()
    asked.failed("silence", 101.0)
    asked.failed("silence", 103.0)
    assert asked.answered(200, "OK", 113.0, 113.1, chance=0.0)
    assert (asked.state, asked.reason) == (TrunkState.UP, "")
    assert not asked.failed("silence", 150.0)


def test_a_trunk_that_failed_a_call_is_asked_now() -> None:
    asked = health()
    asked.answered(200, "OK", 100.0, 100.0, chance=0.0)
    asked.suspect(110.0)
    assert asked.due == 110.0
