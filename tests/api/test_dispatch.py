"""Events and handlers: order, arity, registration rules, async starts."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from runtime.sandbox.commands import AnswerCall
from runtime.sandbox.frames import EventFrame, ResultFrame
from tests.api.test_calls import alerting
from tests.sandbox.fake_core import running

CALL = """
from runtime import *
import trio

@VoxEngine.on(AppEvents.CallAlerting)
def alerting(e):
    global call
    call = e.call
    setup(call)
"""


async def test_the_first_events_come_in_order_with_their_payload(autojump_clock: MockClock) -> None:
    source = """
        from runtime import *
        Logger.write("top level")
        @VoxEngine.on(AppEvents.Started)
        def started(e):
            Logger.write(f"{e.name} {e.sessionId}")
        @VoxEngine.on(AppEvents.CallAlerting)
        def alerting(e):
            Logger.write(f"{e.name} {e.destination} {e.call.callerid()} {e.call.state()}")
    """
    async with running(source) as core:
        await core.event("Application.Started", fields={"sessionId": "s1"})
        await core.alert()
        assert core.logs == [
            "top level",
            "Application.Started s1",
            "Application.CallAlerting 100 200 ALERTING",
        ]


async def test_handlers_run_in_the_order_of_registration(autojump_clock: MockClock) -> None:
    setup = """
def setup(call):
    for name in "abc":
        call.addEventListener(CallEvents.Connected, lambda e, name=name: Logger.write(name))
"""
    async with running(CALL + setup) as core:
        await core.alert()
        await core.connect()
        assert core.logs == ["a", "b", "c"]


async def test_the_same_function_registered_twice_runs_once(autojump_clock: MockClock) -> None:
    setup = """
def connected():
    Logger.write("connected")
class Menu:
    def connected(self):
        Logger.write("menu")
menu = Menu()
def setup(call):
    for _ in range(2):
        call.addEventListener(CallEvents.Connected, connected)
        call.addEventListener("Call.Connected", menu.connected)
"""
    async with running(CALL + setup) as core:
        await core.alert()
        await core.connect()
        assert core.logs == ["connected", "menu"]


async def test_a_handler_removed_before_its_turn_is_skipped_and_an_added_one_waits(
    autojump_clock: MockClock,
) -> None:
    setup = """
def setup(call):
    def first():
        Logger.write("first")
        call.removeEventListener(CallEvents.OnHold, second)
        call.addEventListener(CallEvents.OnHold, third)
    def second():
        Logger.write("second")
    def third():
        Logger.write("third")
    call.addEventListener(CallEvents.OnHold, first)
    call.addEventListener(CallEvents.OnHold, second)
"""
    async with running(CALL + setup) as core:
        await core.alert()
        await core.event("Call.OnHold", 2)
        assert core.logs == ["first"]
        await core.event("Call.OnHold", 2)
        assert core.logs == ["first", "first", "third"]


async def test_removing_without_a_function_removes_all_of_that_event(
    autojump_clock: MockClock,
) -> None:
    setup = """
def setup(call):
    call.on(CallEvents.OnHold)(lambda: Logger.write("a"))
    call.on(CallEvents.OnHold)(lambda: Logger.write("b"))
    call.on(CallEvents.OffHold)(lambda: Logger.write("off"))
    call.removeEventListener(CallEvents.OnHold)
    call.removeEventListener(CallEvents.Connected)
"""
    async with running(CALL + setup) as core:
        await core.alert()
        await core.event("Call.OnHold", 2)
        await core.event("Call.OffHold", 2)
        assert core.logs == ["off"]


async def test_once_runs_for_one_event(autojump_clock: MockClock) -> None:
    setup = """
def setup(call):
    @call.once(CallEvents.OnHold)
    def held():
        Logger.write("held")
"""
    async with running(CALL + setup) as core:
        await core.alert()
        await core.event("Call.OnHold", 2)
        await core.event("Call.OnHold", 2)
        assert core.logs == ["held"]


async def test_an_event_caused_in_a_handler_comes_after_the_handler(
    autojump_clock: MockClock,
) -> None:
    setup = """
def setup(call):
    @call.on(CallEvents.Connected)
    def connected():
        call.say("hi")
        Logger.write("handler ends")
    @call.on(CallEvents.PlaybackStarted)
    def started(e):
        Logger.write(f"started {e.duration}")
"""
    async with running(CALL + setup) as core:
        await core.alert()
        await core.connect()
        await core.event("Call.PlaybackStarted", 2, {"playback": 1, "duration": 900})
        assert core.logs == ["handler ends", "started 900"]


async def test_async_handlers_run_to_their_first_await_before_the_next_event(
    autojump_clock: MockClock,
) -> None:
    setup = """
def setup(call):
    @call.on(CallEvents.OnHold)
    async def held():
        Logger.write("held: begins")
        await VoxEngine.sleep(1)
        Logger.write("held: goes on")
    @call.on(CallEvents.OnHold)
    def held_too():
        Logger.write("held too")
    @call.on(CallEvents.OffHold)
    async def resumed():
        Logger.write("resumed")
