"""Rule 3.7: easyProcess and the forwarding helpers."""

from __future__ import annotations

import pytest

from runtime.testing import Sim, SimCallee, SimCaller, busy
from tests.testing.rules.scripts import script

EASY = script("""
    log_app()
    @on_call
    def alerting(e):
        bob = VoxEngine.callSIP("sip:bob@example.com", callerid=e.callerid)
        VoxEngine.easyProcess(e.call, bob, lambda one, two: Logger.write("established"))
""")


async def joined(sim: Sim, scenario: str = EASY) -> tuple[SimCaller, SimCallee]:
    sim.load_text(scenario)
    bob = sim.expect_call("sip:bob@example.com")
    caller = await sim.call()
    await bob.invited()
    return caller, bob


async def test_progress_of_the_second_leg_shows_on_the_first(sim: Sim) -> None:
    caller, bob = await joined(sim)
    bob.ring()
    await caller.sees("180")
    bob.early_media()
    await caller.sees("183")
    assert "answered" not in caller.wire
    bob.answer({"X-Agent": "7"})
    await caller.connected()
    answered = await caller.sees("answered")
    assert answered.headers == {"X-Agent": "7"}
    await sim.settle()
    assert sim.logs[-1] == "established"
    caller.hang_up()


async def test_both_hear_each_other_and_early_media_goes_to_the_caller(sim: Sim) -> None:
    caller, bob = await joined(sim)
    bob.early_media()
    await bob.says("one moment")
    await caller.hears("one moment")
    bob.answer()
    await caller.connected()
    caller.says("hello bob")
    await bob.hears("hello bob")
    await bob.says("hello caller")
    await caller.hears("hello caller")
    caller.hang_up()


@pytest.mark.parametrize("who", ["caller", "bob"])
async def test_when_one_hangs_up_the_session_is_over(sim: Sim, who: str) -> None:
    caller, bob = await joined(sim)
    bob.answer()
    await caller.connected()
    {"caller": caller, "bob": bob}[who].hang_up()
    await caller.ended()
    await bob.ended()
    await sim.settle()
    assert sim.sessions == []
    assert sim.logs[-2:] == ["Terminating", "Terminated"]


async def test_when_the_second_leg_fails_the_caller_is_let_go(sim: Sim) -> None:
    caller, bob = await joined(sim)
    bob.busy()
    await caller.ended()
    await sim.settle()
    assert sim.sessions == []


async def test_when_the_caller_gives_up_the_second_leg_is_cancelled(sim: Sim) -> None:
    caller, bob = await joined(sim)
    bob.ring()
    await caller.sees("180")
    caller.cancel()
    await bob.ended()
    assert bob.wire == ["invited", "180", "cancelled"]


async def test_messages_and_infos_are_passed_on_both_ways(sim: Sim) -> None:
    caller, bob = await joined(sim)
    bob.answer()
    await caller.connected()
    caller.send_info("application/json", '{"a": 1}', {"X-Part": "1"})
    info = await bob.sees("info")
    assert (info.body, info.headers) == ('{"a": 1}', {"X-Part": "1"})
    bob.send_message("a text")
    message = await caller.sees("message")
    assert message.body == "a text"
    caller.hang_up()


async def test_the_end_can_be_taken_back_by_removing_the_listeners(sim: Sim) -> None:
    caller, bob = await joined(
        sim,
        script("""
        @on_call
        def alerting(e):
            bob = VoxEngine.callSIP("sip:bob@example.com")
            VoxEngine.easyProcess(e.call, bob)
            bob.removeEventListener(CallEvents.Disconnected)
            bob.addEventListener(CallEvents.Disconnected, lambda: e.call.say("bob has left"))
        """),
    )
    bob.answer()
    await caller.connected()
    bob.hang_up()
    await caller.hears("bob has left")
    caller.hang_up()


async def test_forward_call_to_sip_calls_what_was_dialled(sim: Sim) -> None:
    sim.load_text("from runtime import VoxEngine\nVoxEngine.forwardCallToSIP()\n")
    bob = sim.expect_call("sip:bob@example.com")
    caller = await sim.call("bob", uri="sip:bob@example.com")
    request = await bob.invited()
    assert request.callerid == "+442079460001"
    bob.answer()
    await caller.connected()
    bob.hang_up()
    await caller.ended()


