"""Calls that this runtime places to itself are known when they arrive."""

from __future__ import annotations

from runtime.legs.sip.own_calls import MAX_REMEMBERED, OwnCalls, Placed


def test_a_call_is_known_by_its_call_id() -> None:
    calls = OwnCalls()
    calls.placed("c1", "s1")
    calls.placed("c3", "s1", conference=True)
    assert calls.of("c1") == Placed("s1")
    assert calls.of("c2") == Placed()
    assert calls.of("c3") == Placed("s1", conference=True)


def test_the_oldest_are_forgotten() -> None:
    calls = OwnCalls()
    for number in range(MAX_REMEMBERED + 1):
        calls.placed(f"c{number}", "s1")
    assert calls.of("c0") == Placed()
    assert calls.of("c1") == Placed("s1")
