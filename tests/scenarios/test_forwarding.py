"""scenarios/forwarding.py: one target after the other, until somebody answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import trio

from runtime.testing import (
    Sim,
    SimCallee,
    SimCaller,
    answers,
    busy,
    refused,
    rejects,
    rings,
    silent,
)
from runtime.testing.dialer import DialScript, Refusal
from tests.scenarios.configured import custom_data

ANN, DESK = "sip:ann@192.0.2.7", "+442079460123"
APOLOGY = "Sorry, everybody is out."


@pytest.fixture(autouse=True)
def _forwarding(sim: Sim) -> None:
    data = custom_data(targets=[ANN, DESK], ring_for=15, apology=APOLOGY)
    sim.load("module:scenarios.forwarding", custom_data=data)


async def test_the_first_who_answers_gets_the_call(sim: Sim) -> None:
    ann = sim.expect_call(ANN)
    caller = await sim.call(number="+442079460001", display_name="Bob")
    request = await ann.invited()
    assert (request.callerid, request.display_name) == ("+442079460001", "Bob")
    ann.ring()
    await trio.sleep(4)
    ann.answer()
    await ann.says("Ann speaking.")
    await caller.hears("Ann speaking.")
    await caller.says("It is Bob.")
    await ann.hears("It is Bob.")
    ann.hang_up()
    await caller.ended()
    assert caller.wire == ["invited", "180", "183", "answered", "bye"]


async def test_whoever_does_not_answer_is_given_up_for_the_next(sim: Sim) -> None:
    sim.on_dial(ANN, rings())
    sim.on_dial(DESK, answers(after=2, says="Desk."))
    caller = await sim.call()
    await caller.hears("Desk.")
    ann, desk = sim.callees
    assert ann.wire == ["invited", "180", "cancelled"]
    assert desk.wire_log[0].t == pytest.approx(15)
    caller.hang_up()
    await desk.ended()


@pytest.mark.parametrize("script", [busy(), rejects(603), rejects(404), refused(403), silent()])
async def test_whatever_keeps_the_first_from_answering_the_next_is_tried(
    sim: Sim, script: DialScript | Refusal
) -> None:
    sim.on_dial(ANN, script)
    desk = sim.expect_call(DESK)
    caller = await sim.call()
    await desk.invited()
    desk.answer()
    await desk.says("Desk.")
    await caller.hears("Desk.")
    caller.hang_up()
    await desk.ended()


async def test_an_announcement_of_the_target_is_heard_unanswered(sim: Sim) -> None:
    ann = sim.expect_call(ANN)
    caller = await sim.call()
    await ann.invited()
    ann.early_media()
    await ann.says("You are being connected.")
    await caller.hears("being connected")
    ann.answer()
    await caller.connected()
    assert caller.wire == ["invited", "180", "183", "answered"]
    caller.hang_up()


@pytest.mark.parametrize(("last", "code"), [(busy(), 486), (rejects(603), 480), (rings(), 480)])
async def test_when_nobody_is_there_the_caller_is_told_and_refused(
    sim: Sim, last: DialScript, code: int
) -> None:
    sim.on_dial(ANN, busy())
    sim.on_dial(DESK, last)
    caller = await sim.call()
    await caller.hears(APOLOGY, to_the_end=True)
    assert (await caller.ended()).code == code
    assert not caller.is_connected
    assert [line.rpartition(": ")[0] for line in sim.logs] == [ANN, DESK]


async def test_without_targets_and_apology_the_call_is_refused_at_once(sim: Sim) -> None:
    sim.load("module:scenarios.forwarding")
    caller = await sim.call()
    assert (await caller.ended()).code == 480
    assert caller.heard == []


async def while_the_first_rings(caller: SimCaller, ann: SimCallee) -> None:
    await ann.invited()
    ann.ring()


async def while_they_talk(caller: SimCaller, ann: SimCallee) -> None:
    await ann.invited()
    ann.answer()
    await caller.connected()


@pytest.mark.parametrize("moment", [while_the_first_rings, while_they_talk])
async def test_a_caller_who_hangs_up_takes_the_other_call_along(
    sim: Sim, moment: Callable[[SimCaller, SimCallee], Awaitable[None]]
) -> None:
    ann = sim.expect_call(ANN)
    caller = await sim.call()
    await moment(caller, ann)
    caller.hang_up()
    assert (await ann.ended()).by == "us"
    await sim.settle()
    assert sim.sessions == []
    assert [request.to for request in sim.dialer.requests] == [ANN]
