"""The end of a session: what is still delivered, what stops, what is refused."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from runtime.sandbox.commands import CreateCall, HangUpCall, SetSessionData, Terminate
from tests.sandbox.fake_core import running

SCRIPT = """
from runtime import *

@VoxEngine.on(AppEvents.CallAlerting)
def alerting(e):
    call = e.call
    call.addEventListener(CallEvents.Disconnected, lambda: Logger.write("Disconnected"))
    call.addEventListener(CallEvents.RecordStopped, lambda: Logger.write("RecordStopped"))
    setTimeout(lambda: Logger.write("timer"), 500)
    @call.on(CallEvents.Connected)
    def connected():
        VoxEngine.terminate()
        VoxEngine.terminate()
        Logger.write("the handler goes on")
        call.hangup()

VoxEngine.addEventListener(AppEvents.Terminating, lambda: Logger.write("Terminating"))
VoxEngine.addEventListener(AppEvents.Terminated, lambda: Logger.write("Terminated"))
"""


async def test_after_terminate_only_terminating_and_terminated_are_delivered(
    autojump_clock: MockClock,
) -> None:
    async with running(SCRIPT) as core:
        await core.alert()
        await core.connect()
        assert core.all_of(Terminate) == [Terminate()]
        assert core.all_of(HangUpCall) == []
        await core.disconnect()
        await core.event("Call.RecordStopped", 2)
        await trio.sleep(1)
        await core.event("Application.Terminating", reply=True)
        await core.event("Application.Terminated", reply=True)
        assert core.logs == [
            "the handler goes on",
            "Call.hangup() ignored: VoxEngine.terminate() was called before",
            "Terminating",
            "Terminated",
        ]
        assert len(core.replies) == 2


async def test_terminate_as_a_handler_ignores_the_event(autojump_clock: MockClock) -> None:
    source = """
        from runtime import *
        VoxEngine.addEventListener(AppEvents.CallAlerting, VoxEngine.terminate)
        setTimeout(VoxEngine.terminate, 20000)
    """
    async with running(source) as core:
        await core.alert()
        assert core.commands == [Terminate()]


async def test_waiting_tasks_are_cancelled_after_terminated(autojump_clock: MockClock) -> None:
    source = """
        from runtime import *
        import trio
        @VoxEngine.on(AppEvents.CallAlerting)
        async def alerting(e):
            try:
                await e.call.ended()
            except trio.Cancelled:
                Logger.write("cancelled")
                raise
        VoxEngine.addEventListener(AppEvents.Terminated, lambda: Logger.write("Terminated"))
    """
    async with running(source) as core:
        await core.alert()
        await core.event("Application.Terminating", reply=True)
        assert core.logs == []
        await core.event("Application.Terminated", reply=True)
        assert core.logs == ["Terminated", "cancelled"]


async def test_calls_timers_and_media_are_refused_while_terminating(
    autojump_clock: MockClock,
) -> None:
    source = """
        from runtime import *
        def attempt(what):
            try:
                what()
            except SessionOver as exc:
                Logger.write(str(exc).partition(":")[0])
        @VoxEngine.on(AppEvents.Terminating)
        def ending():
            attempt(lambda: VoxEngine.callSIP("sip:bob@example.com"))
            attempt(lambda: setTimeout(print, 10))
            attempt(lambda: VoxEngine.createConference())
            VoxEngine.customData("kept")
    """
    async with running(source) as core:
        await core.event("Application.Terminating", reply=True)
        assert core.logs == [
            "VoxEngine.callSIP()",
            "setTimeout()",
            "VoxEngine.createConference()",
        ]
        assert core.commands == [SetSessionData(value="kept")]


async def test_an_uncaught_refusal_while_terminating_is_reported_and_the_end_goes_on(
    autojump_clock: MockClock,
) -> None:
    source = """
        from runtime import *
        @VoxEngine.on(AppEvents.Terminating)
        def ending():
            VoxEngine.callSIP("sip:bob@example.com")
    """
    async with running(source) as core:
        seq = await core.event("Application.Terminating", reply=True)
        assert core.errors[0].message.startswith("SessionOver: VoxEngine.callSIP()")
        assert core.replies == [seq]


async def test_commands_of_a_task_that_wakes_after_terminate_are_ignored(
    autojump_clock: MockClock,
) -> None:
    source = """
        from runtime import *
        @VoxEngine.on(AppEvents.Started)
        async def started():
            await VoxEngine.sleep(5)
            VoxEngine.callSIP("sip:bob@example.com")
        setTimeout(VoxEngine.terminate, 1000)
    """
    async with running(source) as core:
        await core.event("Application.Started")
        await trio.sleep(10)
        assert core.all_of(CreateCall) == []
        assert core.errors == []
        assert "ignored" in core.logs[0]
