"""Transfers between simulated people, with the scripts that the documentation shows."""

from __future__ import annotations

import pytest

from runtime.testing import NotHeard, Sim, SimCallee, busy

QUEUE = """
from runtime import AppEvents, CallEvents, Logger, VoxEngine

@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e):
    client = e.call
    client.answer()
    operator = VoxEngine.callSIP("sip:operator@example.com")
    VoxEngine.sendMediaBetween(client, operator)
    operator.handleBlindTransfer(True)

    @operator.on(CallEvents.BlindTransferRequested)
    async def transfer(e):
        Logger.write(f"asked for {e.transferTo} {dict(e.headers)}")
        colleague = VoxEngine.callSIP(f"sip:{e.transferTo}@example.com")
        outcome = await colleague.answered()
        if not outcome:
            operator.notifyBlindTransferFailed(outcome.code, outcome.reason)
            return
        VoxEngine.stopMediaBetween(client, operator)
        VoxEngine.sendMediaBetween(client, colleague)
        operator.notifyBlindTransferSuccess()
        operator.hangup()

    await client.ended()
    VoxEngine.terminate()
"""


async def _picks_up(phone: SimCallee) -> None:
    await phone.invited()
    phone.answer()
    await phone.connected()


async def test_an_operator_hands_the_client_to_a_colleague(sim: Sim) -> None:
    sim.load_text(QUEUE)
    operator = sim.expect_call("sip:operator@example.com")
    colleague = sim.expect_call("sip:bob@example.com")
    client = await sim.call()
    await _picks_up(operator)
    operator.transfer("sip:bob@example.com", {"X-Ticket": "7"})
    await _picks_up(colleague)
    assert (await operator.sees("transfer 200")).body == "OK"
    await operator.ended()
    client.says("Are you Bob?")
    await colleague.hears("Are you Bob?")
    assert "asked for bob {'X-Ticket': '7'}" in sim.logs
    client.hang_up()


async def test_a_colleague_who_is_busy_leaves_the_operator_with_the_client(sim: Sim) -> None:
    sim.load_text(QUEUE)
    operator = sim.expect_call("sip:operator@example.com")
    sim.on_dial("sip:bob@example.com", busy())
    client = await sim.call()
    await _picks_up(operator)
    operator.transfer("sip:bob@example.com")
    assert (await operator.sees("transfer 486")).body
    client.says("Still there?")
    await operator.hears("Still there?")
    client.hang_up()


SENDS_AWAY = """
from runtime import AppEvents, CallEvents, Logger, VoxEngine

@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e):
    call = e.call
    for name in ("TransferComplete", "TransferFailed", "Disconnected"):
        call.on(f"Call.{name}")(lambda event: Logger.write(event))
    await call.answer()
    {transfer}
    await call.ended()
    VoxEngine.terminate()
"""


async def test_a_caller_who_is_sent_to_a_number_leaves_the_scenario(sim: Sim) -> None:
    transfer = 'call.transferTo(to="sip:bob@example.com", headers={"X-Ticket": "7"})'
    sim.load_text(SENDS_AWAY.replace("{transfer}", transfer))
    caller = await sim.call()
    step = await caller.sees("refer")
    assert (step.by, step.body, step.headers) == ("us", "sip:bob@example.com", {"X-Ticket": "7"})
    caller.accept_transfer()
    assert (await caller.ended()).by == "us"
    complete, gone = sim.logs
    assert "TransferComplete" in complete
    assert "role='transferor'" in complete
    assert "transferred" in gone


async def test_a_caller_who_does_not_transfer_stays(sim: Sim) -> None:
    transfer = 'call.transferTo("sip:bob@example.com")'
    sim.load_text(SENDS_AWAY.replace("{transfer}", transfer))
    caller = await sim.call()
    await caller.sees("refer")
    caller.refuse_transfer(405, "Method Not Allowed")
    caller.says("And now?")
    caller.hang_up()
    await caller.ended()
    assert "code=405" in sim.logs[0]
    assert "Method Not Allowed" in sim.logs[0]


async def test_a_transfer_that_nobody_answers_fails_after_32_s(sim: Sim) -> None:
    transfer = 'call.transferTo("sip:bob@example.com")'
    sim.load_text(SENDS_AWAY.replace("{transfer}", transfer) + "\n")
    caller = await sim.call()
    await caller.sees("refer")
    with pytest.raises(NotHeard):
        await caller.ended(within=32.5)
    assert "code=408" in sim.logs[0]
    caller.hang_up()


async def test_two_calls_are_joined_without_us(sim: Sim) -> None:
    sim.load_text(
        SENDS_AWAY.replace(
            "{transfer}",
            'other = VoxEngine.callSIP("sip:bob@example.com")\n'
            "    await other.answered()\n"
            "    call.transferTo(other)",
        )
    )
    bob = sim.expect_call("sip:bob@example.com")
    caller = await sim.call()
    await _picks_up(bob)
    assert (await caller.sees("refer")).body == "sip:bob@example.com"
    caller.accept_transfer()
    bob.hang_up()
    await caller.ended()
    assert "TransferComplete" in sim.logs[0]


async def test_a_request_for_a_transfer_that_nobody_handles_is_refused(sim: Sim) -> None:
    sim.load_text(SENDS_AWAY.replace("{transfer}", "call.say('Hello')"))
    caller = await sim.call()
    await caller.hears("Hello")
    caller.transfer("sip:bob@example.com")
    assert "handleBlindTransfer" in (await caller.sees("rejected 603")).body
    assert caller.is_connected
    caller.hang_up()


async def test_another_phone_takes_the_place_of_the_caller(sim: Sim) -> None:
    script = "call.handleBlindTransfer(True)\n    call.say('Hello')"
    sim.load_text(SENDS_AWAY.replace("{transfer}", script))
    caller = await sim.call()
    await caller.hears("Hello")
    caller.hand_over()
    await caller.sees("replaced")
    caller.hang_up()
    await caller.ended()
    complete, _ = sim.logs
    assert "role='target'" in complete


async def test_no_other_phone_takes_the_place_of_the_caller_unasked(sim: Sim) -> None:
    sim.load_text(SENDS_AWAY.replace("{transfer}", "call.say('Hello')"))
    caller = await sim.call()
    await caller.hears("Hello")
    caller.hand_over()
    assert "handleBlindTransfer" in (await caller.sees("rejected 603")).body
    caller.hang_up()


async def test_people_say_what_they_cannot_do(sim: Sim) -> None:
    sim.load_text(SENDS_AWAY.replace("{transfer}", "call.say('Hello')"))
    caller = await sim.call()
    with pytest.raises(RuntimeError, match="not connected"):
        caller.transfer("sip:bob@example.com")
    await caller.hears("Hello")
    with pytest.raises(RuntimeError, match='sees\\("refer"\\)'):
        caller.accept_transfer()
    caller.hang_up()
