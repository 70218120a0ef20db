"""scenarios/hello.py: greets and hangs up."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from runtime.testing import Sim
from tests.scenarios.configured import configured


@pytest.fixture(autouse=True)
def _hello(sim: Sim) -> None:
    sim.load("module:scenarios.hello")


async def test_the_caller_is_greeted_and_the_call_ended(sim: Sim) -> None:
    caller = await sim.call()
    await caller.hears("welcome to Callstage", to_the_end=True)
    ended = await caller.ended()
    assert (ended.code, ended.by) == (200, "us")
    assert caller.wire == ["invited", "answered", "bye"]


async def test_the_greeting_can_be_set(sim: Sim, tmp_path: Path) -> None:
    sim.load(configured(tmp_path, "hello", greeting="Guten Tag."))
    caller = await sim.call()
    await caller.hears("Guten Tag.")
    await caller.ended()


@pytest.mark.parametrize("after_s", [0.0, 0.01, 0.02, 1.0, 2.16])
async def test_the_caller_may_hang_up_at_any_time(sim: Sim, after_s: float) -> None:
    caller = await sim.call()
    await trio.sleep(after_s)
    caller.hang_up()
    await caller.ended()
    await sim.settle()
    assert sim.sessions == []


async def test_two_callers_are_two_sessions(sim: Sim) -> None:
    one, two = await sim.call(), await sim.call()
    assert len(sim.sessions) == 2
    one.hang_up()
    await two.hears("welcome", to_the_end=True)
    await two.ended()
