"""Key presses: tones() and gather() on a real worker."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from runtime.sandbox.commands import HandleTones, Say, StopPlayback
from tests.api.test_calls import alerting
from tests.sandbox.fake_core import FakeCore, running


async def press(core: FakeCore, keys: str) -> None:
    for key in keys:
        await core.event("Call.ToneReceived", 2, {"tone": key, "type": "1"}, settle=False)
    await core.settle()


async def test_tones_are_iterated_until_the_call_ends(autojump_clock: MockClock) -> None:
    body = """
async for key in call.tones():
    Logger.write(key)
    await VoxEngine.sleep(1)
Logger.write("over")
"""
    async with running(alerting(body, "async def")) as core:
        await core.alert()
        assert core.one(HandleTones) == HandleTones(unit=2, handle=True)
        await press(core, "12#")
        await trio.sleep(5)
        await core.disconnect()
        assert core.logs == ["1", "2", "#", "over"]


async def test_tones_do_not_switch_on_what_is_on(autojump_clock: MockClock) -> None:
    async with running(alerting("call.handleTones(True, 1)\ncall.tones()\ncall.tones()")) as core:
        await core.alert()
        assert core.all_of(HandleTones) == [HandleTones(unit=2, handle=True, kinds=1)]


async def test_tones_of_an_ended_call_end_at_once(autojump_clock: MockClock) -> None:
    body = """
@call.on(CallEvents.Disconnected)
async def gone():
    async for key in call.tones():
        pass
    Logger.write(f"over {(await call.gather()).reason}")
"""
    async with running(alerting(body)) as core:
        await core.alert()
        await core.disconnect()
        assert core.logs == ["over call_ended"]


GATHER = """
while True:
    entered = await call.gather({options})
    Logger.write(f"{{entered.digits}} {{entered.reason}} {{bool(entered)}}")
    if entered.reason == GatherReason.CALL_ENDED:
        break
"""


async def test_fast_digits_are_all_collected(autojump_clock: MockClock) -> None:
    async with running(alerting(GATHER.format(options="maxDigits=4"), "async def")) as core:
        await core.alert()
        await press(core, "12345678")
        await press(core, "9#")
        await core.disconnect()
        assert core.logs == [
            "1234 max_digits True",
            "5678 max_digits True",
            "9 finish_key True",
            " call_ended False",
        ]


async def test_silence_ends_the_collection_on_the_session_s_clock(
    autojump_clock: MockClock,
) -> None:
    options = "timeout=5, interDigitTimeout=2"
    async with running(alerting(GATHER.format(options=options), "async def")) as core:
        await core.alert()
        await trio.sleep(4)
        await press(core, "1")
        await trio.sleep(1.5)
        await press(core, "2")
        await trio.sleep(2.5)
        assert core.logs == ["12 timeout True"]
        await trio.sleep(6)
        assert core.logs[1:] == [" timeout False"]


async def test_a_key_barges_into_the_prompt(autojump_clock: MockClock) -> None:
    body = GATHER.format(options='prompt="Your number, please", maxDigits=2')
    async with running(alerting(body, "async def")) as core:
        await core.alert()
        assert core.one(Say).text == "Your number, please"
        await press(core, "1")
        assert core.one(StopPlayback) == StopPlayback(unit=2)
        await press(core, "2")
        assert core.logs == ["12 max_digits True"]


async def test_without_barge_in_the_prompt_goes_on(autojump_clock: MockClock) -> None:
    body = GATHER.format(options='prompt=call.say("Listen"), maxDigits=1, bargeIn=False')
    async with running(alerting(body, "async def")) as core:
        await core.alert()
        await press(core, "1")
        await trio.sleep(20)
        assert core.logs == []
        await core.result(Say, "finished")
        await press(core, "2")
        assert core.all_of(StopPlayback) == []
        assert core.logs == ["2 max_digits True"]


async def test_a_gather_that_is_never_awaited_costs_nothing(autojump_clock: MockClock) -> None:
    async with running(alerting("call.gather(maxDigits=1)")) as core:
        await core.alert()
        await press(core, "1" * 500)
        await core.disconnect()
        assert core.errors == []


async def test_two_collections_may_wait_for_one_prompt(autojump_clock: MockClock) -> None:
    body = """
prompt = call.say("Listen")
async def collect(name):
    entered = await call.gather(prompt=prompt, timeout=2)
    Logger.write(f"{name} {entered.reason}")
async with trio.open_nursery() as nursery:
    nursery.start_soon(collect, "one")
    nursery.start_soon(collect, "two")
"""
    async with running(alerting(body, "async def")) as core:
        await core.alert()
        await core.result(Say, "finished")
        await trio.sleep(3)
        assert sorted(core.logs) == ["one timeout", "two timeout"]
