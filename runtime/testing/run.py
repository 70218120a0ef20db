"""Running something inside a simulation: the frame around every simulated test."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import trio
from trio.testing import MockClock

from runtime.testing.simulator import Sim
from runtime.testing.stuck import StuckGuard
from runtime.testing.sweep import Sweep


async def simulate(
    sim: Sim, test: Callable[[], Awaitable[object]], sweep: Sweep | None = None
) -> None:
    """Open the simulation, run the test, see that nothing is left, and end everything."""
    __tracebackhide__ = True
    guard = StuckGuard()
    guard.start()
    try:
        await _simulate(sim, test, sweep)
    except BaseExceptionGroup as group:
        raise only_one(group) from None
    finally:
        guard.stop()


async def _simulate(sim: Sim, test: Callable[[], Awaitable[object]], sweep: Sweep | None) -> None:
    __tracebackhide__ = True
    failure: BaseException | None = None
    async with trio.open_nursery() as nursery:
        await sim.open(nursery)
        try:
            if sweep is None:
                await test()
                await sim.finish()
            else:
                await sweep.run(sim, test)
        except trio.Cancelled:
            raise
        except BaseException as exc:  # noqa: BLE001 - raised below, without the nursery's group around it
            failure = exc
        sim.freeze()
        nursery.cancel_scope.cancel()
    if failure is not None:
        try:
            raise failure
        finally:
            del failure


def only_one(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What really happened, without the nurseries around it: those of the kit, of other plugins."""
    leaves: list[BaseException] = []

    def look(error: BaseException) -> bool:
        if not isinstance(error, BaseExceptionGroup):
            leaves.append(error)
        return False

    group.subgroup(look)
    return leaves[0] if len(leaves) == 1 else group


def run_simulation(test: Callable[[Sim], Awaitable[object]], folder: str | Path = ".") -> Sim:
    """Run an async function with a Sim, without pytest; gives the Sim, to look at what happened.

    Scenarios are looked for in `folder`. Raises what the function raises, ScenarioFailed for an
    error of the script, LeftOpen for a call that was left up.
    """
    sim = Sim(Path(folder))
    clock = MockClock(autojump_threshold=0)
    trio.run(simulate, sim, partial(test, sim), clock=clock)
    return sim
