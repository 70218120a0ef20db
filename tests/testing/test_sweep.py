"""--callstage-sweep: what a scenario leaves behind somewhere on its way fails the test."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

CLEAN = """
from runtime import AppEvents, CallEvents, VoxEngine

@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e):
    e.call.addEventListener(CallEvents.Disconnected, VoxEngine.terminate)
    await e.call.answer()
    other = VoxEngine.callSIP("sip:bob@example.com")
    if await other.answered(timeout=10):
        VoxEngine.sendMediaBetween(e.call, other)
        await other.ended()
    e.call.hangup()
"""
RAISES_WHEN_THE_CALLER_HANGS_UP_DURING_THE_PROMPT = """
from runtime import AppEvents, CallEvents, VoxEngine

waiting = []

@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e):
    e.call.addEventListener(CallEvents.Disconnected, lambda: waiting.remove(e.call))
    await e.call.answer()
    await e.call.say("Welcome.")
    waiting.append(e.call)
    e.call.hangup()
"""
REDIALS_FOR_EVER = """
from runtime import AppEvents, CallEvents, VoxEngine, setTimeout

@VoxEngine.on(AppEvents.CallAlerting)
def incoming(e):
    e.call.answer()
    dial()

def dial():
    call = VoxEngine.callSIP("sip:bob@example.com")
    call.addEventListener(CallEvents.Failed, lambda: setTimeout(dial, 20_000))
"""
TALKS = """
from runtime.testing import answers

async def test_the_two_talk(sim):
    sim.on_dial("*", answers(after=1, says="Hello.", talks_for=1))
    caller = await sim.call()
    await caller.hears("Hello.")
    await caller.ended()
"""
HEARS_WELCOME = """
async def test_the_greeting(sim):
    caller = await sim.call()
    await caller.hears("welcome", to_the_end=True)
    await caller.ended()
"""
BOTH_HANG_UP = """
async def test_both_hang_up(sim):
    bob = sim.expect_call()
    caller = await sim.call()
    await bob.invited()
    bob.answer()
    bob.hang_up()
    caller.hang_up()
"""


def swept(pytester: pytest.Pytester, scenario: str, test: str, *options: str) -> pytest.RunResult:
    pytester.makepyfile(scenario=scenario, test_scenario=test)
    return pytester.runpytest_inprocess(
        "-p", "no:cacheprovider", "-W", "error", "--callstage-sweep", *options
    )


@pytest.mark.parametrize("options", [("-p", "no:trio"), (), ("-o", "trio_mode=true")])
def test_a_scenario_that_leaves_nothing_behind_passes(
    pytester: pytest.Pytester, options: tuple[str, ...]
) -> None:
    result = swept(pytester, CLEAN, TALKS, *options)
    result.assert_outcomes(passed=1)
    (line,) = [line for line in result.outlines if line.startswith("callstage sweep")]
    assert int("".join(filter(str.isdigit, line))) >= 18


def test_an_error_at_one_moment_is_told_with_that_moment(pytester: pytest.Pytester) -> None:
    result = swept(pytester, RAISES_WHEN_THE_CALLER_HANGS_UP_DURING_THE_PROMPT, HEARS_WELCOME)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*ScenarioFailed: broken off at moment *: everybody hangs up*", "*ValueError: *"]
    )


def test_what_is_left_behind_is_told_with_the_moment(pytester: pytest.Pytester) -> None:
    result = swept(pytester, REDIALS_FOR_EVER, BOTH_HANG_UP)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*LeftOpen: broken off at moment *: everybody hangs up*",
            "*session s1 (scenario) is RUNNING*",
        ]
    )


def test_a_test_that_fails_by_itself_is_not_swept(pytester: pytest.Pytester) -> None:
    result = swept(pytester, CLEAN, HEARS_WELCOME)
    result.assert_outcomes(failed=1)
    assert not any(line.startswith("callstage sweep") for line in result.outlines)


def test_without_the_option_nothing_is_broken_off(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(scenario=CLEAN, test_scenario=TALKS)
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-W", "error")
    result.assert_outcomes(passed=1)
    assert not any(line.startswith("callstage sweep") for line in result.outlines)
