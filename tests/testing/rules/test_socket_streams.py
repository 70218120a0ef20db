"""Several streams to one WebSocket, told apart by their tags (voxengine.md M1)."""

from __future__ import annotations

import pytest

from runtime.testing import Sim, SimCallee, SimCaller, SimSocket
from tests.testing.rules.scripts import script

BOTH = """
    socket = VoxEngine.createWebSocket("wss://ai.example.com/listen")
    @on_call
    async def alerting(e):
        agent = VoxEngine.callPSTN("+441", "+442")
        VoxEngine.sendMediaBetween(e.call, agent)
        e.call.sendMediaTo(socket, {"tag": "client", "encoding": WebSocketAudioEncoding.ULAW})
        agent.sendMediaTo(socket, {"tag": AGENT})
        agent.addEventListener(CallEvents.Connected, lambda: e.call.answer())
        e.call.handleTones(True)
        e.call.addEventListener(CallEvents.ToneReceived, lambda t: PRESSED)
"""


async def joined(
    sim: Sim, *, agent: str = "agent", pressed: str = "None", late: bool = False
) -> tuple[SimCaller, SimCallee, SimSocket]:
    """A caller and an agent, both heard by one server. `late`: it opens after they have met."""
    source = BOTH.replace("AGENT", repr(agent)).replace("PRESSED", pressed)
    if late:
        source = source.replace("    socket = VoxEngine", "    later = lambda: VoxEngine")
        source = source.replace("    async def alerting(e):", "    async def alerting(e):\n        "
                                "global socket\n        socket = later()")  # fmt: skip
    sim.load_text(script(source))
    server = sim.expect_socket()
    operator = sim.expect_call("+441")
    caller = await sim.call()
    await operator.invited()
    operator.answer()
    await caller.connected()
    await server.opened()
    return caller, operator, server


@pytest.mark.parametrize("late", [False, True])
async def test_each_tag_is_a_stream_of_its_own(sim: Sim, late: bool) -> None:
    caller, operator, server = await joined(sim, late=late)
    caller.says("where is my tea")
    await operator.says("on its way")
    await server.hears("where is my tea", tag="client")
    await server.hears("on its way", tag="agent")
    assert {(each.tag, each.encoding.name) for each in server.streams} == {
        ("client", "ULAW"),
        ("agent", "PCM8"),
    }
    operator.hang_up()
    caller.hang_up()


async def test_one_tag_has_one_source_the_latest(sim: Sim) -> None:
    caller, operator, server = await joined(sim, agent="client")
    caller.says("unheard")
    await operator.says("heard")
    await server.hears("heard", tag="client")
    assert [one.what for one in server.heard] == ["heard"]
    operator.hang_up()
    caller.hang_up()


async def test_stop_media_to_ends_the_streams_of_its_source_alone(sim: Sim) -> None:
    caller, operator, server = await joined(sim, pressed="e.call.stopMediaTo(socket)")
    caller.press("1")
    await sim.advance(1)
    caller.says("unheard")
    await operator.says("heard")
    await server.hears("heard", tag="agent")
    assert [one.what for one in server.heard] == ["heard"]
    operator.hang_up()
    caller.hang_up()


async def test_an_idle_stream_takes_the_next_tag(sim: Sim) -> None:
    again = '(e.call.stopMediaTo(socket), e.call.sendMediaTo(socket, tag="again"))'
    caller, operator, server = await joined(sim, pressed=again)
    for _ in range(3):
        await caller.press("1")
        await sim.advance(1)
    caller.says("still there")
    await server.hears("still there", tag="again")
    await sim.settle()
    assert [each.tag for each in server.streams] == ["client", "agent", "again", "again", "again"]
    operator.hang_up()
    caller.hang_up()


async def test_a_fifth_tag_is_refused(sim: Sim) -> None:
    more = '[e.call.sendMediaTo(socket, tag=f"t{n}") for n in range(3)]'
    caller, operator, _ = await joined(sim, pressed=more)
    caller.press("1")
    await sim.advance(1)
    assert sim.logs == [
        "Call.sendMediaTo() failed: 4 streams with other tags go to this socket already; stop one "
        "with stopMediaTo(), or open another socket (E2405)"
    ]
    operator.hang_up()
    caller.hang_up()


async def test_without_a_leg_for_it_a_stream_is_refused_and_the_others_go_on(sim: Sim) -> None:
    sim.media.capacity = 4
    more = 'e.call.sendMediaTo(socket, tag="third")'
    caller, operator, server = await joined(sim, pressed=more)
    caller.press("1")
    await sim.advance(1)
    caller.says("heard")
    await server.hears("heard", tag="client")
    refusals = [str(row.what) for row in sim.timeline if row.kind == "refusal"]
    assert any("no way for another stream" in each for each in refusals)
    operator.hang_up()
    caller.hang_up()
