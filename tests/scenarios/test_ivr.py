"""scenarios/ivr.py: the menu, the colleague, the message, and callers who do not play along."""

from __future__ import annotations

from pathlib import Path

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
)
from runtime.testing.dialer import DialScript, Refusal
from tests.scenarios.configured import configured

COLLEAGUE = "+442079460999"


@pytest.fixture(autouse=True)
def _ivr(sim: Sim) -> None:
    sim.load("module:scenarios.ivr")


@pytest.fixture
def with_colleague(sim: Sim, tmp_path: Path) -> None:
    sim.load(configured(tmp_path, "ivr", colleague=COLLEAGUE, ring_for=20))


async def at_the_menu(sim: Sim) -> SimCaller:
    caller = await sim.call()
    await caller.hears("Press 1")
    return caller


async def leaves_a_message(caller: SimCaller, text: str) -> None:
    await caller.hears("after the tone")
    await caller.hears("beep.wav", to_the_end=True)
    await caller.says(text)
    caller.press("#")
    await caller.hears("Goodbye")
    await caller.ended()


async def test_one_reads_the_opening_hours_and_says_goodbye(sim: Sim) -> None:
    caller = await at_the_menu(sim)
    caller.press("1")
    await caller.hears("You pressed 1. We are open", to_the_end=True)
    await caller.hears("Goodbye", to_the_end=True)
    await caller.ended()
    assert sim.now < 20


async def test_a_key_interrupts_the_menu(sim: Sim) -> None:
    caller = await at_the_menu(sim)
    await trio.sleep(1)
    await caller.press("1")
    menu = caller.heard[0]
    assert menu.seconds == pytest.approx(1.1)
    await caller.ended()


async def test_the_whole_call_is_recorded_in_stereo(sim: Sim) -> None:
    caller = await at_the_menu(sim)
    await caller.says("Hmm.")
    caller.press("1")
    await caller.ended()
    await sim.settle()
    (recording,) = sim.recordings
    assert recording.form.stereo
    assert [one.what for one in recording.left] == ["Hmm."]
    assert [one.kind for one in recording.right] == ["speech", "speech", "speech"]
    assert recording.finished


async def test_wrong_keys_and_silence_are_told_apart(sim: Sim) -> None:
    caller = await at_the_menu(sim)
    caller.press("9")
    await caller.hears("9 is not on the menu", to_the_end=True)
    silence = trio.current_time()
    again = await caller.hears("I did not hear a key")
    assert again.start - silence == pytest.approx(6)
    caller.press("1")
    await caller.hears("You pressed 1")
    await caller.ended()


async def test_a_caller_who_never_presses_is_let_go(sim: Sim) -> None:
    caller = await at_the_menu(sim)
    await caller.hears("I did not hear a key")
    await caller.hears("I did not hear a key")
    await caller.hears("Goodbye")
    await caller.ended()


async def test_without_a_colleague_two_takes_a_message(sim: Sim) -> None:
    caller = await at_the_menu(sim)
    caller.press("2")
    await leaves_a_message(caller, "This is Ann.")
    assert sim.callees == []
    assert any(recording.contains("This is Ann.") for recording in sim.recordings)


async def test_three_takes_a_message(sim: Sim) -> None:
    caller = await at_the_menu(sim)
    caller.press("3")
    await leaves_a_message(caller, "This is Bob.")
    message = sim.recordings[1]
    assert [one.what for one in message.mix] == ["This is Bob."]


@pytest.mark.usefixtures("with_colleague")
async def test_the_caller_hears_ringback_until_the_colleague_answers(sim: Sim) -> None:
    colleague = sim.expect_call(COLLEAGUE)
    caller = await at_the_menu(sim)
    caller.press("2")
    request = await colleague.invited()
    assert request.callerid == "+442079460001"
    colleague.ring()
    await caller.hears("ringback US")
    await trio.sleep(5)
    colleague.answer()
    await sim.settle()
    assert caller.hears_now == []
    await colleague.says("Support, hello.")
    await caller.hears("Support, hello.")
    caller.says("Hello, it is Ann.")
    await colleague.hears("Hello, it is Ann.")
    colleague.hang_up()
    await caller.hears("Goodbye")
    await caller.ended()


