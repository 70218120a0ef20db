"""Rules R1 to R6: the life of a session and the order of what its script is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.session.rules import Rule
from runtime.testing import Sim
from tests.testing.rules.scripts import script

# --- R1 -----------------------------------------------------------------------------------------


async def test_r1_every_call_has_a_session_of_its_own(sim: Sim) -> None:
    sim.load_text(
        script("""
        calls = []
        @on_call
        def alerting(e):
            calls.append(e.call)
            Logger.write(f"{len(calls)} in this session")
            e.call.answer()
            e.call.addEventListener(CallEvents.Disconnected, VoxEngine.terminate)
        """)
    )
    one, two = await sim.call(), await sim.call()
    await one.connected()
    await two.connected()
    assert sim.logs == ["1 in this session", "1 in this session"]
    one.hang_up()
    await sim.settle()
    assert len(sim.sessions) == 1
    assert two.is_connected
    two.hang_up()


async def test_r1_a_conference_rule_adds_callers_to_the_running_session(sim: Sim) -> None:
    sim.load_text(
        script("""
        calls = []
        @on_call
        def alerting(e):
            calls.append(e.call)
            Logger.write(f"{len(calls)} in this session")
            e.call.answer()
        """),
        conference=True,
    )
    one, two = await sim.call(), await sim.call()
    await one.connected()
    await two.connected()
    assert sim.logs == ["1 in this session", "2 in this session"]
    one.hang_up()
    two.hang_up()


async def test_r1_an_error_in_one_session_does_not_touch_another(sim: Sim) -> None:
    sim.expect_error("ZeroDivisionError")
    sim.load_text(
        script("""
        @on_call
        def alerting(e):
            e.call.answer()
            if e.destination == "bad":
                1 / 0
        """)
    )
    good, bad = await sim.call("good"), await sim.call("bad")
    await bad.ended()
    await good.connected()
    good.hang_up()


# --- R2 -----------------------------------------------------------------------------------------


async def test_r2_top_level_then_started_then_call_alerting(sim: Sim) -> None:
    sim.load_text(
        script("""
        Logger.write("top level")
        log_app()
        @on_call
        def alerting(e):
            e.call.hangup()
        """)
    )
    await sim.call()
    await sim.settle()
    assert sim.logs == ["top level", "Started", "CallAlerting"]


async def test_r2_events_stand_in_the_record_in_the_order_in_which_they_were_sent(
    sim: Sim,
) -> None:
    sim.load_text(
        script("""
        @on_call
        def alerting(e):
            e.call.answer()
        """)
    )
    caller = await sim.call()
    await caller.connected()
    assert [event.name for event in sim.events][:2] == [
        "Application.Started",
        "Application.CallAlerting",
    ]
    caller.hang_up()


async def test_r2_a_session_started_over_http_has_no_call_alerting(sim: Sim) -> None:
    sim.load_text(
        script("""
        Logger.write(f"data {VoxEngine.customData()}")
        log_app()
        """)
    )
    await sim.start("from the start request")
    await sim.settle()
    assert sim.logs == ["data from the start request", "Started"]


async def test_r2_without_a_matching_rule_nothing_runs(sim: Sim, tmp_path: Path) -> None:
    sim.folder = tmp_path
    (tmp_path / "other.py").write_text("from runtime import Logger\nLogger.write('ran')\n")
    sim.load_rules(Rule(name="sales", to="123", scenario="other.py"))
    caller = await sim.call("1234")
    ended = await caller.ended()
    assert ended.code == 404
    assert "sales" in ended.reason
    assert sim.logs == []


# --- R3 -----------------------------------------------------------------------------------------


async def test_r3_an_event_caused_inside_a_handler_comes_after_it(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        def alerting(e):
            log_calls(e.call)
            e.call.answer()
            e.call.addEventListener(CallEvents.Connected, connected)
        def connected(e):
            Logger.write("begin")
            e.call.hangup()
            Logger.write("end")
        """)
    )
    caller = await sim.call()
    await caller.ended()
    await sim.settle()
    assert sim.logs == ["call Connected", "begin", "end", "call Disconnected"]


