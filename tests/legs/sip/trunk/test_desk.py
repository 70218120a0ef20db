"""Who gets a line of a trunk, and what the others are told."""

from __future__ import annotations

from runtime.decisions.trunk_health import TrunkHealth
from runtime.decisions.trunk_load import TrunkLimits
from runtime.legs.sip.trunk.arriving import TrunkRefusal
from runtime.legs.sip.trunk.desk import Line, TrunkDesk
from tests.legs.sip.trunk.making import trunk


class Clock:
    now = 100.0


def desk() -> tuple[TrunkDesk, Clock]:
    clock = Clock()
    limited = trunk("limited", limits=TrunkLimits(calls=1))
    made = TrunkDesk(
        [limited, trunk("in", calls="in"), trunk("out", calls="out")], lambda: clock.now
    )
    return made, clock


def test_a_line_that_is_left_twice_makes_room_for_one_call() -> None:
    made, _ = desk()
    line = made.enter("limited", "out")
    assert isinstance(line, Line)
    full = made.enter("limited", "in")
    assert isinstance(full, TrunkRefusal)
    assert (full.status, full.retry_after_s) == (503, 5)
    assert full.reason == "trunk limited has 1 calls, its limit"
    line.leave()
    line.leave()
    assert isinstance(made.enter("limited", "in"), Line)
    assert isinstance(made.enter("limited", "in"), TrunkRefusal)


def test_peers_that_are_no_trunk_have_no_limits() -> None:
    made, _ = desk()
    assert all(isinstance(made.enter("", "in"), Line) for _ in range(10))


def test_a_trunk_carries_calls_the_way_it_is_configured_for() -> None:
    made, _ = desk()
    for name, way in (("in", "out"), ("out", "in")):
        refusal = made.enter(name, way)  # type: ignore[arg-type]
        assert isinstance(refusal, TrunkRefusal)
        assert refusal.status == 403


def test_a_trunk_that_is_down_gets_no_calls_but_may_call() -> None:
    made, clock = desk()
    health = made.health["limited"] = TrunkHealth(interval_s=30, since=100.0)
    health.failed("no answer", 100.0)
    health.failed("no answer", 102.0)
    clock.now = 130.0
    refusal = made.enter("limited", "out")
    assert isinstance(refusal, TrunkRefusal)
    assert refusal.reason == "trunk limited has been down for 28 s: no answer"
    assert isinstance(made.enter("limited", "in"), Line)
    assert made.as_json("limited") == {
        "state": "down",
        "since_s": 28.0,
        "latency_ms": None,
        "reason": "no answer",
        "calls_in": 1,
        "calls_out": 0,
    }
