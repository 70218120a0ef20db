"""callConference in tests: the shared session is somebody whom the test expects."""

from __future__ import annotations

from runtime.testing import Sim
from tests.testing.rules.scripts import script


async def test_a_caller_is_joined_with_a_conference_by_its_name(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        def alerting(e):
            room = VoxEngine.callConference("room 7", e.callerid, "Ann", {"X-Seat": "3"})
            Logger.write(f"{room.number()} {room.clientType()}")
            VoxEngine.easyProcess(e.call, room)
        """)
    )
    room = sim.expect_call("room 7")
    caller = await sim.call()
    await room.invited()
    assert (room.request.kind, room.request.headers) == ("conference", {"X-Seat": "3"})
    assert (room.request.callerid, room.request.display_name) == ("+442079460001", "Ann")
    room.answer()
    await caller.connected()
    room.says("welcome to the room")
    await caller.hears("welcome to the room")
    caller.hang_up()
    await room.ended()
    assert sim.logs == ["room 7 sip"]
