"""Calls that this runtime places to itself are known when they arrive."""

from __future__ import annotations

from runtime.legs.sip.own_calls import MAX_REMEMBERED, OwnCalls


def test_a_call_is_known_by_its_call_id() -> None:
    calls = OwnCalls()
    calls.placed("c1", "s1")
    assert calls.session_of("c1") == "s1"
    assert calls.session_of("c2") == ""


def test_the_oldest_are_forgotten() -> None:
    calls = OwnCalls()
    for number in range(MAX_REMEMBERED + 1):
        calls.placed(f"c{number}", "s1")
    assert calls.session_of("c0") == ""
    assert calls.session_of("c1") == "s1"
