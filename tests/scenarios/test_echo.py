"""scenarios/echo.py: the caller hears himself."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.testing import Sim
from tests.scenarios.configured import configured


@pytest.fixture(autouse=True)
def _echo(sim: Sim) -> None:
    sim.load("module:scenarios.echo")


async def test_what_the_caller_says_comes_back(sim: Sim) -> None:
    caller = await sim.call()
    await caller.hears("You will now hear yourself", to_the_end=True)
    await caller.says("one two three")
    heard = await caller.hears("one two three")
    assert heard.kind == "voice"
    caller.press("#")
    await caller.hears("Goodbye")
    await caller.ended()


async def test_other_keys_do_not_end_it(sim: Sim) -> None:
    caller = await sim.call()
    await caller.hears("hear yourself", to_the_end=True)
    await caller.press("12")
    await caller.says("still here")
    await caller.hears("still here")
    caller.hang_up()


async def test_it_ends_by_itself(sim: Sim, tmp_path: Path) -> None:
    sim.load(configured(tmp_path, "echo", seconds=5))
    caller = await sim.call()
    said = await caller.hears("hear yourself", to_the_end=True)
    goodbye = await caller.hears("Goodbye")
    assert said.end is not None
    assert goodbye.start - said.end == pytest.approx(5)
    await caller.ended()