async def test_forward_call_to_pstn_can_change_the_number(sim: Sim) -> None:
    sim.load_text(
        "from runtime import VoxEngine\nVoxEngine.forwardCallToPSTN(lambda n: '+44' + n[1:])\n"
    )
    sim.on_dial("*", busy())
    caller = await sim.call("02079460111")
    await caller.ended()
    assert [(one.kind, one.to) for one in sim.dialer.requests] == [("pstn", "+442079460111")]


async def test_play_sound_and_hang_up(sim: Sim) -> None:
    sim.sounds.set_length("http://*", 3)
    sim.load_text(
        "from runtime import VoxEngine\n"
        "VoxEngine.playSoundAndHangup('http://example.com/closed.mp3')\n"
    )
    caller = await sim.call()
    one = await caller.hears("closed.mp3", to_the_end=True)
    assert one.seconds == pytest.approx(3)
    await caller.ended()
    await sim.settle()
    assert sim.sessions == []


# --- races --------------------------------------------------------------------------------------


async def test_the_caller_gives_up_in_the_very_moment_of_the_answer(sim: Sim) -> None:
    caller, bob = await joined(sim)
    bob.answer()
    caller.cancel()
    await bob.ended()
    await sim.advance(1)
    assert caller.wire == ["invited", "cancelled"]
    assert bob.wire == ["invited", "answered", "bye"]
    assert sim.logs[-2:] == ["Terminating", "Terminated"]
    assert "established" not in sim.logs


async def test_the_caller_hangs_up_before_the_answer_is_acknowledged(sim: Sim) -> None:
    caller, bob = await joined(sim)
    bob.answer()
    await sim.advance(0.01)
    caller.hang_up()
    await bob.ended()
    await sim.advance(1)
    assert bob.wire[-1] == "bye"
    assert "established" not in sim.logs


async def test_both_hang_up_at_once(sim: Sim) -> None:
    caller, bob = await joined(sim)
    bob.answer()
    await caller.connected()
    caller.hang_up()
    bob.hang_up()
    await sim.advance(1)
    assert caller.wire[-1] == bob.wire[-1] == "bye"
    assert sim.logs[-2:] == ["Terminating", "Terminated"]
    assert sim.sessions == []


async def test_the_second_leg_refuses_after_its_announcement(sim: Sim) -> None:
    caller, bob = await joined(sim)
    bob.ring()
    bob.early_media()
    await bob.says("The number you have dialled is not in service.")
    bob.reject(404)
    ended = await caller.ended()
    assert (caller.wire, ended.code) == (["invited", "180", "183", "rejected 480"], 480)
    assert caller.heard[0].what.startswith("The number")


async def test_nobody_answers_and_both_give_up_together(sim: Sim) -> None:
    caller, bob = await joined(sim)
    bob.ring()
    await sim.advance(61)
    assert (caller.wire[-1], bob.wire[-1]) == ("rejected 480", "cancelled")
    assert sim.sessions == []


@pytest.mark.parametrize(
    ("callback", "said"),
    [
        ("lambda: Logger.write('none')", "none"),
        ("lambda one: Logger.write(one.id())", "s1-2"),
        ("lambda one, two: Logger.write(two.id())", "s1-1"),
        ("lambda *calls: Logger.write(str(len(calls)))", "2"),
        ("lambda one, two=None: Logger.write(two.id())", "s1-1"),
        ("later", "later s1-1"),
        ("Desk().established", "desk s1-2"),
    ],
)
async def test_the_callback_takes_as_many_calls_as_it_wants(
    sim: Sim, callback: str, said: str
) -> None:
    caller, bob = await joined(
        sim,
        script(f"""
        async def later(one, two):
            await VoxEngine.sleep(1)
            Logger.write(f"later {{two.id()}}")

        class Desk:
            def established(self, call):
                Logger.write(f"desk {{call.id()}}")

        @on_call
        def alerting(e):
            bob = VoxEngine.callSIP("sip:bob@example.com")
            VoxEngine.easyProcess(e.call, bob, {callback})
        """),
    )
    bob.answer()
    await caller.connected()
    await sim.advance(2)
    assert sim.logs == [said]
    caller.hang_up()
