"""Where a coroutine first pauses."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from runtime.sandbox.steps import announce_first_pause


async def test_the_pause_is_announced_at_the_first_real_wait(autojump_clock: MockClock) -> None:
    said: list[str] = []

    async def handler() -> None:
        said.append("begins")
        await trio.sleep(1)
        said.append("goes on")
        with pytest.raises(trio.TooSlowError), trio.fail_after(1):
            await trio.sleep(5)
        said.append("ends")

    await announce_first_pause(handler(), lambda: said.append("paused"))
    assert said == ["begins", "paused", "goes on", "ends"]


async def test_without_a_pause_none_is_announced() -> None:
    async def handler() -> None:
        async def nothing() -> None: ...

        await nothing()

    await announce_first_pause(handler(), lambda: pytest.fail("paused"))


async def test_exceptions_come_out_before_and_after_the_pause() -> None:
    async def handler(wait: bool) -> None:
        if wait:
            await trio.lowlevel.checkpoint()
        raise ValueError

    for wait in (False, True):
        with pytest.raises(ValueError):
            await announce_first_pause(handler(wait), lambda: None)


async def test_cancellation_reaches_the_coroutine(autojump_clock: MockClock) -> None:
    said: list[str] = []

    async def handler() -> None:
        try:
            await trio.sleep_forever()
        finally:
            said.append("cleaned up")

    with trio.move_on_after(1) as scope:
        await announce_first_pause(handler(), lambda: None)
    assert scope.cancelled_caught
    assert said == ["cleaned up"]


async def test_throwing_it_away_closes_the_coroutine() -> None:
    closed: list[bool] = []

    async def handler() -> None:
        try:
            await trio.sleep_forever()
        finally:
            closed.append(True)

    runner = announce_first_pause(handler(), lambda: None)
    runner.send(None)
    runner.close()
    assert closed == [True]
