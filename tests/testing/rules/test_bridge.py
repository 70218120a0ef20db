"""bridge(a, b): two calls, until one of them ends."""

from __future__ import annotations

import pytest

from runtime.testing import Sim, SimCallee, SimCaller
from tests.testing.rules.scripts import script

JOINS = """
    @on_call
    async def alerting(e):
        bob = VoxEngine.callSIP("sip:bob@example.com")
        await e.call.answer()
        result = await bridge(e.call, bob OPTIONS)
        who = {None: "nobody", e.call: "caller", bob: "bob"}[result.by]
        why = f"{result.event.name} {result.event.reason}" if result.event else ""
        Logger.write(f"{result.reason} by {who} after {result.duration:g} s {why}".rstrip())
        for call in (e.call, bob):
            if call.state() == "CONNECTED":
                call.say("you are alone")
"""


async def joined(sim: Sim, options: str = "") -> tuple[SimCaller, SimCallee]:
    sim.load_text(script(JOINS.replace(" OPTIONS", options)))
    bob = sim.expect_call()
    caller = await sim.call()
    await caller.connected()
    await bob.invited()
    return caller, bob


async def test_both_hear_each_other_until_one_leaves_and_the_script_learns_who(sim: Sim) -> None:
    caller, bob = await joined(sim)
    await sim.advance(2)
    bob.answer()
    caller.says("hello bob")
    await bob.hears("hello bob")
    bob.says("hello caller")
    await caller.hears("hello caller")
    await sim.advance(10 - (sim.now - 2))
    bob.hang_up()
    await caller.hears("you are alone")
    assert len(sim.logs) == 1
    assert sim.logs[0].startswith("call_ended by bob after ")
    assert sim.logs[0].endswith(" s Call.Disconnected hung up")
    caller.hang_up()


async def test_the_duration_is_counted_from_when_both_were_connected(sim: Sim) -> None:
    caller, bob = await joined(sim)
    await sim.advance(7)
    bob.answer()
    await bob.connected()
    await sim.advance(30)
    caller.hang_up()
    await bob.hears("you are alone")
    assert sim.logs == ["call_ended by caller after 30 s Call.Disconnected hung up"]
    bob.hang_up()


async def test_a_call_that_never_connects_ends_it(sim: Sim) -> None:
    caller, bob = await joined(sim)
    bob.busy()
    await caller.hears("you are alone")
    assert sim.logs == ["call_ended by bob after 0 s Call.Failed Busy Here"]
    caller.hang_up()


@pytest.mark.parametrize("first", ["caller", "bob"])
async def test_with_hangup_the_other_goes_too(sim: Sim, first: str) -> None:
    caller, bob = await joined(sim, ", hangup=True")
    bob.answer()
    await bob.connected()
    {"caller": caller, "bob": bob}[first].hang_up()
    await caller.ended()
    await bob.ended()
    await sim.settle()
    assert sim.logs[0].startswith(f"call_ended by {first}")


async def test_a_time_out_parts_the_two(sim: Sim) -> None:
    caller, bob = await joined(sim, ", timeout=20")
    bob.answer()
    await bob.connected()
    await sim.advance(21)
    assert sim.logs == ["timeout by nobody after 20 s"]
    await caller.hears("you are alone")
    await bob.hears("you are alone")
    caller.hang_up()
    bob.hang_up()


async def test_a_time_out_with_hangup_ends_both_calls_without_anybody_waiting(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        def alerting(e):
            e.call.answer()
            bridge(e.call, VoxEngine.callSIP("sip:bob@example.com"), timeout=5, hangup=True)
        """)
    )
    bob = sim.expect_call()
    caller = await sim.call()
    await bob.invited()
    bob.answer()
    await caller.ended()
    await bob.ended()
    assert sim.now < 6


async def test_stop_parts_the_two_and_both_go_on(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        async def alerting(e):
            await e.call.answer()
            bob = VoxEngine.callSIP("sip:bob@example.com")
            await bob.answered()
            joined = bridge(e.call, bob)
            setTimeout(joined.stop, 3000)
            Logger.write((await joined).reason)
            joined.stop()
            again = await bridge(e.call, bob)
            Logger.write(again.reason)
            over = await bridge(e.call, bob)
            Logger.write(f"{over.reason} {over.by is e.call}")
        """)
    )
    bob = sim.expect_call()
    caller = await sim.call()
    await bob.invited()
    bob.answer()
    await caller.connected()
    await sim.advance(4)
    assert sim.logs == ["stopped"]
    caller.says("still there?")
    await bob.hears("still there?")
    caller.hang_up()
    await bob.connected()
    await sim.settle()
    assert sim.logs == ["stopped", "call_ended", "call_ended True"]
    bob.hang_up()


async def test_a_handler_of_the_call_that_ends_may_finish_its_work(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        def alerting(e):
            bob = VoxEngine.callSIP("sip:bob@example.com")
            @e.call.on(CallEvents.Connected)
            async def connected():
                result = await bridge(e.call, bob, hangup=True)
                await VoxEngine.sleep(5)
                Logger.write(f"{result.by is e.call}, and five seconds later")
            e.call.answer()
        """)
    )
    bob = sim.expect_call()
    caller = await sim.call()
    await bob.invited()
    await caller.connected()
    bob.answer()
    await bob.connected()
    caller.hang_up()
    await bob.ended()
    await sim.advance(6)
    assert sim.logs == ["True, and five seconds later"]


async def test_a_wait_that_is_given_up_leaves_the_bridge_alone(sim: Sim) -> None:
    sim.load_text(
        script("""
        import trio
        @on_call
        async def alerting(e):
            await e.call.answer()
            joined = bridge(e.call, VoxEngine.callSIP("sip:bob@example.com"))
            with trio.move_on_after(2):
                await joined
            Logger.write(f"given up, {joined.done}")
            Logger.write((await joined).reason)
        """)
    )
    bob = sim.expect_call()
    caller = await sim.call()
    await bob.invited()
    bob.answer()
    await sim.advance(3)
    caller.says("hello")
    await bob.hears("hello")
    bob.hang_up()
    await sim.settle()
    assert sim.logs == ["given up, False", "call_ended"]
    caller.hang_up()


async def test_a_script_that_ends_its_session_at_the_end_of_a_call_is_left_to_it(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        def alerting(e):
            e.call.addEventListener(CallEvents.Disconnected, VoxEngine.terminate)
            e.call.answer()
            bridge(e.call, VoxEngine.callSIP("sip:bob@example.com"), hangup=True)
        """)
    )
    bob = sim.expect_call()
    caller = await sim.call()
    await bob.invited()
    bob.answer()
    await bob.connected()
    caller.hang_up()
    await bob.ended()
    assert sim.logs == []
