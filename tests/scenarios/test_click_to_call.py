"""scenarios/click_to_call.py: a session without a caller that joins two people."""

from __future__ import annotations

import pytest
import trio

from runtime.testing import Sim, SimCallee, answers, busy, refused, rejects, rings
from runtime.testing.dialer import DialScript, Refusal
from tests.scenarios.configured import custom_data

ANN, BOB, US = "sip:ann@192.0.2.7", "+442079460123", "+442079460100"


@pytest.fixture(autouse=True)
def _click_to_call(sim: Sim) -> None:
    sim.load("module:scenarios.click_to_call")


async def clicked(sim: Sim) -> None:
    await sim.start(custom_data(first=ANN, second=BOB, callerid=US, ring_for=30))


async def first_has_answered(sim: Sim) -> SimCallee:
    ann = sim.expect_call(ANN)
    await clicked(sim)
    await ann.invited()
    ann.answer()
    await ann.hears("One moment")
    return ann


async def test_the_two_are_called_one_after_the_other_and_joined(sim: Sim) -> None:
    ann, bob = sim.expect_call(ANN), sim.expect_call(BOB)
    await clicked(sim)
    assert (await ann.invited()).callerid == US
    ann.ring()
    await trio.sleep(3)
    assert len(sim.callees) == 1
    ann.answer()
    assert (await bob.invited()).callerid == US
    await ann.hears("ringback UK")
    bob.answer()
    await bob.says("Bob here.")
    await ann.hears("Bob here.")
    await ann.says("Ann here.")
    await bob.hears("Ann here.")
    ann.hang_up()
    await bob.ended()
    assert sim.logs == ["first: 200 connected", "second: 200 connected"]


@pytest.mark.parametrize(
    ("script", "code"), [(rings(), 408), (busy(), 486), (rejects(603), 603), (refused(403), 403)]
)
async def test_without_the_first_the_second_is_not_called(
    sim: Sim, script: DialScript | Refusal, code: int
) -> None:
    sim.on_dial(ANN, script)
    await clicked(sim)
    await sim.happens("Application.Terminated")
    assert [request.to for request in sim.dialer.requests] == [ANN]
    assert sim.logs[0].startswith(f"first: {code} ")


@pytest.mark.parametrize("script", [rings(), busy(), rejects(603), refused(403)])
async def test_the_first_is_told_that_the_second_cannot_be_had(
    sim: Sim, script: DialScript | Refusal
) -> None:
    sim.on_dial(BOB, script)
    ann = await first_has_answered(sim)
    await ann.hears("does not answer", to_the_end=True)
    await ann.ended()
    assert any(line.startswith("second: ") for line in sim.logs)


async def test_when_the_second_hangs_up_so_do_we(sim: Sim) -> None:
    sim.on_dial(BOB, answers(after=1, says="Wrong number.", talks_for=0))
    ann = await first_has_answered(sim)
    await ann.hears("Wrong number.")
    assert (await ann.ended()).by == "us"


async def test_a_first_who_hangs_up_while_the_second_rings_ends_it(sim: Sim) -> None:
    bob = sim.expect_call(BOB)
    ann = await first_has_answered(sim)
    await bob.invited()
    bob.ring()
    await ann.hears("ringback UK")
    ann.hang_up()
    await bob.ended()
    assert bob.wire == ["invited", "180", "cancelled"]
    await sim.settle()
    assert sim.sessions == []


async def test_what_the_second_side_plays_is_heard_in_place_of_our_ringback(sim: Sim) -> None:
    bob = sim.expect_call(BOB)
    ann = await first_has_answered(sim)
    await bob.invited()
    await ann.hears("ringback UK")
    bob.early_media()
    await bob.says("Please hold the line.")
    await ann.hears("hold the line")
    bob.busy()
    await ann.hears("does not answer", to_the_end=True)
    await ann.ended()


async def test_the_page_sees_how_far_the_two_are_and_hangs_up(sim: Sim) -> None:
    bob = sim.expect_call(BOB)
    ann = await first_has_answered(sim)
    await bob.invited()
    bob.ring()
    seen = await sim.request()
    assert (seen.status, seen.json()) == (200, {"first": "200 connected", "second": "calling"})
    bob.answer()
    await bob.says("Bob here.")
    await ann.hears("Bob here.")
    ended = await sim.request(method="DELETE")
    assert (ended.status, ended.json()["second"]) == (200, "200 connected")
    await ann.ended()
    await bob.ended()
    await sim.settle()
    assert sim.sessions == []


async def test_a_start_that_names_nobody_fails_with_what_is_missing(sim: Sim) -> None:
    sim.expect_error("KeyError: 'first'")
    await sim.start()
    await sim.settle()
    assert sim.sessions == []
