"""call.reInvite(): what the peer is asked, and how the script is told of its answer."""

from __future__ import annotations

import pytest

from runtime.testing import Sim
from tests.testing.rules.scripts import script

BODY = """
@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e):
    call = e.call
    for event in (CallEvents.ReInviteAccepted, CallEvents.ReInviteRejected, CallEvents.OnHold):
        call.on(event)(tell)
    await call.answer()
    {then}

def tell(e):
    told = e.name, getattr(e, "mimeType", ""), getattr(e, "body", ""), getattr(e, "headers", "")
    Logger.write(f"{{told}} {{e.call is not None}} {{e.id == e.call.id()}}")
"""


def playing(then: str) -> str:
    return script(BODY.format(then=then.replace("\n", "\n    ")))


async def test_a_hold_of_the_script_silences_the_caller_until_it_ends(sim: Sim) -> None:
    sim.load_text(
        playing(
            'call.say("one two three four five six seven eight nine ten " * 3)\n'
            "await VoxEngine.sleep(2)\n"
            'await call.reInvite({"X-Why": "lunch"}, "application/sdp", "a=inactive\\r\\n")\n'
            "await VoxEngine.sleep(2)\n"
            'await call.reInvite(body="a=sendrecv")\n'
        )
    )
    caller = await sim.call()
    await sim.advance(6)
    spans = [
        (round(one.start), None if one.end is None else round(one.end)) for one in caller.heard
    ]
    assert spans == [(0, 2), (4, None)]
    asked = [step for step in caller.leg.wire if step.what == "reinvite"]
    assert [(step.body, dict(step.headers)) for step in asked] == [
        ("a=inactive\r\n", {"X-Why": "lunch"}),
        ("a=sendrecv\r\n", {}),
    ]
    assert sim.logs == [
        "('Call.ReInviteAccepted', 'application/sdp', 'a=inactive\\r\\n', {}) True True",
        "('Call.ReInviteAccepted', 'application/sdp', 'a=sendrecv\\r\\n', {}) True True",
    ]
    caller.hang_up()


async def test_a_peer_that_refuses_leaves_everything_as_it_was(sim: Sim) -> None:
    sim.load_text(
        playing(
            'call.say("one two three four five six seven eight nine ten " * 3)\n'
            "await VoxEngine.sleep(2)\n"
            'call.reInvite(body="a=inactive")\n'
        )
    )
    caller = await sim.call()
    await caller.connected()
    caller.refuse_changes(403, "Forbidden")
    await sim.advance(4)
    assert sim.logs == ["('Call.ReInviteRejected', '', '', {}) True True"]
    assert len(caller.heard) == 1
    assert "refused 403" in caller.wire
    caller.accept_changes()
    caller.hang_up()


@pytest.mark.parametrize(
    ("then", "told"),
    [
        ("call.hangup()\ncall.reInvite()", "has ended"),
        ("VoxEngine.callSIP('sip:a@b.example').reInvite()", "the call is not connected"),
    ],
)
async def test_what_is_not_connected_cannot_be_changed(sim: Sim, then: str, told: str) -> None:
    sim.load_text(playing(then))
    caller = await sim.call()
    await sim.advance(1)
    caller.hang_up()
    await sim.advance(70)
    assert any(told in line for line in sim.logs), sim.logs


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("None, 'application/json', '{}'", "mimeType must be 'application/sdp'"),
        ("None, 'application/sdp', 'a' * 9000", "9000 bytes, the limit is 8192"),
    ],
)
async def test_what_cannot_be_asked_is_refused_at_its_line(
    sim: Sim, arguments: str, told: str
) -> None:
    then = f"try:\n    call.reInvite({arguments})\nexcept ValueError as exc:\n    Logger.write(exc)"
    sim.load_text(playing(then))
    caller = await sim.call()
    await sim.advance(1)
    caller.hang_up()
    [line] = sim.logs
    assert told in line
