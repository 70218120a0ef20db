"""scenarios/masking.py: two people who reach each other through a number of ours."""

from __future__ import annotations

import pytest

from runtime.testing import Sim, SimCaller, busy, refused, rejects, rings
from runtime.testing.dialer import DialScript, Refusal
from tests.scenarios.configured import custom_data

DRIVER, RIDER, STRANGER = "+447700900001", "+447700900002", "+447700900003"
VIA = "+442079460100"
DAY_S = 24 * 60 * 60


@pytest.fixture(autouse=True)
def _masking(sim: Sim) -> None:
    sim.load("module:scenarios.masking")


async def linked(sim: Sim, days: int = 30) -> None:
    await sim.start(custom_data(between=[DRIVER, RIDER], via=VIA, days=days))
    await sim.happens("Application.Terminated")


async def is_told_that_nobody_is_there(caller: SimCaller) -> None:
    await caller.hears("cannot be reached", to_the_end=True)
    assert (await caller.ended()).code == 404


@pytest.mark.parametrize(("caller_number", "callee_number"), [(DRIVER, RIDER), (RIDER, DRIVER)])
async def test_each_reaches_the_other_and_sees_only_our_number(
    sim: Sim, caller_number: str, callee_number: str
) -> None:
    await linked(sim)
    callee = sim.expect_call(callee_number)
    caller = await sim.call(VIA, caller_number)
    request = await callee.invited()
    assert (request.callerid, request.display_name, dict(request.headers)) == (VIA, "", {})
    callee.ring()
    await caller.sees("180")
    callee.answer()
    await callee.says("Two minutes away.")
    await caller.hears("Two minutes away.")
    await caller.says("Thank you.")
    await callee.hears("Thank you.")
    callee.hang_up()
    await caller.ended()


async def test_a_stranger_reaches_nobody(sim: Sim) -> None:
    await linked(sim)
    await is_told_that_nobody_is_there(await sim.call(VIA, STRANGER))
    assert sim.dialer.requests == []


async def test_through_another_number_nobody_is_reached(sim: Sim) -> None:
    await linked(sim)
    await is_told_that_nobody_is_there(await sim.call("+442079460101", RIDER))


async def test_a_link_ends_after_its_days(sim: Sim) -> None:
    await linked(sim, days=1)
    await sim.advance(DAY_S)
    await is_told_that_nobody_is_there(await sim.call(VIA, RIDER))


async def test_a_new_link_takes_the_place_of_the_old(sim: Sim) -> None:
    await linked(sim)
    await sim.start(custom_data(between=[STRANGER, RIDER], via=VIA))
    await sim.happens("Application.Terminated", count=2)
    stranger = sim.expect_call(STRANGER)
    rider = await sim.call(VIA, RIDER)
    await stranger.invited()
    rider.hang_up()
    await stranger.ended()


@pytest.mark.parametrize("script", [busy(), rejects(603), rings(), refused(403)])
async def test_a_callee_who_cannot_be_had_ends_the_call(
    sim: Sim, script: DialScript | Refusal
) -> None:
    await linked(sim)
    sim.on_dial(DRIVER, script)
    rider = await sim.call(VIA, RIDER)
    await rider.ended(within=61)
    assert not rider.is_connected


async def test_a_caller_who_hangs_up_while_it_rings_ends_both(sim: Sim) -> None:
    await linked(sim)
    driver = sim.expect_call(DRIVER)
    rider = await sim.call(VIA, RIDER)
    await driver.invited()
    driver.ring()
    rider.hang_up()
    await driver.ended()
    assert driver.wire == ["invited", "180", "cancelled"]


async def test_neither_number_stands_in_the_log(sim: Sim) -> None:
    await linked(sim)
    await is_told_that_nobody_is_there(await sim.call(VIA, STRANGER))
    assert not any(number in line for line in sim.logs for number in (DRIVER, RIDER, STRANGER))