async def test_r3_async_handlers_run_to_their_first_await_before_the_next_one(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        def alerting(e):
            e.call.addEventListener(CallEvents.Connected, slow)
            e.call.addEventListener(CallEvents.Connected, quick)
            e.call.answer()
        async def slow(e):
            Logger.write("slow begins")
            await VoxEngine.sleep(1)
            Logger.write("slow ends")
            e.call.hangup()
        def quick(e):
            Logger.write("quick")
        """)
    )
    caller = await sim.call()
    await caller.ended()
    assert sim.logs == ["slow begins", "quick", "slow ends"]


async def test_r3_events_are_delivered_while_an_async_handler_waits(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        async def alerting(e):
            log_calls(e.call)
            e.call.handleTones(True)
            e.call.answer()
            await VoxEngine.sleep(5)
            Logger.write("waited")
            e.call.hangup()
        """)
    )
    caller = await sim.call()
    await caller.connected()
    await caller.press("12")
    await caller.ended()
    await sim.settle()
    assert sim.logs == [
        "call Connected",
        "call ToneReceived",
        "call ToneReceived",
        "waited",
        "call Disconnected",
    ]


# --- R4 -----------------------------------------------------------------------------------------


async def test_r4_handlers_run_in_the_order_of_their_registration(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        def alerting(e):
            for number in range(5):
                e.call.addEventListener(CallEvents.Connected, lambda _, n=number: Logger.write(n))
            e.call.answer()
        """)
    )
    caller = await sim.call()
    await caller.connected()
    await sim.settle()
    assert sim.logs == ["0", "1", "2", "3", "4"]
    caller.hang_up()


async def test_r4_added_ones_wait_and_removed_ones_are_skipped(sim: Sim) -> None:
    sim.load_text(
        script("""
        def late(e):
            Logger.write("late")
        def removed(e):
            Logger.write("removed")
        def first(e):
            Logger.write("first")
            e.call.addEventListener(CallEvents.ToneReceived, late)
            e.call.removeEventListener(CallEvents.ToneReceived, removed)
        @on_call
        def alerting(e):
            e.call.handleTones(True)
            e.call.addEventListener(CallEvents.ToneReceived, first)
            e.call.addEventListener(CallEvents.ToneReceived, removed)
            e.call.answer()
        """)
    )
    caller = await sim.call()
    await caller.connected()
    await caller.press("1")
    assert sim.logs == ["first"]
    await caller.press("2")
    assert sim.logs == ["first", "first", "late"]
    caller.hang_up()


async def test_r4_the_same_function_counts_once_and_stays_until_removed(sim: Sim) -> None:
    sim.load_text(
        script("""
        def tone(e):
            Logger.write(e.tone)
        @on_call
        def alerting(e):
            e.call.handleTones(True)
            e.call.addEventListener(CallEvents.ToneReceived, tone)
            e.call.addEventListener("Call.ToneReceived", tone)
            e.call.answer()
        """)
    )
    caller = await sim.call()
    await caller.connected()
    await caller.press("12")
    assert sim.logs == ["1", "2"]
    caller.hang_up()


async def test_r4_without_a_function_all_handlers_of_that_event_are_removed(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        def alerting(e):
            log_calls(e.call)
            e.call.addEventListener(CallEvents.Connected, lambda: Logger.write("another"))
            e.call.removeEventListener(CallEvents.Connected)
            e.call.answer()
        """)
    )
    caller = await sim.call()
    await caller.connected()
    caller.hang_up()
    await sim.settle()
    assert sim.logs == ["call Disconnected"]


# --- R5 -----------------------------------------------------------------------------------------


async def test_r5_what_is_no_function_is_refused_at_once(sim: Sim) -> None:
    sim.load_text(
        script("""
        try:
            VoxEngine.addEventListener(AppEvents.CallAlerting, "not a function")
        except TypeError as error:
            Logger.write(f"refused: {error}")
        log_app()
        @on_call
        def alerting(e):
            e.call.hangup()
        """)
    )
    await sim.call()
    await sim.settle()
    assert sim.logs[0].startswith("refused: ")
    assert sim.logs[1:] == ["Started", "CallAlerting"]


