"""The end of a simulated test: what is under way comes to its end, and what does not is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import trio
import trio.testing

if TYPE_CHECKING:
    from runtime.testing.simulator import Sim

SETTLE_S: Final = 200.0
"""How long what is under way may go on after a test: an unanswered call gives up after 60 s, a
session without calls ends 60 s later; what is there then was left behind."""
SETTLE_STEP_S: Final = 1.0


class LeftOpen(AssertionError):
    """The test is over, and calls, sessions, tasks or sounds are not."""


async def finish(sim: Sim, *, in_full: bool = True) -> None:
    """Let what is under way come to its end, then look what was left behind.

    `in_full`: the test ran to its end, so what it expected must have come. Raises ScenarioFailed
    for an error of the script, LeftOpen for anything that is still there.
    """
    __tracebackhide__ = True
    sim.faults.check()
    with trio.move_on_after(SETTLE_S):
        while left_behind(sim) and not sim.faults.unwanted:  # noqa: ASYNC110 - nothing tells
            await trio.sleep(SETTLE_STEP_S)
    await trio.testing.wait_all_tasks_blocked()
    sim.faults.check()
    left = left_behind(sim)
    if in_full:
        left += _in_vain(sim)
    if left:
        lines = "\n".join(f"  - {one}" for one in left)
        raise LeftOpen(f"the test is over, but {SETTLE_S:g} s later there still is:\n{lines}")


def left_behind(sim: Sim) -> list[str]:
    """What there is still, in words; calls and sessions alone while there are any."""
    left = [f"{one.name}: the call is {one.leg.state}; hang it up" for one in sim.on_the_line]
    left += [f"session {one.id} ({one.scenario}) is {one.state}" for one in sim.sessions]
    if left:
        return left
    left += [f"in the media engine: {one}" for one in sim.media.left_open]
    left += [f"not finished: {one!r}" for one in sim.recordings if one.finished is None]
    return left + [f"task {name}" for name in sim.runtime.tasks]


def _in_vain(sim: Sim) -> list[str]:
    """What the test expected and the scenario did not do."""
    return [
        *(f"an error that was expected did not come: {one}" for one in sim.faults.missing),
        *(f"a call that was expected was not placed: {one}" for one in sim.dialer.unmet),
        *(f"a socket that was expected was not opened: {one}" for one in sim.sockets.unmet),
    ]
