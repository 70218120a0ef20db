"""Waiting for an answer of a worker that may leave instead."""

from __future__ import annotations

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from runtime.session.departure import Departure


async def test_the_answer_ends_the_wait(autojump_clock: MockClock) -> None:
    departure, answer = Departure(), trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(departure.wait_or, answer)
        await wait_all_tasks_blocked()
        answer.set()
    assert not departure.is_set()


async def test_the_departure_ends_the_wait(autojump_clock: MockClock) -> None:
    departure, answer = Departure(), trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(departure.wait_or, answer)
        await wait_all_tasks_blocked()
        departure.set()
    assert departure.is_set()


async def test_who_has_left_is_not_waited_for(autojump_clock: MockClock) -> None:
    departure = Departure()
    departure.set()
    with trio.fail_after(1):
        await departure.wait_or(trio.Event())
        await departure.wait()


async def test_a_wait_that_is_over_is_not_woken_later(autojump_clock: MockClock) -> None:
    departure, answer = Departure(), trio.Event()
    with trio.move_on_after(1):
        await departure.wait_or(answer)
    departure.set()
    assert not answer.is_set()
