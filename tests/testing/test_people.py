"""What simulated people can do and wait for, and what they say when it does not come."""

from __future__ import annotations

import re

import pytest
import trio

from runtime.testing import (
    NotHeard,
    Sim,
    answers,
    busy,
    refused,
    rejects,
    rings,
    silent,
)
from runtime.testing.dialer import DialScript

LISTENS = """
from runtime import AppEvents, CallEvents, Logger, VoxEngine

@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e):
    call = e.call
    for name in ("InfoReceived", "MessageReceived", "RtpStopped", "RtpResumed", "Disconnected"):
        call.on(f"Call.{name}")(lambda event: Logger.write(event))
    await call.answer()
    for number in (1, 2, 3):
        await call.say(f"Prompt number {number}.")
        await VoxEngine.sleep(5)
    await VoxEngine.sleep(300)
"""
DIALS = """
from runtime import AppEvents, CallEvents, Logger, VoxEngine

@VoxEngine.on(AppEvents.Started)
async def started():
    call = VoxEngine.callSIP("sip:bob@example.com", headers={"X-Order": "7"})
    outcome = await call.answered()
    Logger.write(f"{outcome.connected} {outcome.code}")
    if outcome:
        await call.ended()
    VoxEngine.terminate()
"""


@pytest.fixture(autouse=True)
def _listens(sim: Sim) -> None:
    sim.load_text(LISTENS)


# --- hearing --------------------------------------------------------------------------------------


async def test_hears_goes_on_from_what_was_heard_last(sim: Sim) -> None:
    caller = await sim.call()
    for number in (1, 2, 3):
        assert (await caller.hears("prompt")).what == f"Prompt number {number}."
    with pytest.raises(NotHeard, match="waited to hear 'prompt'"):
        await caller.hears("prompt")
    caller.hang_up()


async def test_hears_takes_a_pattern_and_finds_what_was_heard_before(sim: Sim) -> None:
    caller = await sim.call()
    await sim.advance(30)
    assert (await caller.hears(re.compile(r"number [23]"))).what == "Prompt number 2."
    caller.hang_up()


async def test_to_the_end_waits_for_the_last_word(sim: Sim) -> None:
    caller = await sim.call()
    one = await caller.hears("number 1", to_the_end=True)
    assert one.seconds == pytest.approx(1.06)
    assert trio.current_time() == one.end
    caller.hang_up()


async def test_a_wait_is_bounded_and_tells_what_was_heard_instead(sim: Sim) -> None:
    caller = await sim.call()
    with pytest.raises(NotHeard) as failure:
        await caller.hears("something else", within=3)
    assert trio.current_time() == 3
    assert "from 0.00 s to 3.00 s, in vain" in str(failure.value)
    assert "Prompt number 1." in str(failure.value)
    caller.hang_up()


async def test_a_wait_ends_with_the_call(sim: Sim) -> None:
    caller = await sim.call()
    await caller.connected()
    caller.hang_up()
    with pytest.raises(NotHeard, match="The call is over: 200 hung up"):
        await caller.hears("anything")
    assert trio.current_time() < 1


async def test_silence_can_be_asserted(sim: Sim) -> None:
    caller = await sim.call()
    await caller.hears("number 1", to_the_end=True)
    await caller.hears_nothing(seconds=4.9)
    with pytest.raises(NotHeard, match=r"should have heard nothing for 2 s[\s\S]*number 2"):
        await caller.hears_nothing(seconds=2)
    caller.hang_up()


# --- acting ---------------------------------------------------------------------------------------


async def test_keys_are_pressed_one_after_another_and_can_be_awaited(sim: Sim) -> None:
    caller = await sim.call()
    await caller.connected()
    start = trio.current_time()
    caller.press("12", gap=0.4)
    await caller.press("3")
    assert trio.current_time() - start == pytest.approx(1.2)
    caller.hang_up()


@pytest.mark.parametrize("keys", ["", "1a", "1 2"])
async def test_only_keys_can_be_pressed(sim: Sim, keys: str) -> None:
    caller = await sim.call()
    await caller.connected()
    with pytest.raises(ValueError, match="0-9"):
        caller.press(keys)
    caller.hang_up()


async def test_pressing_before_the_answer_is_a_mistake_in_the_test(sim: Sim) -> None:
    caller = await sim.call()
    with pytest.raises(RuntimeError, match="not connected yet"):
        caller.press("1")
    caller.hang_up()


async def test_holding_before_the_answer_is_a_mistake_in_the_test(sim: Sim) -> None:
    caller = await sim.call()
    with pytest.raises(RuntimeError, match=r"hold\(\)"):
        caller.hold()
    caller.hang_up()