@pytest.mark.usefixtures("with_colleague")
async def test_early_media_of_the_colleague_replaces_our_ringback(sim: Sim) -> None:
    colleague = sim.expect_call(COLLEAGUE)
    caller = await at_the_menu(sim)
    caller.press("2")
    await colleague.invited()
    await caller.hears("ringback US")
    colleague.early_media()
    await colleague.says("The number you have called is being forwarded.")
    await caller.hears("being forwarded")
    colleague.answer()
    await colleague.connected()
    caller.hang_up()
    await colleague.ended()


async def _rings_on(callee: SimCallee) -> None:
    callee.ring()
    await trio.sleep_forever()


@pytest.mark.usefixtures("with_colleague")
async def test_a_colleague_who_does_not_answer_is_given_up(sim: Sim) -> None:
    sim.on_dial("*", _rings_on)
    caller = await at_the_menu(sim)
    caller.press("2")
    await leaves_a_message(caller, "Call me.")
    (colleague,) = sim.callees
    assert colleague.wire == ["invited", "180", "cancelled"]
    rang, cancelled = colleague.wire_log[0], colleague.wire_log[2]
    assert cancelled.t - rang.t == pytest.approx(20)


@pytest.mark.usefixtures("with_colleague")
@pytest.mark.parametrize("script", [busy(), rejects(603), rejects(404), refused(403)])
async def test_when_the_colleague_cannot_be_had_a_message_is_taken(
    sim: Sim, script: DialScript | Refusal
) -> None:
    sim.on_dial(COLLEAGUE, script)
    caller = await at_the_menu(sim)
    caller.press("2")
    await leaves_a_message(caller, "Nobody there?")
    assert any("nobody answered" in line for line in sim.logs)


@pytest.mark.usefixtures("with_colleague")
async def test_a_caller_who_gives_up_while_it_rings_ends_that_call_too(sim: Sim) -> None:
    colleague = sim.expect_call(COLLEAGUE)
    caller = await at_the_menu(sim)
    caller.press("2")
    await colleague.invited()
    colleague.ring()
    await trio.sleep(3)
    caller.hang_up()
    ended = await colleague.ended()
    assert colleague.wire[-1] == "cancelled"
    assert ended.by == "us"


@pytest.mark.usefixtures("with_colleague")
async def test_a_sip_address_is_called_as_such(sim: Sim, tmp_path: Path) -> None:
    sim.load(configured(tmp_path, "ivr", colleague="sip:ann@192.0.2.7"))
    sim.on_dial("sip:ann@*", answers(after=1, says="Ann here.", talks_for=1))
    caller = await at_the_menu(sim)
    caller.press("2")
    await caller.hears("Ann here.")
    await caller.ended()
    assert [request.kind for request in sim.dialer.requests] == ["sip"]


@pytest.mark.parametrize("after_s", [0.01, 0.02, 0.5, 3.0, 6.5, 9.0, 15.0, 25.0])
async def test_a_silent_caller_may_hang_up_at_any_time(sim: Sim, after_s: float) -> None:
    caller = await sim.call()
    await trio.sleep(after_s)
    caller.hang_up()
    await caller.ended()
    await sim.settle()
    assert sim.sessions == []
    assert all(recording.finished for recording in sim.recordings)


async def test_of_several_colleagues_the_first_who_answers_is_joined(
    sim: Sim, tmp_path: Path
) -> None:
    sim.load(configured(tmp_path, "ivr", colleague=[COLLEAGUE, "sip:bob@example.com"]))
    one, other = sim.expect_call(COLLEAGUE), sim.expect_call("sip:bob@example.com")
    caller = await at_the_menu(sim)
    caller.press("2")
    await one.invited()
    await other.invited()
    other.answer()
    await one.ended()
    other.says("hello")
    await caller.hears("hello")
    caller.hang_up()
    await other.ended()
