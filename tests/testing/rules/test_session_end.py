"""Rules R7 to R9: how a session ends, and what its script is still told and allowed."""

from __future__ import annotations

import pytest
import trio

from runtime.decisions.limits import Limits
from runtime.testing import Sim, responds
from tests.testing.rules.scripts import script

ANSWERS = script("""
    @on_call
    def alerting(e):
        e.call.answer()
""")


# --- R7 -----------------------------------------------------------------------------------------


async def test_r7_after_terminate_only_terminating_and_terminated_follow(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        async def alerting(e):
            log_app()
            log_calls(e.call)
            setTimeout(lambda: Logger.write("timer"), 10)
            e.call.answer()
            e.call.record()
            await e.call.say("Hello.")
            VoxEngine.terminate()
            VoxEngine.terminate()
            Logger.write("the block goes on")
        """)
    )
    caller = await sim.call()
    ended = await caller.ended()
    await sim.advance(5)
    assert ended.by == "us"
    after = sim.logs[sim.logs.index("the block goes on") :]
    assert after == ["the block goes on", "Terminating", "Terminated"]
    assert sim.sessions == []
    assert all(recording.finished for recording in sim.recordings)


async def test_r7_all_legs_are_released_on_the_wire(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        def alerting(e):
            e.call.answer()
            VoxEngine.callSIP("sip:answers@example.com")
            VoxEngine.callSIP("sip:rings@example.com")
            setTimeout(VoxEngine.terminate, 3000)
        """)
    )
    talking, ringing = sim.expect_call("sip:answers@*"), sim.expect_call("sip:rings@*")
    caller = await sim.call()
    await talking.invited()
    await ringing.invited()
    talking.answer()
    ringing.ring()
    await caller.ended()
    await sim.settle()
    assert caller.wire[-1] == "bye"
    assert talking.wire[-1] == "bye"
    assert ringing.wire[-1] == "cancelled"


async def test_r7_timers_do_not_fire_after_terminate(sim: Sim) -> None:
    sim.load_text(
        script("""
        setTimeout(lambda: Logger.write("never"), 1000)
        setInterval(lambda: Logger.write("never"), 100)
        @on_call
        def alerting(e):
            VoxEngine.terminate()
        """)
    )
    await sim.call()
    await sim.advance(10)
    assert sim.logs == []


async def test_r7_disconnected_as_terminate_means_no_record_stopped(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        def alerting(e):
            log_calls(e.call)
            e.call.addEventListener(CallEvents.Disconnected, VoxEngine.terminate)
            e.call.answer()
            e.call.addEventListener(CallEvents.Connected, lambda e: e.call.record())
        """)
    )
    caller = await sim.call()
    await caller.connected()
    await sim.advance(2)
    caller.hang_up()
    await sim.advance(2)
    assert sim.logs == ["call Connected", "call RecordStarted", "call Disconnected"]
    assert sim.recordings[0].finished


# --- R8 -----------------------------------------------------------------------------------------


async def test_r8_an_idle_session_ends_sixty_seconds_after_its_last_call(sim: Sim) -> None:
    sim.load_text(
        script("""
        log_app()
        @on_call
        def alerting(e):
            e.call.answer()
        """)
    )
    caller = await sim.call()
    await caller.connected()
    await sim.advance(100)
    caller.hang_up()
    await sim.advance(59)
    assert len(sim.sessions) == 1
    await sim.advance(2)
    assert sim.sessions == []
    assert sim.logs == ["Started", "CallAlerting", "Terminating", "Terminated"]


async def test_r8_a_new_outgoing_call_stops_the_idle_clock(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        def alerting(e):
            e.call.answer()
            e.call.addEventListener(CallEvents.Disconnected, lambda: setTimeout(call_back, 50_000))
        def call_back():
            VoxEngine.callSIP("sip:back@example.com")
        """)
    )
    back = sim.expect_call("sip:back@*")
    caller = await sim.call()
    await caller.connected()
    caller.hang_up()
    await back.invited()
    back.answer()
    await sim.advance(300)
    assert len(sim.sessions) == 1
    back.hang_up()
    await sim.advance(61)
    assert sim.sessions == []


async def test_r8_a_session_that_never_has_a_call_is_idle_from_the_start(sim: Sim) -> None:
    sim.load_text("from runtime import VoxEngine\n")
    await sim.start()
    await sim.advance(59)
    assert len(sim.sessions) == 1
    await sim.advance(2)
    assert sim.sessions == []


async def test_r8_the_idle_time_can_be_set(sim: Sim) -> None:
    sim.configure(limits=Limits(idle_session_s=5))
    sim.load_text(ANSWERS)
    caller = await sim.call()
    await caller.connected()
    caller.hang_up()
    await sim.advance(6)
    assert sim.sessions == []


# --- R9 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", ["Terminating", "Terminated"])
async def test_r9_while_the_session_ends_calls_timers_and_media_are_refused(
    sim: Sim, event: str
) -> None:
    sim.load_text(
        script(f"""
        def ending(e):
            for begin in (
                lambda: setTimeout(print, 10),
                lambda: VoxEngine.callSIP("sip:late@example.com"),
                lambda: VoxEngine.createConference(),
                lambda: VoxEngine.createURLPlayer("late.wav"),
                lambda: VoxEngine.createRecorder(),
            ):
                try:
                    begin()
                except Exception as error:
                    Logger.write(type(error).__name__)
        VoxEngine.addEventListener(AppEvents.{event}, ending)
        @on_call
        def alerting(e):
            e.call.hangup()
            VoxEngine.terminate()
        """)
    )
    await sim.call()
    await sim.settle()
    assert sim.logs == ["SessionOver"] * 5
    assert sim.callees == []


