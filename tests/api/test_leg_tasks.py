"""The tasks of a leg's handlers: who is cancelled when, and who may finish."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from tests.api.test_calls import alerting
from tests.sandbox.fake_core import running

WATCHED = """
async def watched(name, seconds):
    try:
        await VoxEngine.sleep(seconds)
        Logger.write(f"{name} done")
    except trio.Cancelled:
        Logger.write(f"{name} cancelled")
        raise
"""


async def test_a_leg_s_tasks_are_cancelled_when_it_is_released(autojump_clock: MockClock) -> None:
    body = (
        WATCHED
        + """
call.on(CallEvents.Connected)(lambda: watched("music", 3600))
call.on(CallEvents.Disconnected)(lambda: Logger.write("disconnected"))
"""
    )
    async with running(alerting(body)) as core:
        await core.alert()
        await core.connect()
        await core.disconnect()
        await trio.sleep(60)
        assert core.logs == ["disconnected"]
        await core.release()
        assert core.logs == ["disconnected", "music cancelled"]


async def test_handlers_of_the_end_run_to_their_end_first(autojump_clock: MockClock) -> None:
    body = (
        WATCHED
        + """
call.on(CallEvents.Connected)(lambda: watched("music", 3600))
call.on(CallEvents.Disconnected)(lambda: watched("report", 2))
call.on(CallEvents.RecordStopped)(lambda: watched("upload", 9))
"""
    )
    async with running(alerting(body)) as core:
        await core.alert()
        await core.connect()
        await core.disconnect()
        await core.event("Call.RecordStopped", 2)
        await core.release()
        await trio.sleep(5)
        assert core.logs == ["report done"]
        await trio.sleep(5)
        assert core.logs == ["report done", "upload done", "music cancelled"]


async def test_a_handler_of_the_end_has_ten_seconds(autojump_clock: MockClock) -> None:
    body = WATCHED + 'call.on(CallEvents.Failed)(lambda: watched("report", 30))'
    async with running(alerting(body)) as core:
        await core.alert()
        await core.event("Call.Failed", 2, {"code": 486}, state="TERMINATED")
        await core.release()
        await trio.sleep(9.9)
        assert core.logs == []
        await trio.sleep(0.2)
        assert core.logs == ["report cancelled"]


async def test_a_handler_that_waited_for_the_end_may_finish(autojump_clock: MockClock) -> None:
    body = (
        WATCHED
        + """
@call.on(CallEvents.Connected)
async def talk():
    await call.ended()
    await watched("report", 3)
"""
    )
    async with running(alerting(body)) as core:
        await core.alert()
        await core.connect()
        await core.disconnect()
        await core.release()
        await trio.sleep(4)
        assert core.logs == ["report done"]


async def test_the_end_of_one_leg_leaves_the_tasks_of_others_alone(
    autojump_clock: MockClock,
) -> None:
    body = (
        WATCHED
        + """
call.on(CallEvents.Connected)(lambda: watched(call.id(), 20))
"""
    )
    async with running(alerting(body)) as core:
        for unit in (2, 4):
            await core.alert(unit)
            await core.connect(unit)
        await core.disconnect(2)
        await core.release(2)
        await trio.sleep(21)
        assert core.logs == ["s1-2 cancelled", "s1-4 done"]


async def test_the_session_s_own_tasks_outlive_the_leg(autojump_clock: MockClock) -> None:
    body = (
        WATCHED
        + """
call.on(CallEvents.Connected)(lambda: setTimeout(lambda: watched("timer", 10), 1000))
await watched("alerting", 30)
"""
    )
    async with running(alerting(body, "async def")) as core:
        await core.alert()
        await core.connect()
        await core.disconnect()
        await core.release()
        await trio.sleep(40)
        assert core.logs == ["timer done", "alerting done"]


async def test_a_task_that_swallows_its_cancellation_holds_up_nobody(
    autojump_clock: MockClock,
) -> None:
    body = """
@call.on(CallEvents.Connected)
async def stubborn():
    while True:
        try:
            await VoxEngine.sleep(1)
        except BaseException:
            if call.state() == "TERMINATED":
                Logger.write("gives in")
                return
call.on(CallEvents.OnHold)(lambda: Logger.write("held"))
"""
    async with running(alerting(body)) as core:
        await core.alert()
        await core.connect()
        await core.event("Call.OnHold", 2)
        await core.disconnect()
        await core.release()
        assert core.logs == ["held", "gives in"]


async def test_events_after_the_release_find_nobody(autojump_clock: MockClock) -> None:
    body = "call.on(CallEvents.OnHold)(lambda: Logger.write('held'))"
    async with running(alerting(body)) as core:
        await core.alert()
        await core.release()
        await core.release()
        seq = await core.event("Call.OnHold", 2, reply=True)
        assert core.logs == []
        assert core.replies == [seq]


async def test_a_shared_session_does_not_run_out_of_listeners(autojump_clock: MockClock) -> None:
    body = """
for _ in range(50):
    call.addEventListener(CallEvents.Connected, lambda: None)
"""
    async with running(alerting(body)) as core:
        for caller in range(1, 101):
            await core.alert(2 * caller)
            await core.disconnect(2 * caller)
            await core.release(2 * caller)
        assert core.errors == []


async def test_stopped_players_are_forgotten(autojump_clock: MockClock) -> None:
    source = """
        from runtime import *
        def play():
            player = VoxEngine.createURLPlayer("a.wav")
            for event in (PlayerEvents.Started, PlayerEvents.Stopped):
                player.addEventListener(event, lambda e: Logger.write(e.name))
            player.stop()
        VoxEngine.addEventListener(AppEvents.Started, play)
    """
    async with running(source, settings={"listeners": 3}) as core:
        for number in range(5):
            await core.event("Application.Started")
            await core.event("Player.Stopped", 2 * number + 1)
        assert core.errors == []
        assert core.logs == ["Player.Stopped"] * 5
