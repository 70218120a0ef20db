"""Sim itself: loading, routing, settings, time, sessions without calls, and what it tells."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio

from runtime.media.port import MediaUnavailable, RecordingFormat
from runtime.sandbox.bundle import BundleError
from runtime.session.rules import Rule
from runtime.testing import LeftOpen, Limits, NotHeard, ScenarioFailed, Sim, run_simulation

SAYS = """
from runtime import AppEvents, CallEvents, VoxEngine

@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e):
    e.call.addEventListener(CallEvents.Disconnected, VoxEngine.terminate)
    await e.call.answer()
    await e.call.say("{text}")
    e.call.hangup()
"""


@pytest.fixture
def folder(tmp_path: Path, sim: Sim) -> Path:
    """The folder of the test file, for these tests."""
    sim.folder = tmp_path
    for name in ("scenario", "sales", "support"):
        (tmp_path / f"{name}.py").write_text(SAYS.replace("{text}", f"This is {name}."))
    return tmp_path


@pytest.mark.usefixtures("folder")
async def test_without_load_it_is_scenario_py_beside_the_test(sim: Sim) -> None:
    caller = await sim.call()
    await caller.hears("This is scenario.")
    await caller.ended()


@pytest.mark.usefixtures("folder")
async def test_of_several_scenarios_the_dialled_name_decides(sim: Sim) -> None:
    sim.load("sales.py", "support.py")
    sales, support = await sim.call("sales"), await sim.call("support")
    nobody = await sim.call("else")
    await sales.hears("This is sales.")
    await support.hears("This is support.")
    assert (await nobody.ended()).code == 404
    assert "'else'" in (nobody.end.reason if nobody.end else "")


@pytest.mark.usefixtures("folder")
async def test_rules_decide_in_their_order(sim: Sim) -> None:
    sim.load_rules(
        Rule(name="one", to="1..", scenario="sales.py"),
        Rule(name="rest", to=".*", scenario="support.py"),
    )
    for number, name in (("100", "sales"), ("1000", "support"), ("2", "support")):
        caller = await sim.call(number)
        await caller.hears(f"This is {name}.")
        await caller.ended()


async def test_loading_again_changes_new_calls_only(sim: Sim, folder: Path) -> None:
    (folder / "slow.py").write_text(SAYS.replace("{text}", "old " * 50))
    sim.load("slow.py")
    before = await sim.call()
    await before.hears("old")
    sim.load("sales.py")
    after = await sim.call()
    await after.hears("This is sales.")
    assert before.is_connected
    await before.ended()


async def test_a_scenario_that_is_not_there_is_said_so(sim: Sim, folder: Path) -> None:
    with pytest.raises(BundleError, match=r"nowhere\.py"):
        sim.load("nowhere.py")
    with pytest.raises(BundleError, match="there is no shipped scenario"):
        sim.load("module:scenarios.nowhere")


async def test_a_scenario_in_the_test_can_have_modules_of_its_own(sim: Sim) -> None:
    sim.load_text(
        """
        from runtime import Logger
        import prices
        Logger.write(prices.TEA)
        """,
        prices="TEA = 3\n",
    )
    await sim.start()
    await sim.settle()
    assert sim.logs == ["3"]


async def test_settings_come_before_the_first_call(sim: Sim) -> None:
    sim.configure(limits=Limits(max_sessions=1))
    sim.load("module:scenarios.hello")
    first, second = await sim.call(), await sim.call()
    assert (await second.ended()).code == 503
    with pytest.raises(RuntimeError, match="do it before"):
        sim.configure(limits=Limits(max_sessions=2))
    await first.ended()


async def test_the_time_of_day_can_be_set_and_runs_with_the_clock(sim: Sim) -> None:
    sim.set_time(datetime(2026, 12, 24, 17, 59, 58, tzinfo=UTC))
    sim.load_text(
        """
        from runtime import AppEvents, Logger, VoxEngine

        @VoxEngine.on(AppEvents.Started)
        async def started():
            Logger.write(VoxEngine.now("Europe/Berlin").isoformat(timespec="seconds"))
            await VoxEngine.sleep(3)
            Logger.write(VoxEngine.now().isoformat(timespec="seconds"))
        """
    )
    await sim.start()
    await sim.advance(5)
    assert sim.logs == ["2026-12-24T18:59:58+01:00", "2026-12-24T18:00:01+00:00"]


async def test_a_session_can_be_started_without_a_call_and_ended_by_an_operator(
    sim: Sim,
) -> None:
    sim.load_text("from runtime import VoxEngine, Logger\nLogger.write(VoxEngine.customData())\n")
    session = await sim.start("data")
    await sim.settle()
    assert [one.id for one in sim.sessions] == [session.id]
    sim.terminate(session)
    await sim.happens("Application.Terminated")
    await sim.settle()
    assert sim.sessions == []
    assert sim.logs == ["data"]


async def test_events_have_their_times_calls_and_fields(sim: Sim) -> None:
    sim.load("module:scenarios.hello")
    caller = await sim.call()
    connected = await sim.happens("Call.Connected")
    assert connected.t == pytest.approx(0.02)
    assert connected.leg == "s1-2"
    started = await sim.happens("Call.PlaybackStarted")
    assert started.fields["duration"] == 2140
    await caller.ended()
    with pytest.raises(NotHeard, match=r"Call\.Failed did not happen within 5 s; what did: .*Call"):
        await sim.happens("Call.Failed", within=5)


async def test_a_full_engine_takes_no_more_calls(sim: Sim) -> None:
    sim.media.capacity = 1
    sim.load_text(
        """
        from runtime import AppEvents, CallEvents, Logger, VoxEngine

        @VoxEngine.on(AppEvents.CallAlerting)
        async def incoming(e):
            bob = VoxEngine.callSIP("sip:bob@example.com")
            bob.on(CallEvents.Failed)(lambda e: Logger.write(f"{e.code} {e.reason}"))
            e.call.answer()
        """
    )
    caller = await sim.call()
    await caller.connected()
    assert sim.logs == ["503 all 1 legs of the simulated engine are in use"]
    with pytest.raises(MediaUnavailable):
        await sim.call()
    caller.hang_up()


async def test_when_the_engine_dies_its_calls_end_and_nothing_else(sim: Sim) -> None:
    sim.load_text(
        """
        from runtime import AppEvents, CallEvents, Logger, VoxEngine

        @VoxEngine.on(AppEvents.CallAlerting)
        async def incoming(e):
            e.call.on(CallEvents.Disconnected)(lambda e: Logger.write(e.reason))
            await e.call.answer()
            e.call.say("a long story " * 50)
        """
    )
    caller = await sim.call()
    await caller.hears("a long story")
    sim.media.crash()
    await caller.ended()
    await sim.settle()
    assert len(sim.logs) == 1
    again = await sim.call()
    await again.hears("a long story")
    again.hang_up()


async def test_the_story_of_a_simulation_can_be_read(sim: Sim) -> None:
    sim.load("module:scenarios.hello")
    caller = await sim.call()
    caller.says("hi")
    await caller.ended()
    await sim.settle()
    lines = [" ".join(line.split()) for line in sim.text().splitlines()]
    told = [
        "0.000 sip s1-2: in invited",
        "0.000 act caller +442079460001 says 'hi'",
        "0.020 event s1-2: Call.Connected",
        "0.020 heard caller +442079460001: speech 'Hello, and welcome to Callstage.' for 2.14 s",
        "2.160 sip s1-2: out bye",
        "2.160 session over: terminated",
    ]
    assert [line for line in lines if line in told] == told


# --- without pytest -------------------------------------------------------------------------------


@pytest.mark.usefixtures("folder")
async def test_the_record_of_what_is_over_can_be_dropped_and_what_goes_on_stays(sim: Sim) -> None:
    over = await sim.call()
    await over.ended()
    live = await sim.call()
    await live.hears("This is scenario.")
    sim.forget()
    assert sim.callers == [live]
    assert sim.timeline == []
    await live.ended()
    assert [event.name for event in sim.events][-1] == "Application.Terminated"


def test_a_simulation_can_run_without_pytest() -> None:
    async def greet(sim: Sim) -> None:
        sim.load("module:scenarios.hello")
        caller = await sim.call()
        await caller.hears("welcome")
        await caller.ended()

    sim = run_simulation(greet)
    assert sim.callers[0].wire == ["invited", "answered", "bye"]


def test_what_is_left_up_is_an_error_without_pytest_too() -> None:
    async def leaves(sim: Sim) -> None:
        sim.load("module:scenarios.conference", conference=True)
        caller = await sim.call()
        await caller.connected()
        await caller.press("1234#")

    with pytest.raises(LeftOpen, match=r"the call is connected"):
        run_simulation(leaves)


@pytest.mark.parametrize(
    ("leave", "told"),
    [
        (lambda sim: sim.media.open_conference(), "<conference of 0 sources, 0 listeners>"),
        (lambda sim: sim.runtime.start_soon(trio.sleep_forever), "task .*sleep_forever"),
        (lambda sim: sim.expect_call("+49*"), r"a call that was expected was not placed: \+49"),
        (lambda sim: sim.expect_error("Boom"), "an error that was expected did not come: Boom"),
    ],
)
def test_everything_that_is_left_behind_is_told(leave: Callable[[Sim], object], told: str) -> None:
    async def leaves(sim: Sim) -> None:
        leave(sim)

    with pytest.raises(LeftOpen, match=told):
        run_simulation(leaves)


def test_a_recording_that_is_never_finished_is_told() -> None:
    async def leaves(sim: Sim) -> None:
        form = RecordingFormat(container="wav", stereo=False)
        await sim.recorded.start("s1", 1, form)

    with pytest.raises(LeftOpen, match=r"not finished: <SimRecording .*1\.wav"):
        run_simulation(leaves)


def test_an_error_of_the_test_itself_comes_out_as_it_is() -> None:
    async def fails(sim: Sim) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_simulation(fails)


def test_an_error_of_the_script_comes_out_with_its_traceback(tmp_path: Path) -> None:
    (tmp_path / "scenario.py").write_text("import runtime\nruntime.Nothing\n")

    async def calls(sim: Sim) -> None:
        caller = await sim.call()
        await caller.connected()

    with pytest.raises(ScenarioFailed, match=r'File "scenario\.py", line 2'):
        run_simulation(calls, tmp_path)


@pytest.mark.slow
def test_hundreds_of_calls_leave_nothing_behind() -> None:
    async def calls(sim: Sim) -> None:
        sim.load("module:scenarios.hello")
        for _ in range(4):
            callers = [await sim.call() for _ in range(100)]
            for number, caller in enumerate(callers):
                if number % 2:
                    await trio.sleep(0.01)
                    caller.hang_up()
                await caller.ended()

    sim = run_simulation(calls)
    assert sim.media.left_open == []
    assert sim.sessions == []


async def test_calls_can_be_given_data_and_several_scenarios_can_be_shared(
    sim: Sim, tmp_path: Path
) -> None:
    for name in ("tea", "coffee"):
        (tmp_path / f"{name}.py").write_text(
            "from runtime import *\n"
            "@VoxEngine.on(AppEvents.CallAlerting)\n"
            "def alerting(e):\n"
            f"    Logger.write(f'{name} {{VoxEngine.customData()}} {{e.call.id()}}')\n"
            "    e.call.reject(486)\n"
        )
    sim.load(
        str(tmp_path / "tea.py"), str(tmp_path / "coffee.py"), conference=True, custom_data="hot"
    )
    for number in ("coffee", "tea", "coffee"):
        await (await sim.call(number)).ended()
    assert sim.logs == ["coffee hot s1-2", "tea hot s2-2", "coffee hot s1-4"]
