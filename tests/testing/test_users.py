"""callUser and callers that are users, on simulated legs."""

from __future__ import annotations

import pytest

from runtime.testing import Sim, answers, busy

CALLS_BOB = """
from runtime import AppEvents, CallEvents, Logger, VoxEngine


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e):
    Logger.write(f"{e.call.clientType()} {e.callerid}")
    other = VoxEngine.callUser(username="bob", callerid=e.callerid)
    other.on(CallEvents.Failed)(lambda f: Logger.write(f"failed {f.code} {f.reason}"))
    if await other.answered():
        await e.call.answer()
        VoxEngine.sendMediaBetween(e.call, other)
        e.call.on(CallEvents.Disconnected)(VoxEngine.terminate)
    else:
        e.call.hangup()
"""


@pytest.mark.parametrize(
    ("users", "failure"),
    [
        ({"bob": False}, "failed 480 user 'bob' is not registered"),
        (
            {"ann": True},
            "failed 404 no user 'bob' is configured in [users], or set for this application",
        ),
    ],
)
async def test_a_user_that_cannot_be_reached_fails_at_once(
    sim: Sim, users: dict[str, bool], failure: str
) -> None:
    sim.load_text(CALLS_BOB)
    for name, online in users.items():
        sim.set_user(name, online=online)
    caller = await sim.call()
    await caller.over()
    assert failure in sim.logs


async def test_a_user_that_is_online_rings_and_answers(sim: Sim) -> None:
    sim.load_text(CALLS_BOB)
    sim.set_user("bob")
    sim.on_dial("bob", answers(after=3, talks_for=5))
    caller = await sim.call(user="ann")
    await caller.connected()
    assert "user ann" in sim.logs
    caller.hang_up()


async def test_a_user_that_is_online_may_be_busy(sim: Sim) -> None:
    sim.load_text(CALLS_BOB)
    sim.set_user("bob")
    sim.on_dial("bob", busy())
    caller = await sim.call("100", "4711")
    await caller.over()
    assert "sip 4711" in sim.logs
    assert any(line.startswith("failed 486") for line in sim.logs)
