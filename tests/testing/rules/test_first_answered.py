"""first_answered([...]): parallel dialling."""

from __future__ import annotations

from runtime.testing import Sim, SimCallee, SimCaller, answers, busy, rejects, silent
from tests.testing.rules.scripts import script

RINGS = """
    @on_call
    async def alerting(e):
        await e.call.answer()
        calls = [VoxEngine.callSIP(f"sip:{name}@example.com") for name in ("ann", "bob", "cid")]
        try:
            agent = await first_answered(calls OPTIONS)
        except NobodyAnswered as exc:
            Logger.write(exc)
            Logger.write([outcome.code for outcome in exc.outcomes.values()])
            await e.call.say("nobody is there")
            e.call.hangup()
        else:
            Logger.write(agent.number())
            await bridge(e.call, agent, hangup=True)
"""


async def ringing(sim: Sim, options: str = "") -> tuple[SimCaller, list[SimCallee]]:
    sim.load_text(script(RINGS.replace(" OPTIONS", options)))
    people = [sim.expect_call(f"sip:{name}@example.com") for name in ("ann", "bob", "cid")]
    caller = await sim.call()
    for each in people:
        await each.invited()
        each.ring()
    return caller, people


async def test_the_first_that_answers_stays_and_the_others_stop_ringing(sim: Sim) -> None:
    caller, (ann, bob, cid) = await ringing(sim)
    await sim.advance(3)
    bob.answer()
    await bob.connected()
    assert "cancelled" in [*ann.wire, *cid.wire]
    await ann.ended()
    await cid.ended()
    bob.says("hello")
    await caller.hears("hello")
    assert sim.logs == ["sip:bob@example.com"]
    caller.hang_up()
    await bob.ended()


async def test_of_two_that_answer_at_once_one_is_let_go(sim: Sim) -> None:
    caller, (ann, bob, cid) = await ringing(sim)
    ann.answer()
    cid.answer()
    await caller.connected()
    await bob.ended()
    await sim.advance(1)
    assert len(sim.logs) == 1
    assert [ann.is_connected, cid.is_connected].count(True) == 1
    caller.hang_up()
    await sim.settle()


async def test_one_that_fails_leaves_the_others_ringing(sim: Sim) -> None:
    caller, (ann, bob, cid) = await ringing(sim)
    ann.busy()
    await ann.ended()
    await sim.advance(2)
    cid.answer()
    await cid.connected()
    await bob.ended()
    assert sim.logs == ["sip:cid@example.com"]
    caller.hang_up()
    await cid.ended()


async def test_when_all_fail_the_error_says_why_each_did(sim: Sim) -> None:
    sim.load_text(script(RINGS.replace(" OPTIONS", "")))
    sim.on_dial("sip:ann@example.com", busy())
    sim.on_dial("sip:bob@example.com", rejects(603, "Decline"))
    sim.on_dial("sip:cid@example.com", rejects(404, "Not Found"))
    caller = await sim.call()
    await caller.hears("nobody is there")
    await caller.ended()
    assert sim.logs == [
        "first_answered(): nobody answered: sip:ann@example.com 486 Busy Here; "
        "sip:bob@example.com 603 Decline; sip:cid@example.com 404 Not Found",
        "[486, 603, 404]",
    ]


async def test_a_time_out_ends_all_of_them(sim: Sim) -> None:
    sim.load_text(script(RINGS.replace(" OPTIONS", ", timeout=15")))
    sim.on_dial("sip:ann@example.com", busy())
    sim.on_dial("sip:bob@example.com", silent())
    caller = await sim.call()
    await caller.hears("nobody is there", within=16)
    await caller.ended()
    assert 15 <= sim.now < 20
    assert sim.logs[-1] == "[486, 408, 408]"
    assert "sip:cid@example.com 408 not answered within 15 s" in sim.logs[0]


async def test_a_wait_that_is_given_up_leaves_nobody_ringing(sim: Sim) -> None:
    sim.load_text(
        script("""
        import trio
        @on_call
        async def alerting(e):
            await e.call.answer()
            calls = [VoxEngine.callSIP(f"sip:{name}@example.com") for name in ("ann", "bob")]
            race = first_answered(calls)
            with trio.move_on_after(4):
                await race
            Logger.write("given up")
            try:
                await race
            except NobodyAnswered as exc:
                Logger.write([outcome.code for outcome in exc.outcomes.values()])
        """)
    )
    ann, bob = sim.expect_call(), sim.expect_call()
    caller = await sim.call()
    await ann.ended()
    await bob.ended()
    assert 4 <= sim.now < 5
    await sim.settle()
    assert sim.logs == ["given up", "[487, 487]"]
    caller.hang_up()


async def test_early_media_of_the_first_that_has_some_is_heard_and_then_of_the_next(
    sim: Sim,
) -> None:
    caller, (ann, bob, cid) = await ringing(sim, ", earlyMedia=e.call")
    ann.early_media()
    ann.says("you are being transferred", seconds=60)
    await caller.hears("you are being transferred")
    bob.early_media()
    bob.says("please wait", seconds=60)
    await sim.advance(1)
    assert caller.hears_now == ["you are being transferred"]
    ann.busy()
    await caller.hears("please wait")
    cid.answer()
    await cid.connected()
    cid.says("this is cid")
    await caller.hears("this is cid")
    await bob.ended()
    caller.hang_up()
    await cid.ended()


async def test_a_call_that_is_connected_already_wins_at_once(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        async def alerting(e):
            ann = VoxEngine.callSIP("sip:ann@example.com")
            await ann.answered()
            bob = VoxEngine.callSIP("sip:bob@example.com")
            Logger.write((await first_answered([bob, ann])).number())
            VoxEngine.terminate()
        """)
    )
    sim.on_dial("sip:ann@example.com", answers())
    await (await sim.call()).ended()
    assert sim.logs == ["sip:ann@example.com"]


async def test_a_session_that_ends_meanwhile_ends_the_wait_quietly(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        async def alerting(e):
            setTimeout(VoxEngine.terminate, 3000)
            try:
                await first_answered([VoxEngine.callSIP("sip:ann@example.com")], timeout=10)
            finally:
                Logger.write("over")
        """)
    )
    ann = sim.expect_call()
    await (await sim.call()).ended()
    await ann.ended()
    await sim.settle()
    assert sim.logs == ["over"]
