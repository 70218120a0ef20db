"""setTimeout and setInterval on the session's clock."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from tests.sandbox.fake_core import running

HEAD = """
from runtime import *
import trio
began = trio.current_time()
def log(text):
    Logger.write(f"{trio.current_time() - began:.1f} {text}")
"""


async def test_timers_fire_in_the_order_of_their_times(autojump_clock: MockClock) -> None:
    source = """
setTimeout(lambda: log("late"), 2000)
setTimeout(lambda: log("soon"), 500)
setTimeout(lambda: log("too"), 500)
setTimeout(lambda: log("now"))
setTimeout(lambda: log("negative"), -5)
"""
    async with running(HEAD + source) as core:
        await trio.sleep(3)
        assert core.logs == ["0.0 now", "0.0 negative", "0.5 soon", "0.5 too", "2.0 late"]


async def test_an_interval_repeats_until_it_is_cleared(autojump_clock: MockClock) -> None:
    source = """
count = 0
def tick():
    global count
    count += 1
    log(count)
    if count == 3:
        clearInterval(timer)
timer = setInterval(tick, 10)
"""
    async with running(HEAD + source) as core:
        await trio.sleep(3)
        assert core.logs == ["0.1 1", "0.2 2", "0.3 3"]


async def test_a_cleared_timer_never_fires_even_when_it_is_due(autojump_clock: MockClock) -> None:
    source = """
def first():
    log("first")
    clearTimeout(second)
setTimeout(first, 100)
second = setTimeout(lambda: log("second"), 100)
third = setTimeout(lambda: log("third"), 50)
clearTimeout(third)
clearTimeout(None)
clearTimeout(12345)
"""
    async with running(HEAD + source) as core:
        await trio.sleep(3)
        assert core.logs == ["0.1 first"]


async def test_an_async_callback_runs_like_an_async_handler(autojump_clock: MockClock) -> None:
    source = """
async def tick():
    log("begins")
    await VoxEngine.sleep(1)
    log("ends")
setTimeout(tick, 100)
setTimeout(lambda: log("between"), 100)
"""
    async with running(HEAD + source) as core:
        await trio.sleep(3)
        assert core.logs == ["0.1 begins", "0.1 between", "1.1 ends"]


async def test_the_hundred_and_first_timer_is_refused(autojump_clock: MockClock) -> None:
    source = """
for _ in range(100):
    last = setTimeout(lambda: None, 60_000)
try:
    setTimeout(lambda: None, 1)
except LimitReached as exc:
    Logger.write(str(exc))
clearTimeout(last)
setTimeout(lambda: log("room again"), 1)
"""
    async with running(HEAD + source) as core:
        await core.settle()
        told, raised, again = core.logs
        assert raised.startswith("setTimeout(): 100 timers are active already")
        assert told == f"limit:timers: {raised}"
        assert again.endswith("room again")


async def test_many_short_lived_timers_leave_nothing_behind(autojump_clock: MockClock) -> None:
    source = """
for _ in range(10_000):
    clearTimeout(setTimeout(lambda: None, 60_000))
Logger.write("done")
"""
    async with running(HEAD + source) as core:
        assert core.logs == ["done"]


async def test_what_is_no_callback_or_delay_is_refused(autojump_clock: MockClock) -> None:
    source = """
for arguments in (("f", 1), (lambda e: None, 1), (log, 1), (lambda: 1, "1"), (lambda: 1, True),
                  (lambda: 1, float("nan")), (lambda: 1, float("-inf"))):
    try:
        setTimeout(*arguments)
    except (TypeError, ValueError) as exc:
        Logger.write(type(exc).__name__)
"""
    async with running(HEAD + source) as core:
        assert core.logs == ["TypeError"] * 5 + ["ValueError"] * 2


async def test_a_slow_interval_does_not_pile_up(autojump_clock: MockClock) -> None:
    source = """
@VoxEngine.on(AppEvents.Started)
def started():
    timer = setInterval(lambda: log("tick"), 100)
"""
    async with running(HEAD + source) as core:
        await core.event("Application.Started")
        await trio.sleep(1.05)
        assert len(core.logs) == 10


async def test_sleep_and_now_follow_the_clock(autojump_clock: MockClock) -> None:
    source = """
@VoxEngine.on(AppEvents.Started)
async def started():
    before = VoxEngine.now()
    await VoxEngine.sleep(3600)
    Logger.write(f"{(VoxEngine.now() - before).total_seconds():.0f} {before.tzinfo}")
    Logger.write(f"{VoxEngine.now('Europe/Berlin').tzinfo}")
"""
    async with running(HEAD + source, settings={"epoch_s": 1_700_000_000.0}) as core:
        await core.event("Application.Started")
        await trio.sleep(3601)
        assert core.logs == ["3600 UTC", "Europe/Berlin"]