# --- R6 -----------------------------------------------------------------------------------------

FAILS_ON_TONE = script("""
    other = None
    @on_call
    def alerting(e):
        log_app()
        log_calls(e.call, "caller")
        e.call.handleTones(True)
        e.call.addEventListener(CallEvents.ToneReceived, fails)
        e.call.answer()
        second = VoxEngine.callSIP("sip:bob@example.com")
        log_calls(second, "bob")
    def fails(e):
        1 / 0
""")


async def test_r6_an_error_in_a_handler_of_a_leg_ends_that_leg(sim: Sim) -> None:
    sim.expect_error("ZeroDivisionError")
    sim.load_text(FAILS_ON_TONE)
    bob = sim.expect_call("sip:bob@*")
    caller = await sim.call()
    await caller.connected()
    await bob.invited()
    bob.answer()
    caller.press("1")
    ended = await caller.ended()
    assert ended.by == "us"
    await sim.advance(1)
    assert bob.is_connected
    assert "caller Disconnected" in sim.logs
    bob.hang_up()


async def test_r6_with_on_error_session_it_ends_the_session(sim: Sim) -> None:
    sim.configure(on_error="session")
    sim.expect_error("ZeroDivisionError")
    sim.load_text(FAILS_ON_TONE)
    bob = sim.expect_call("sip:bob@*")
    caller = await sim.call()
    await caller.connected()
    await bob.invited()
    bob.answer()
    caller.press("1")
    await caller.ended()
    await bob.ended()
    await sim.settle()
    assert sim.sessions == []
    assert sim.logs[-2:] == ["Terminating", "Terminated"]
    terminating = await sim.happens("Application.Terminating")
    assert "ZeroDivisionError" in terminating.fields["systemError"]


async def test_r6_an_error_in_an_async_handler_counts_too(sim: Sim) -> None:
    sim.expect_error("KeyError")
    sim.load_text(
        script("""
        @on_call
        def alerting(e):
            log_calls(e.call)
            e.call.answer()
            e.call.addEventListener(CallEvents.Connected, fails)
        async def fails(e):
            await VoxEngine.sleep(2)
            {}["nothing"]
        """)
    )
    caller = await sim.call()
    await caller.ended()
    await sim.settle()
    assert sim.now == pytest.approx(2.02)
    assert sim.logs == ["call Connected", "call Disconnected"]


async def test_r6_an_error_at_the_top_level_ends_the_session_with_500(sim: Sim) -> None:
    sim.expect_error("NameError")
    sim.load_text("this_is_not_defined\n")
    caller = await sim.call()
    ended = await caller.ended()
    assert ended.code == 500
    assert caller.wire == ["invited", "rejected 500"]


async def test_r6_an_error_of_call_alerting_ends_the_session(sim: Sim) -> None:
    sim.expect_error("ZeroDivisionError")
    sim.load_text(
        script("""
        @on_call
        def alerting(e):
            1 / 0
        """)
    )
    caller = await sim.call()
    assert (await caller.ended()).code == 500
    await sim.settle()
    assert sim.sessions == []


@pytest.mark.parametrize("conference", [False, True])
async def test_a_rule_hands_its_data_to_the_sessions_of_its_calls(
    sim: Sim, tmp_path: Path, conference: bool
) -> None:
    path = tmp_path / "shared.py"
    path.write_text(
        script("""
        Logger.write(f"top level {VoxEngine.customData()}")
        @on_call
        def alerting(e):
            Logger.write(f"{VoxEngine.customData()} {e.customData!r} {e.call.customData()!r}")
            VoxEngine.terminate()
        """)
    )
    data = "tea " * 100
    sim.load_rules(
        Rule(name="tea", to="1..", scenario=str(path), conference=conference, custom_data=data),
        Rule(name="rest", to=".*", scenario=str(path)),
    )
    await (await sim.call("100")).ended()
    await (await sim.call("200")).ended()
    assert sim.logs == [f"top level {data}", f"{data} '' ''", "top level ", " '' ''"]
    assert "tea tea" not in "".join(str(dict(row.detail)) for row in sim.timeline)
