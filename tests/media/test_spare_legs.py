"""Legs open in advance: how many are asked for, who waits, and who is refused."""

from __future__ import annotations

import itertools

import pytest
import trio

from runtime.media.port import LegAddress, MediaUnavailable
from runtime.media.proxies import LegProxy
from runtime.media.spare_legs import WAIT_S, SpareLegs

ADDRESS = LegAddress(host="127.0.0.1", rtp_port=2, rtcp_port=3)


class Engine:
    """Counts what it is asked for and opens legs when told."""

    def __init__(self, wanted: int = 2, limit: int = 5) -> None:
        self.asked = 0
        self.spares = SpareLegs(wanted, self._on_ask)
        self._ids = itertools.count(1)
        self._limit = limit

    def start(self) -> None:
        self.spares.start(self._limit)

    def open(self, count: int) -> None:
        for _ in range(count):
            self.asked -= 1
            self.spares.opened(LegProxy(next(self._ids), lambda _: None, ADDRESS))

    def refuse(self) -> None:
        self.asked -= 1
        self.spares.refused("no ports")

    def _on_ask(self) -> None:
        self.asked += 1


async def test_spare_legs_are_asked_for_at_the_start_and_replaced_when_taken() -> None:
    engine = Engine()
    engine.start()
    assert engine.asked == 2
    engine.open(2)
    assert (await engine.spares.take()).unit == 1
    assert engine.asked == 1
    assert (await engine.spares.take()).unit == 2
    assert engine.asked == 2


async def test_whoever_comes_too_early_waits(autojump_clock: trio.testing.MockClock) -> None:
    engine = Engine()
    taken = []

    async def take() -> None:
        taken.append((await engine.spares.take()).unit)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take)
        nursery.start_soon(take)
        await trio.sleep(1)
        engine.start()
        await trio.sleep(1)
        engine.open(2)
    assert sorted(taken) == [1, 2]


async def test_who_waits_is_asked_for_at_once_and_served_in_the_order_of_coming(
    autojump_clock: trio.testing.MockClock,
) -> None:
    engine = Engine(wanted=2, limit=20)
    engine.start()
    served = []

    async def take(number: int) -> None:
        await engine.spares.take()
        served.append(number)

    async with trio.open_nursery() as nursery:
        for number in range(6):
            nursery.start_soon(take, number)
            await trio.testing.wait_all_tasks_blocked()
        assert engine.asked == 8, "six who wait, and two in advance"
        for _ in range(6):
            engine.open(1)
            await trio.testing.wait_all_tasks_blocked()
    assert served == list(range(6))
    assert engine.asked == 2


async def test_waiting_is_bounded(autojump_clock: trio.testing.MockClock) -> None:
    engine = Engine()
    engine.start()
    began = trio.current_time()
    with pytest.raises(MediaUnavailable, match="within 8 s"):
        await engine.spares.take()
    assert trio.current_time() - began == WAIT_S


async def test_the_limit_counts_open_and_spare_legs() -> None:
    engine = Engine(wanted=2, limit=3)
    engine.start()
    engine.open(2)
    for _ in range(2):
        await engine.spares.take()
    assert engine.asked == 1
    engine.open(1)
    await engine.spares.take()
    assert engine.asked == 0
    with pytest.raises(MediaUnavailable, match="all 3 legs"):
        await engine.spares.take()
    engine.spares.closed()
    assert engine.asked == 1


async def test_an_engine_without_ports_is_asked_for_one_leg_at_a_time(
    autojump_clock: trio.testing.MockClock,
) -> None:
    engine = Engine(wanted=4, limit=9)
    engine.start()
    for _ in range(4):
        engine.refuse()
    with trio.move_on_after(1):
        await engine.spares.take()
    assert engine.asked == 1
    engine.refuse()
    engine.spares.closed()
    assert engine.asked == 4


async def test_a_refusal_reaches_who_waits() -> None:
    engine = Engine(wanted=1)
    engine.start()
    async with trio.open_nursery() as nursery:

        async def be_refused() -> None:
            with pytest.raises(MediaUnavailable, match=r"^no ports$"):
                await engine.spares.take()
            nursery.cancel_scope.cancel()

        async def refuse_for_ever() -> None:
            while True:
                await trio.testing.wait_all_tasks_blocked()
                if engine.asked:
                    engine.refuse()

        nursery.start_soon(be_refused)
        nursery.start_soon(refuse_for_ever)