"""
    async with running(CALL + setup) as core:
        await core.alert()
        await core.event("Call.OnHold", 2, settle=False)
        await core.event("Call.OffHold", 2, settle=False)
        await core.settle()
        assert core.logs == ["held: begins", "held too", "resumed"]
        await trio.sleep(2)
        assert core.logs[-1] == "held: goes on"


async def test_an_async_handler_without_any_await_is_complete_before_the_next_event(
    autojump_clock: MockClock,
) -> None:
    setup = """
def setup(call):
    @call.on(CallEvents.OnHold)
    async def held():
        Logger.write("held")
    call.on(CallEvents.OffHold)(lambda: Logger.write("resumed"))
"""
    async with running(CALL + setup) as core:
        await core.alert()
        for _ in range(20):
            await core.event("Call.OnHold", 2, settle=False)
            await core.event("Call.OffHold", 2, settle=False)
        await core.settle()
        assert core.logs == ["held", "resumed"] * 20


async def test_a_plain_function_that_returns_a_coroutine_is_an_async_handler(
    autojump_clock: MockClock,
) -> None:
    setup = """
async def greet(call):
    Logger.write("greet")
    await VoxEngine.sleep(1)
    Logger.write("greeted")
def setup(call):
    call.addEventListener(CallEvents.Connected, lambda: greet(call))
"""
    async with running(CALL + setup) as core:
        await core.alert()
        await core.connect()
        assert core.logs == ["greet"]


async def test_an_awaited_answer_goes_on_before_the_next_event(autojump_clock: MockClock) -> None:
    setup = """
async def setup_later(call):
    await call.answer()
    Logger.write("answered")
def setup(call):
    call.on(CallEvents.OnHold)(lambda: Logger.write("held"))
VoxEngine.addEventListener(AppEvents.CallAlerting, lambda e: setup_later(e.call))
"""
    async with running(CALL + setup) as core:
        await core.alert()
        req = core.frame_of(AnswerCall).req
        await core.send(ResultFrame(req=req, value="connected"))
        await core.send(EventFrame(seq=99, name="Call.OnHold", unit=2))
        await core.settle()
        assert core.logs == ["answered", "held"]


async def test_terminating_is_replied_to_after_its_async_handlers(
    autojump_clock: MockClock,
) -> None:
    source = """
        from runtime import *
        import trio
        @VoxEngine.on(AppEvents.Terminating)
        async def ending():
            await trio.sleep(3)
            Logger.write("saved")
    """
    async with running(source) as core:
        seq = await core.event("Application.Terminating", reply=True)
        assert core.replies == []
        await trio.sleep(4)
        assert core.logs == ["saved"]
        assert core.replies == [seq]


async def test_an_event_without_listeners_is_replied_to_at_once(autojump_clock: MockClock) -> None:
    async with running("") as core:
        seq = await core.event("Application.Terminating", reply=True)
        assert core.replies == [seq]


async def test_events_for_unknown_units_and_of_unknown_names_are_ignored(
    autojump_clock: MockClock,
) -> None:
    async with running(CALL + "def setup(call): pass") as core:
        await core.alert()
        seq = await core.event("Call.Connected", 98, reply=True)
        other = await core.event("Call.FromTheFuture", 2, reply=True)
        assert core.replies == [seq, other]
        assert core.errors == []


async def test_unknown_payload_fields_are_left_out(autojump_clock: MockClock) -> None:
    setup = 'def setup(call): call.on("Call.OnHold")(lambda e: Logger.write(repr(e)))'
    async with running(CALL + setup) as core:
        await core.alert()
        await core.event("Call.OnHold", 2, {"future": 1})
        assert core.logs == ["OnHold(call=<Call s1-2 from 200 ALERTING>)"]


async def test_a_leg_s_first_event_may_introduce_the_call(autojump_clock: MockClock) -> None:
    async with running("") as core:
        info = {"unit": 4, "number": "1", "callerid": "2", "display_name": "", "incoming": True}
        seq = await core.event("Call.Connected", 4, {"call": info}, state="CONNECTED", reply=True)
        assert core.replies == [seq]


async def test_the_core_is_told_when_nobody_listens_to_a_call(autojump_clock: MockClock) -> None:
    heard = "from runtime import *\nVoxEngine.addEventListener(AppEvents.CallAlerting, lambda: 0)"
    for source, handled in (("", False), (heard, True)):
        async with running(source) as core:
            info = {"unit": 2, "number": "", "callerid": "", "display_name": "", "incoming": True}
            await core.event("Application.CallAlerting", fields={"call": info}, reply=True)
            assert core.handled == [handled]


async def test_listeners_of_an_ended_call_are_not_collected(autojump_clock: MockClock) -> None:
    body = """
@call.on(CallEvents.Disconnected)
async def gone():
    await VoxEngine.sleep(1)
    for n in range(1_100):
        call.addEventListener(CallEvents.Connected, lambda n=n: None)
    VoxEngine.addEventListener(AppEvents.Terminating, lambda: None)
"""
    async with running(alerting(body)) as core:
        await core.alert()
        await core.disconnect()
        await core.release()
        await trio.sleep(2)
        assert core.errors == []
        assert len(core.logs) == 1_100
        assert core.logs[0] == (
            "listener for Call.Connected ignored: <Call s1-2 from 200 TERMINATED> has ended"
        )
