"""Calls that are passed on: a trunk is told which number did it (RFC 5806), if the script asks."""

from __future__ import annotations

import pytest

from runtime.testing import Sim

FORWARDS = """
from runtime import VoxEngine

VoxEngine.forwardCallToPSTN(lambda number: "+44" + number, None, {options})
"""


@pytest.mark.parametrize(
    ("options", "told"), [({"followDiversion": True}, "100"), ({"followDiversion": False}, "")]
)
async def test_the_number_that_the_caller_dialled_passed_the_call_on(
    sim: Sim, options: dict[str, bool], told: str
) -> None:
    sim.load_text(FORWARDS.replace("{options}", repr(options)))
    callee = sim.expect_call("+44100")
    caller = await sim.call("100")
    request = await callee.invited()
    assert request.diverted_from == told
    callee.answer()
    await caller.connected()
    caller.hang_up()
    await callee.ended()