async def test_r9_an_error_while_the_session_ends_is_recorded_and_nothing_more(
    sim: Sim,
) -> None:
    sim.expect_error("ZeroDivisionError")
    sim.load_text(
        script("""
        log_app()
        VoxEngine.addEventListener(AppEvents.Terminating, lambda: 1 / 0)
        @on_call
        def alerting(e):
            VoxEngine.terminate()
        """)
    )
    await sim.call()
    await sim.settle()
    assert sim.logs == ["Started", "CallAlerting", "Terminating", "Terminated"]
    assert sim.sessions == []


async def test_a_handler_that_never_ends_holds_the_end_up_for_ten_seconds_only(sim: Sim) -> None:
    sim.load_text(
        script("""
        @VoxEngine.on(AppEvents.Terminating)
        async def ending():
            await VoxEngine.sleep(10_000)
        @on_call
        def alerting(e):
            VoxEngine.terminate()
        """)
    )
    await sim.call()
    with trio.fail_after(60):
        while sim.sessions:  # noqa: ASYNC110 - the session tells nobody that it is over
            await trio.sleep(1)
    assert sim.now < 30


async def test_r7_terminate_at_the_top_level_is_followed_by_the_same_two_events(sim: Sim) -> None:
    sim.load_text(
        script("""
        log_app()
        VoxEngine.terminate()
        Logger.write("the file goes on")
        """)
    )
    await sim.start()
    await sim.advance(1)
    assert sim.logs == ["the file goes on", "Terminating", "Terminated"]
    assert sim.sessions == []


async def test_r7_a_file_that_fails_after_terminate_is_not_waited_for(sim: Sim) -> None:
    sim.expect_error("ZeroDivisionError")
    sim.load_text(script("log_app()\nVoxEngine.terminate()\n1 / 0\n"))
    await sim.start()
    await sim.advance(1)
    assert sim.sessions == []
    assert sim.now < 2


async def test_r9_terminating_may_still_write_down(sim: Sim) -> None:
    sim.load_text(
        script("""
        @VoxEngine.on(AppEvents.Terminating)
        async def terminating():
            VoxEngine.customData("the end")
            Logger.hideTones(True)
            await VoxEngine.sleep(1)
            Logger.write(VoxEngine.customData())
        @VoxEngine.on(AppEvents.Terminated)
        def terminated():
            try:
                VoxEngine.customData("later")
            except SessionOver as exc:
                Logger.write(str(exc))
        VoxEngine.terminate()
        """)
    )
    await sim.start()
    await sim.advance(2)
    assert sim.logs == [
        "the end",
        "VoxEngine.customData(): the session is ending; in Terminating and Terminated there are no "
        "calls, timers or media any more, only Logger.write; in Terminating also one HTTP request",
    ]
    assert [row.what for row in sim.timeline if row.kind == "refusal"] == []


async def test_code_that_is_overtaken_by_the_end_goes_on_without_effect_and_is_no_error(
    sim: Sim,
) -> None:
    sim.http.on("*", responds())
    sim.load_text(
        script("""
        @VoxEngine.on(AppEvents.Terminating)
        async def terminating():
            await VoxEngine.sleep(2)
        @on_call
        async def alerting(e):
            await VoxEngine.sleep(1)
            e.call.say("Too late.")
            VoxEngine.callSIP("sip:late@example.com")
            VoxEngine.createConference()
            setTimeout(print, 10)
            Net.httpRequest("https://late.example.com/1", lambda: None)
            Net.httpRequest("https://late.example.com/2", lambda: None)
            Logger.write("the end of it")
        """)
    )
    await sim.call()
    (session,) = sim.sessions
    await trio.sleep(0.5)
    sim.terminate(session)
    await sim.advance(3)
    assert sim.sessions == []
    assert sim.dialer.requests == []
    assert [request.url for request in sim.http.requests] == ["https://late.example.com/1"]
    assert sim.logs == [
        "Call.say() ignored: the session is ending",
        "VoxEngine.callSIP() ignored: the session is ending",
        "VoxEngine.createConference() ignored: the session is ending",
        "Net.httpRequest() ignored: the session is ending",
        "the end of it",
    ]


async def test_a_command_that_the_end_meets_on_its_way_is_no_error_either(sim: Sim) -> None:
    """The script has given it before it can know; what it waits for does not come any more."""
    sim.load_text(
        script("""
        @on_call
        async def alerting(e):
            await VoxEngine.sleep(1)
            await ApplicationStorage.put("key", "value", 60)
            Logger.write("not reached")
        """)
    )
    await sim.call()
    (session,) = sim.sessions
    sim.agenda.after(1, lambda: sim.terminate(session))
    await sim.advance(2)
    assert sim.sessions == []
    assert sim.logs == ["ApplicationStorage.put() ignored: the session is ending"]


async def test_an_error_of_a_call_that_has_ended_stands_beside_that_call(sim: Sim) -> None:
    sim.expect_error("ZeroDivisionError")
    sim.load_text(
        script("""
        @on_call
        def alerting(e):
            e.call.on(CallEvents.Disconnected)(lambda: 1 / 0)
            e.call.reject(486)
        """)
    )
    await (await sim.call()).ended()
    await sim.advance(1)
    (error,) = [row for row in sim.timeline if row.kind == "error"]
    assert error.leg == "s1-2"
