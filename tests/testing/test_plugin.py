"""The fixture `sim` in projects of users, with and without pytest-trio: what fails, what shows."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

HELLO = """
from runtime import AppEvents, CallEvents, VoxEngine

@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e):
    e.call.addEventListener(CallEvents.Disconnected, VoxEngine.terminate)
    await e.call.answer()
    await e.call.say("Welcome.")
    e.call.hangup()
"""
STAYS = """
from runtime import AppEvents, VoxEngine

@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e):
    await e.call.answer()
"""
BREAKS = """
from runtime import AppEvents, VoxEngine

@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e):
    await e.call.answer()
    print(1 / 0)
"""
HEARS_WELCOME = """
async def test_the_greeting(sim):
    caller = await sim.call()
    await caller.hears("welcome")
    await caller.ended()
"""
WITHOUT_TRIO = ("-p", "no:trio")
WITH_TRIO_MODE = ("-o", "trio_mode=true")


def run(pytester: pytest.Pytester, scenario: str, test: str, *options: str) -> pytest.RunResult:
    pytester.makepyfile(scenario=scenario, test_scenario=test)
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", "-W", "error", *options)


@pytest.mark.parametrize("options", [WITHOUT_TRIO, (), WITH_TRIO_MODE])
def test_an_async_test_runs_whatever_other_plugins_do(
    pytester: pytest.Pytester, options: tuple[str, ...]
) -> None:
    run(pytester, HELLO, HEARS_WELCOME, *options).assert_outcomes(passed=1)


def test_a_test_marked_for_trio_runs_too(pytester: pytest.Pytester) -> None:
    test = f"import pytest\n\n@pytest.mark.trio\n{HEARS_WELCOME.lstrip()}"
    run(pytester, HELLO, test).assert_outcomes(passed=1)


def test_a_runner_for_another_library_does_not_get_in_the_way(
    pytester: pytest.Pytester,
) -> None:
    pytester.makeconftest(
        """
        import asyncio
        import pytest

        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_call(item):
            test = item.obj
            item.obj = lambda **arguments: asyncio.run(test(**arguments))
            return (yield)
        """
    )
    run(pytester, HELLO, HEARS_WELCOME, *WITHOUT_TRIO).assert_outcomes(passed=1)


def test_methods_parameters_and_other_fixtures_work(pytester: pytest.Pytester) -> None:
    test = """
    import pytest

    @pytest.fixture
    def number():
        return "+442079460777"

    @pytest.fixture
    def ready(sim):
        sim.load("scenario.py")
        return sim

    class TestGreeting:
        @pytest.mark.parametrize("to", ["100", "200"])
        async def test_it(self, ready, number, to, tmp_path):
            caller = await ready.call(to, number)
            await caller.ended()
            assert caller.leg.identity.number == to
            assert caller.name == "caller +442079460777"
    """
    for options in (WITHOUT_TRIO, WITH_TRIO_MODE):
        run(pytester, HELLO, test, *options).assert_outcomes(passed=2)


def test_fixtures_of_pytest_trio_work_beside_it(pytester: pytest.Pytester) -> None:
    test = """
    import pytest
    import trio

    @pytest.fixture
    async def started():
        await trio.sleep(0)
        return "yes"

    async def test_it(sim, started, nursery, autojump_clock):
        assert started == "yes"
        nursery.start_soon(trio.sleep, 1)
        caller = await sim.call()
        await caller.ended()
    """
    run(pytester, HELLO, test, *WITH_TRIO_MODE).assert_outcomes(passed=1)


def test_an_hour_passes_at_once(pytester: pytest.Pytester) -> None:
    test = """
    async def test_it(sim):
        caller = await sim.call()
        await caller.connected()
        await sim.advance(3600)
        assert sim.now >= 3600
        caller.hang_up()
    """
    result = run(pytester, STAYS, test, *WITHOUT_TRIO)
    result.assert_outcomes(passed=1)


def test_a_call_that_is_left_up_fails_the_test(pytester: pytest.Pytester) -> None:
    test = """
    async def test_it(sim):
        caller = await sim.call()
        await caller.connected()
    """
    result = run(pytester, STAYS, test, *WITHOUT_TRIO)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*LeftOpen*", "*caller +442079460001: the call is connected*"])


def test_leaving_a_call_up_can_be_allowed(pytester: pytest.Pytester) -> None:
    test = """
    async def test_it(sim):
        caller = await sim.call()
        await caller.connected()
        sim.leave_open()
    """
    run(pytester, STAYS, test, *WITHOUT_TRIO).assert_outcomes(passed=1)


def test_an_error_of_the_script_fails_the_test_with_its_own_traceback(
    pytester: pytest.Pytester,
) -> None:
    result = run(pytester, BREAKS, HEARS_WELCOME, *WITHOUT_TRIO)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*ScenarioFailed*", "*scenario.py*line 6*", "*print(1 / 0)*", "*ZeroDivisionError*"]
    )


def test_an_error_after_the_last_wait_fails_the_test_too(pytester: pytest.Pytester) -> None:
    test = """
    async def test_it(sim):
        await sim.call()
    """
    result = run(pytester, BREAKS, test, *WITHOUT_TRIO)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*ScenarioFailed*"])


def test_an_error_at_the_top_level_fails_the_test(pytester: pytest.Pytester) -> None:
    result = run(pytester, "import nothing_like_that\n", HEARS_WELCOME, *WITHOUT_TRIO)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*ScenarioFailed*", "*nothing_like_that*"])


def test_an_expected_error_is_no_failure_but_must_come(pytester: pytest.Pytester) -> None:
    test = """
    async def test_it(sim):
        sim.expect_error("ZeroDivisionError")
        caller = await sim.call()
        await caller.ended()
    """
    run(pytester, BREAKS, test, *WITHOUT_TRIO).assert_outcomes(passed=1)
    result = run(pytester, HELLO, test, *WITHOUT_TRIO)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*expected did not come: ZeroDivisionError*"])


def test_a_call_that_was_expected_must_be_placed(pytester: pytest.Pytester) -> None:
    test = """
    async def test_it(sim):
        sim.expect_call("+4930*")
        caller = await sim.call()
        await caller.ended()
    """
    result = run(pytester, HELLO, test, *WITHOUT_TRIO)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*expected was not placed: +4930*"])


def test_a_failing_test_shows_what_was_heard_and_the_timeline(pytester: pytest.Pytester) -> None:
    test = """
    async def test_it(sim):
        caller = await sim.call()
        await caller.hears("sales")
    """
    result = run(pytester, HELLO, test, *WITHOUT_TRIO)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*await caller.hears(*",
            "*NotHeard: caller +442079460001 waited to hear 'sales' from 0.00 s to 0.56 s*",
            "*The call is over: 200*",
            "*Signalling: invited, answered, bye. Heard:*",
            "*speech*Welcome.*",
            "*Callstage timeline*",
            "*sip*in invited*",
            "*event*Call.Connected*",
            "*heard*caller +442079460001: speech 'Welcome.' for 0.54 s*",
            "*sip*out bye*",
        ]
    )
    result.stdout.no_fnmatch_line("*peers.py*")


def test_a_plain_failing_assertion_shows_the_timeline(pytester: pytest.Pytester) -> None:
    test = """
    async def test_it(sim):
        caller = await sim.call()
        await caller.ended()
        assert caller.wire == []
    """
    result = run(pytester, HELLO, test, *WITH_TRIO_MODE)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*assert caller.wire == []*", "*Callstage timeline*", "*out bye*"])


def test_in_a_plain_function_sim_says_what_to_do(pytester: pytest.Pytester) -> None:
    test = """
    import trio

    def test_it(sim):
        trio.run(sim.call)
    """
    result = run(pytester, HELLO, test)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*use the fixture `sim` in an async test function*"])


def test_a_missing_scenario_is_said_clearly(pytester: pytest.Pytester) -> None:
    test = """
    async def test_it(sim):
        sim.load("nowhere.py")
    """
    result = run(pytester, HELLO, test)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*nowhere.py does not exist*"])
