"""One heap for all deadlines: order, replacement, and no growth by stale entries."""

from __future__ import annotations

from sip.transaction import Schedule
from sip.transaction.schedule import STALE_ALLOWANCE


def due(schedule: Schedule[str, str], now: float) -> list[tuple[str, str]]:
    found = []
    while (item := schedule.pop_due(now)) is not None:
        found.append(item)
    return found


def test_deadlines_come_up_in_order_and_ties_in_the_order_of_setting() -> None:
    schedule: Schedule[str, str] = Schedule()
    schedule.set("a", "late", 3)
    schedule.set("b", "tie", 2)
    schedule.set("a", "tie", 2)
    schedule.set("c", "first", 1)
    assert schedule.next_timeout() == 1
    assert due(schedule, 2) == [("c", "first"), ("b", "tie"), ("a", "tie")]
    assert schedule.next_timeout() == 3
    assert len(schedule) == 1


def test_a_new_setting_replaces_the_old_one() -> None:
    schedule: Schedule[str, str] = Schedule()
    schedule.set("a", "x", 1)
    schedule.set("a", "x", 5)
    assert due(schedule, 4) == []
    assert due(schedule, 5) == [("a", "x")]


def test_cleared_and_dropped_deadlines_never_come_up() -> None:
    schedule: Schedule[str, str] = Schedule()
    schedule.set("a", "x", 1)
    schedule.set("a", "y", 1)
    schedule.set("b", "x", 2)
    schedule.clear("a", "x")
    schedule.clear("a", "x")
    assert schedule.is_set("a", "y")
    assert not schedule.is_set("a", "x")
    schedule.drop("a")
    assert schedule.next_timeout() == 2
    schedule.drop("b")
    assert schedule.next_timeout() is None
    assert len(schedule) == 0


def test_endless_resetting_keeps_the_heap_small() -> None:
    schedule: Schedule[str, str] = Schedule()
    for at in range(10_000):
        schedule.set("a", "x", at)
    assert len(schedule._heap) <= STALE_ALLOWANCE + 3
    assert schedule.next_timeout() == 9_999
