"""The pytest plugin: the fixture `sim`.

An async test that uses `sim` runs under trio with a mock clock that jumps over every wait, whatever
other plugins are there; with pytest-trio it runs inside pytest-trio's own runner. When the test is
over, what it left behind fails it; a failing test shows its timeline. With --callstage-sweep each
such test is broken off at every await of its scripts (runtime/testing/sweep.py).
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Generator
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Final

import pytest
import trio
from _pytest.runner import runtestprotocol
from trio.testing import MockClock

if TYPE_CHECKING:
    from runtime.testing.simulator import Sim
    from runtime.testing.sweep import Sweep

CLOCK: Final = "callstage_clock"
"""How the clock reaches whichever runner runs the test; the test itself never sees it."""
PYTEST_TRIO: Final = "_trio_test_runner_wrapped"
"""How pytest-trio marks a test that it runs, with its own fixtures around it."""
SIM: Final = pytest.StashKey["Sim"]()
WRAPPED: Final = pytest.StashKey["AsyncTest"]()
"""A simulated test with its simulation around it, before any other plugin wrapped it."""
PLAIN: Final = pytest.StashKey["AsyncTest"]()
"""The test as it was written."""
SWEEP: Final = pytest.StashKey["Sweep"]()
"""How the test is run this time, when it is swept."""
BROKEN_OFF: Final = pytest.StashKey[int]()
"""How often a test was broken off so far."""
SWEEP_OPTION: Final = "--callstage-sweep"
SECTION: Final = "Callstage timeline"

AsyncTest = Callable[..., Awaitable[object]]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        SWEEP_OPTION,
        action="store_true",
        help="break every simulated test off at each await of its scenarios, to see that nothing "
        "is left behind",
    )


@pytest.fixture
def sim(request: pytest.FixtureRequest) -> Sim:
    """A simulated runtime: load a scenario, call it, hear what it says (runtime.testing.Sim)."""
    # Imported here because pytest loads this plugin for every project that has callstage installed.
    from runtime.testing.simulator import Sim

    simulated = Sim(request.path.parent)
    request.node.stash[SIM] = simulated
    return simulated


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test that is swept: once to the end, and then up to each of its moments."""
    swept = item.config.getoption(SWEEP_OPTION) and "sim" in getattr(item, "fixturenames", ())
    if not swept or not isinstance(item, pytest.Function):
        return None
    from runtime.testing.sweep import Sweep, breaks

    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    whole = item.stash[SWEEP] = Sweep()
    reports = runtestprotocol(item, log=False, nextitem=nextitem)
    if all(report.passed for report in reports):
        for at in breaks(whole.moments):
            item.config.stash[BROKEN_OFF] = item.config.stash.get(BROKEN_OFF, 0) + 1
            item._initrequest()  # fresh fixtures, as pytest-rerunfailures makes them
            item.stash[SWEEP] = Sweep(at)
            again = runtestprotocol(item, log=False, nextitem=nextitem)
            if not all(report.passed for report in again):
                reports = again
                break
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Put the simulation around an async test before any other plugin wraps the test."""
    if isinstance(item, pytest.Function) and SIM in item.stash:
        test = item.stash.setdefault(PLAIN, item.obj)
        if inspect.iscoroutinefunction(test):
            item.stash[WRAPPED] = item.obj = _simulated(
                test, item.stash[SIM], item.stash.get(SWEEP, None)
            )
        elif not hasattr(test, "hypothesis"):
            pytest.fail(
                f"use the fixture `sim` in an async test function: async def {item.name}(...)",
                pytrace=False,
            )
    return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a simulated test: by pytest-trio where it is at work, else by trio itself."""
    if WRAPPED not in pyfuncitem.stash:
        return None
    __tracebackhide__ = True
    test = pyfuncitem.stash[WRAPPED]
    wanted = inspect.signature(test).parameters
    arguments: dict[str, Any] = {
        name: value for name, value in pyfuncitem.funcargs.items() if name in wanted
    }
    clocks = [value for value in arguments.values() if isinstance(value, trio.abc.Clock)]
    if not clocks:
        clocks = [MockClock(autojump_threshold=0)]
        arguments[CLOCK] = clocks[0]
    runner: Callable[..., object] = pyfuncitem.obj
    if not getattr(runner, PYTEST_TRIO, False):
        trio.run(partial(test, **arguments), clock=clocks[0])
        return True
    try:
        runner(**arguments)
    except BaseExceptionGroup as group:
        from runtime.testing.run import only_one

        raise only_one(group) from None
    return True


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    times = config.stash.get(BROKEN_OFF, 0)
    if times:
        terminalreporter.write_line(f"callstage sweep: tests were broken off {times} times")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the timeline of a test that failed."""
    report = yield
    if call.when == "call" and report.failed and SIM in item.stash:
        report.sections.append((SECTION, item.stash[SIM].text()))
    return report


def _simulated(test: AsyncTest, sim: Sim, sweep: Sweep | None) -> AsyncTest:
    @wraps(test)
    async def run(**arguments: object) -> None:
        __tracebackhide__ = True
        from runtime.testing.run import simulate

        arguments.pop(CLOCK, None)
        await simulate(sim, partial(test, **arguments), sweep)

    return run