async def test_infos_messages_and_lost_networks_reach_the_script(sim: Sim) -> None:
    caller = await sim.call()
    await caller.connected()
    caller.send_info("text/plain", "an info", {"X-A": "1", "Contact": "hidden"})
    caller.send_message("a message")
    caller.lose_network()
    await sim.advance(6)
    caller.regain_network()
    await sim.settle()
    caller.vanish()
    await sim.settle()
    kinds = [event.name for event in sim.events][-5:]
    assert kinds[-1] == "Call.Disconnected"
    assert {"Call.InfoReceived", "Call.MessageReceived"} < set(kinds) | {
        event.name for event in sim.events
    }
    assert [event.name for event in sim.events if "Rtp" in event.name] == [
        "Call.RtpStopped",
        "Call.RtpResumed",
    ]
    info = next(event for event in sim.events if event.name == "Call.InfoReceived")
    assert info.fields["headers"] == {"X-A": "1"}


async def test_hanging_up_twice_does_nothing(sim: Sim) -> None:
    caller = await sim.call()
    await caller.connected()
    caller.hang_up(cause=16)
    caller.hang_up()
    assert caller.wire == ["invited", "answered", "bye"]
    assert caller.end is not None
    assert caller.end.code == 16


async def test_cancelling_an_answered_call_is_a_mistake_in_the_test(sim: Sim) -> None:
    caller = await sim.call()
    await caller.connected()
    with pytest.raises(RuntimeError, match=r"use hang_up\(\)"):
        caller.cancel()
    caller.hang_up()


# --- being called ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "wire", "said"),
    [
        (answers(after=1, talks_for=2), ["invited", "180", "answered", "bye"], "True 200"),
        (answers(ring=False, talks_for=1), ["invited", "answered", "bye"], "True 200"),
        (busy(), ["invited", "rejected 486"], "False 486"),
        (rejects(404), ["invited", "rejected 404"], "False 404"),
        (rings(), ["invited", "180", "cancelled"], "False 408"),
        (silent(), ["invited", "cancelled"], "False 408"),
    ],
)
async def test_people_behave_as_their_script_says(
    sim: Sim, script: DialScript, wire: list[str], said: str
) -> None:
    sim.load_text(DIALS)
    sim.on_dial("sip:bob@*", script)
    await sim.start()
    await sim.happens("Application.Terminated", within=100)
    assert sim.callees[0].wire == wire
    assert sim.logs == [said]


async def test_without_a_script_a_phone_rings_and_nobody_answers(sim: Sim) -> None:
    sim.load_text(DIALS)
    await sim.start()
    await sim.happens("Application.Terminated", within=100)
    assert sim.callees[0].wire == ["invited", "180", "cancelled"]


async def test_a_refused_call_never_gets_to_a_phone(sim: Sim) -> None:
    sim.load_text(DIALS)
    sim.on_dial("*", refused(403))
    await sim.start()
    await sim.happens("Application.Terminated", within=100)
    assert sim.callees == []
    assert sim.logs == ["False 403"]


async def test_an_expected_callee_is_driven_by_the_test_and_knows_what_was_asked(
    sim: Sim,
) -> None:
    sim.load_text(DIALS)
    sim.on_dial("*", busy())
    bob = sim.expect_call("bob")
    await sim.start()
    request = await bob.invited()
    assert request.to == "sip:bob@example.com"
    assert request.headers == {"X-Order": "7"}
    bob.answer()
    await bob.connected()
    bob.hang_up()
    await sim.happens("Application.Terminated")


async def test_a_callee_who_was_not_called_says_so(sim: Sim) -> None:
    bob = sim.expect_call("bob")
    with pytest.raises(NotHeard, match="was not called yet"):
        bob.answer()
    with pytest.raises(NotHeard, match="The scenario never dialled it"):
        await bob.invited(within=1)
    assert not bob.is_connected
    sim.leave_open()


async def test_a_callee_who_has_not_answered_cannot_hang_up(sim: Sim) -> None:
    sim.load_text(DIALS)
    bob = sim.expect_call()
    await sim.start()
    await bob.invited()
    with pytest.raises(RuntimeError, match=r"use reject\(603\) or busy\(\)"):
        bob.hang_up()
    bob.answer()
    with pytest.raises(RuntimeError, match="has answered already"):
        bob.ring()
    bob.hang_up()
    bob.reject(603)


async def test_the_newest_script_for_a_number_counts(sim: Sim) -> None:
    sim.load_text(DIALS)
    sim.on_dial("*", busy())
    sim.on_dial("sip:bob@example.com", rejects(603))
    await sim.start()
    await sim.happens("Application.Terminated")
    assert sim.logs == ["False 603"]


CHANGES = """
from runtime import AppEvents, CallEvents, Logger, VoxEngine

@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e):
    call = e.call
    call.on(CallEvents.ReInviteReceived)(lambda c: Logger.write(f"{c.mimeType} {c.body.strip()}"))
    call.on(CallEvents.OnHold)(lambda: Logger.write("on hold"))
    call.on(CallEvents.OffHold)(lambda: Logger.write("off hold"))
    await call.answer()
"""


async def test_a_change_of_the_call_is_told_before_what_it_means(sim: Sim) -> None:
    sim.load_text(CHANGES)
    caller = await sim.call()
    await caller.connected()
    caller.hold()
    caller.resume()
    await sim.advance(1)
    assert sim.logs == [
        "application/sdp a=sendonly",
        "on hold",
        "application/sdp a=sendrecv",
        "off hold",
    ]
    caller.hang_up()
