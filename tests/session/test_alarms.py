"""Many deadlines, one task."""

from __future__ import annotations

from functools import partial

import trio
from trio.testing import MockClock

from runtime.session.alarms import Alarms


async def test_alarms_ring_in_the_order_of_their_deadlines(autojump_clock: MockClock) -> None:
    rung: list[tuple[str, float]] = []
    alarms = Alarms()

    def ring(name: str) -> None:
        rung.append((name, trio.current_time()))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(alarms.run)
        begin = trio.current_time()
        alarms.set("late", 3, partial(ring, "late"))
        alarms.set("early", 1, partial(ring, "early"))
        alarms.set("cleared", 2, partial(ring, "cleared"))
        alarms.clear("cleared")
        alarms.set("again", 1, partial(ring, "first"))
        alarms.set("again", 2, partial(ring, "second"))
        await trio.sleep(10)
        nursery.cancel_scope.cancel()
    assert rung == [("early", begin + 1), ("second", begin + 2), ("late", begin + 3)]
    assert len(alarms) == 0


async def test_an_alarm_may_set_the_next_one(autojump_clock: MockClock) -> None:
    alarms = Alarms()
    rung: list[float] = []

    def ring() -> None:
        rung.append(trio.current_time())
        if len(rung) < 3:
            alarms.set("tick", 1, ring)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(alarms.run)
        alarms.set("tick", 1, ring)
        await trio.sleep(10)
        nursery.cancel_scope.cancel()
    assert len(rung) == 3


async def test_setting_one_alarm_again_and_again_keeps_memory(autojump_clock: MockClock) -> None:
    alarms = Alarms()
    for _ in range(100_000):
        alarms.set("pong", 5, lambda: None)
    assert len(alarms._heap) < 1_000
