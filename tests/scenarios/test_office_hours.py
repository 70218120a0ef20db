"""scenarios/office_hours.py: the office by day, a recorder by night."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
import trio

from runtime.testing import Sim, SimCaller, busy, refused, rejects, rings
from runtime.testing.dialer import DialScript, Refusal
from tests.scenarios.configured import custom_data

OFFICE = "+442079460100"
LONDON = ZoneInfo("Europe/London")


def at(sim: Sim, time: str, **settings: object) -> None:
    """A Wednesday is 2026-07-01."""
    sim.set_time(datetime.fromisoformat(time).replace(tzinfo=LONDON))
    sim.load("module:scenarios.office_hours", custom_data=custom_data(target=OFFICE, **settings))


async def leaves_a_message(caller: SimCaller, why: str, text: str) -> None:
    await caller.hears(f"{why} Please leave a message after the tone.")
    await caller.hears("beep.wav", to_the_end=True)
    await caller.says(text)
    caller.press("#")
    await caller.hears("Thank you")
    assert (await caller.ended()).by == "us"


@pytest.mark.parametrize("time", ["2026-07-01 09:00", "2026-07-03 17:29", "2026-12-24 12:00"])
async def test_the_office_rings_while_it_is_open(sim: Sim, time: str) -> None:
    at(sim, time)
    office = sim.expect_call(OFFICE)
    caller = await sim.call(number="+442079460001")
    assert (await office.invited()).callerid == "+442079460001"
    await caller.sees("180")
    office.answer()
    await office.says("Good day.")
    await caller.hears("Good day.")
    await caller.says("Good day to you.")
    await office.hears("Good day to you.")
    office.hang_up()
    await caller.ended()


@pytest.mark.parametrize(
    "time",
    ["2026-07-01 08:59", "2026-07-01 17:30", "2026-07-04 12:00", "2026-12-25 12:00"],
    ids=["before", "after", "Saturday", "holiday"],
)
async def test_out_of_hours_a_message_is_taken(sim: Sim, time: str) -> None:
    at(sim, time, holidays=["2026-12-25"])
    caller = await sim.call()
    await leaves_a_message(caller, "We are closed at the moment.", "It is Ann.")
    assert sim.dialer.requests == []
    (recording,) = sim.recordings
    assert [one.what for one in recording.mix] == ["It is Ann."]
    assert sim.logs == [f"message: {recording.url}"]


async def test_the_clock_is_that_of_the_time_zone_in_summer_too(sim: Sim) -> None:
    sim.set_time(datetime(2026, 7, 1, 8, 30, tzinfo=ZoneInfo("UTC")))
    sim.load("module:scenarios.office_hours", custom_data=custom_data(target=OFFICE))
    office = sim.expect_call(OFFICE)
    caller = await sim.call()
    await office.invited()
    caller.hang_up()
    await office.ended()


async def test_each_day_has_hours_of_its_own(sim: Sim) -> None:
    at(sim, "2026-07-04 12:59", hours={"Sat": ["10:00", "13:00"]})
    sim.on_dial(OFFICE, busy())
    first = await sim.call()
    await first.hears("nobody can take your call")
    first.hang_up()
    await sim.advance(60)
    second = await sim.call()
    await second.hears("We are closed")
    second.hang_up()


@pytest.mark.parametrize("script", [rings(), busy(), rejects(503), refused(403)])
async def test_when_nobody_answers_a_message_is_taken(
    sim: Sim, script: DialScript | Refusal
) -> None:
    at(sim, "2026-07-01 12:00", ring_for=20)
    sim.on_dial(OFFICE, script)
    caller = await sim.call()
    await leaves_a_message(caller, "Sorry, nobody can take your call right now.", "Call me back.")
    assert all(callee.end is not None for callee in sim.callees)


async def test_the_office_rings_for_as_long_as_is_set(sim: Sim) -> None:
    at(sim, "2026-07-01 12:00", ring_for=7)
    sim.on_dial(OFFICE, rings())
    caller = await sim.call()
    said = await caller.hears("nobody can take your call")
    assert said.start == pytest.approx(7, abs=0.1)
    caller.hang_up()


async def test_a_silent_caller_is_let_go(sim: Sim) -> None:
    at(sim, "2026-07-04 12:00")
    caller = await sim.call()
    await caller.hears("beep.wav", to_the_end=True)
    await caller.hears("Thank you", within=121)
    await caller.ended()


@pytest.mark.parametrize("after_s", [0.0, 0.01, 0.02, 3.0, 20.0, 22.0, 30.0])
async def test_a_caller_may_hang_up_at_any_time(sim: Sim, after_s: float) -> None:
    at(sim, "2026-07-01 12:00")
    caller = await sim.call()
    await trio.sleep(after_s)
    caller.hang_up()
    await sim.settle()
    assert sim.sessions == []
    assert all(callee.end is not None for callee in sim.callees)
    assert all(recording.finished for recording in sim.recordings)
