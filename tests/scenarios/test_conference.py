"""scenarios/conference.py: one room, a PIN, and announcements."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from runtime.testing import Sim, SimCaller
from tests.scenarios.configured import configured


@pytest.fixture(autouse=True)
def _conference(sim: Sim) -> None:
    sim.load("module:scenarios.conference", conference=True)


async def joins(sim: Sim, number: str, pin: str = "1234") -> SimCaller:
    caller = await sim.call("900", number)
    await caller.hears("enter the PIN")
    await caller.press(f"{pin}#")
    await caller.hears("Thank you", to_the_end=True)
    return caller


async def test_those_who_know_the_pin_hear_each_other_and_not_themselves(sim: Sim) -> None:
    ann = await joins(sim, "+442079460001")
    bob = await joins(sim, "+442079460002")
    assert len(sim.sessions) == 1
    await ann.says("Hello, Bob.")
    await bob.hears("Hello, Bob.")
    await bob.says("Hello, Ann.")
    await ann.hears("Hello, Ann.")
    assert [one.what for one in ann.heard if one.kind == "voice"] == ["Hello, Ann."]
    ann.hang_up()
    bob.hang_up()


async def test_joining_and_leaving_are_announced_to_the_others(sim: Sim) -> None:
    ann = await joins(sim, "+442079460001")
    bob = await joins(sim, "+442079460002")
    await ann.hears("Somebody has joined.", to_the_end=True)
    bob.hang_up()
    await ann.hears("Somebody has left.", to_the_end=True)
    ann.hang_up()


async def test_the_newcomer_is_told_how_many_are_there(sim: Sim) -> None:
    ann = await joins(sim, "+442079460001")
    bob = await joins(sim, "+442079460002")
    assert [one.what for one in ann.heard if "Others" in one.what] == [
        "Thank you. Others in the room: 0."
    ]
    assert [one.what for one in bob.heard if "Others" in one.what] == [
        "Thank you. Others in the room: 1."
    ]
    ann.hang_up()
    bob.hang_up()


async def test_three_wrong_pins_end_the_call(sim: Sim) -> None:
    caller = await sim.call("900")
    for _ in range(3):
        await caller.hears("PIN")
        await caller.press("9999#")
    await caller.hears("Goodbye")
    ended = await caller.ended()
    assert ended.by == "us"
    assert caller.digits == ""


async def test_a_caller_without_the_pin_hears_nobody(sim: Sim) -> None:
    ann = await joins(sim, "+442079460001")
    stranger = await sim.call("900", "+442079460666")
    await ann.says("a secret", seconds=30)
    assert not any(one.kind == "voice" for one in stranger.heard)
    stranger.hang_up()
    ann.hang_up()


async def test_the_pin_stays_out_of_the_timeline(sim: Sim) -> None:
    ann = await joins(sim, "+442079460001")
    ann.hang_up()
    tones = [event for event in sim.events if event.name == "Call.ToneReceived"]
    assert {event.fields["tone"] for event in tones} == {"(hidden)"}


async def test_the_pin_can_be_set(sim: Sim, tmp_path: Path) -> None:
    scenario = configured(tmp_path, "conference", pin="4711", name="the board meeting")
    sim.load(scenario, conference=True)
    caller = await sim.call("900")
    await caller.hears("Welcome to the board meeting")
    await caller.press("4711#")
    await caller.hears("Thank you")
    caller.hang_up()


@pytest.mark.parametrize("after_s", [0.01, 0.5, 2.0, 6.0, 8.0, 20.0, 45.0])
async def test_a_caller_may_hang_up_at_any_time_and_the_others_go_on(
    sim: Sim, after_s: float
) -> None:
    ann = await joins(sim, "+442079460001")
    stranger = await sim.call("900", "+442079460666")
    await trio.sleep(after_s)
    stranger.hang_up()
    bob = await joins(sim, "+442079460002")
    await bob.says("Still here?")
    await ann.hears("Still here?")
    ann.hang_up()
    bob.hang_up()


async def test_many_can_talk_at_once(sim: Sim) -> None:
    people = [await joins(sim, f"+4420794600{number}") for number in range(10, 16)]
    for number, person in enumerate(people):
        person.says(f"I am number {number}.", seconds=5)
    await trio.sleep(6)
    for number, person in enumerate(people):
        voices = {one.what for one in person.heard if one.kind == "voice"}
        assert voices == {f"I am number {other}." for other in range(6) if other != number}
        person.hang_up()


async def test_after_the_last_one_has_left_the_session_ends(sim: Sim) -> None:
    ann = await joins(sim, "+442079460001")
    ann.hang_up()
    await sim.advance(61)
    assert sim.sessions == []
