"""Rule 3.2: call states, and which events follow which trigger, in order."""

from __future__ import annotations

from textwrap import dedent, indent

import pytest
import trio

from runtime.decisions.limits import Limits
from runtime.testing import Sim, SimCallee, refused
from tests.testing.rules.scripts import script


def on_alerting(body: str) -> str:
    """A scenario whose CallAlerting handler logs the call's events and does this."""
    head = "@on_call\nasync def alerting(e):\n    log_calls(e.call)\n"
    return script("") + head + indent(dedent(body).strip(), "    ") + "\n"


def dials(options: str = "") -> str:
    """A scenario started over HTTP that calls bob and logs his call's events."""
    return script(f"""
        @VoxEngine.on(AppEvents.Started)
        def started():
            bob = VoxEngine.callSIP("sip:bob@example.com", {options})
            log_calls(bob, "bob")
            states = []
            Logger.write(f"state {{bob.state()}}")
            bob.on(CallEvents.Connected)(lambda e: Logger.write(f"state {{bob.state()}}"))
            bob.on(CallEvents.Failed)(lambda e: Logger.write(f"failed {{e.code}} {{e.reason}}"))
            bob.on(CallEvents.Disconnected)(
                lambda e: Logger.write(f"ended {{e.internalCode}} after {{e.duration}} s")
            )
    """)


async def dialled(sim: Sim, options: str = "") -> SimCallee:
    sim.load_text(dials(options))
    bob = sim.expect_call("sip:bob@example.com")
    await sim.start()
    await bob.invited()
    return bob


# --- incoming -----------------------------------------------------------------------------------


async def test_an_incoming_call_is_alerting_until_it_is_answered(sim: Sim) -> None:
    sim.load_text(
        on_alerting("""
            Logger.write(e.call.state())
            e.call.ring()
            await VoxEngine.sleep(1)
            Logger.write(str(e.call.state() == "CONNECTED"))
            await e.call.answer()
            Logger.write(e.call.state())
            e.call.hangup()
            await e.call.ended()
            Logger.write(e.call.state())
        """)
    )
    caller = await sim.call()
    await caller.ended()
    await sim.settle()
    assert caller.wire == ["invited", "180", "answered", "bye"]
    assert sim.logs == [
        "ALERTING",
        "False",
        "call Connected",
        "CONNECTED",
        "call Disconnected",
        "TERMINATED",
    ]


async def test_ring_and_early_media_fire_nothing_on_their_own_leg(sim: Sim) -> None:
    sim.load_text(
        on_alerting("""
            e.call.ring()
            e.call.startEarlyMedia()
            await VoxEngine.sleep(5)
            e.call.hangup()
        """)
    )
    caller = await sim.call()
    await caller.ended()
    await sim.settle()
    assert caller.wire[:3] == ["invited", "180", "183"]
    assert sim.logs == ["call Disconnected"]


async def test_answering_twice_is_a_log_line_and_nothing_more(sim: Sim) -> None:
    sim.load_text(
        on_alerting("""
            await e.call.answer()
            e.call.answer()
            await VoxEngine.sleep(1)
            e.call.hangup()
        """)
    )
    caller = await sim.call()
    await caller.ended()
    await sim.settle()
    assert caller.wire == ["invited", "answered", "bye"]
    assert sim.logs[0] == "call Connected"
    assert "the call is connected" in sim.logs[1]
    assert sim.logs[2] == "call Disconnected"


@pytest.mark.parametrize("code", [302, 404, 486, 603])
async def test_reject_fires_disconnected_with_its_code(sim: Sim, code: int) -> None:
    sim.load_text(
        on_alerting(f"""
            e.call.on(CallEvents.Disconnected)(lambda e: Logger.write(e.internalCode))
            e.call.reject({code})
        """)
    )
    caller = await sim.call()
    assert (await caller.ended()).code == code
    await sim.settle()
    assert caller.wire == ["invited", f"rejected {code}"]
    assert sim.logs == ["call Disconnected", str(code)]


@pytest.mark.parametrize("code", [200, 180, 299, 700, 0])
async def test_reject_takes_only_codes_that_refuse(sim: Sim, code: int) -> None:
    sim.load_text(
        on_alerting(f"""
            try:
                e.call.reject({code})
            except ValueError as error:
                Logger.write("ValueError")
            e.call.hangup()
        """)
    )
    caller = await sim.call()
    await caller.ended()
    await sim.settle()
    assert sim.logs == ["ValueError", "call Disconnected"]


async def test_a_caller_who_cancels_is_disconnected_with_487(sim: Sim) -> None:
    sim.load_text(
        on_alerting("""
            e.call.on(CallEvents.Disconnected)(lambda e: Logger.write(e.internalCode))
            e.call.ring()
        """)
    )
    caller = await sim.call()
    await trio.sleep(3)
    caller.cancel()
    await sim.settle()
    assert sim.logs == ["call Disconnected", "487"]


@pytest.mark.parametrize("progress", ["", "e.call.ring()", "e.call.startEarlyMedia()"])
async def test_an_incoming_call_that_nobody_answers_ends_after_sixty_seconds_with_408(
    sim: Sim, progress: str
) -> None:
    sim.load_text(
        on_alerting(f"""
            e.call.on(CallEvents.Disconnected)(lambda e: Logger.write(e.internalCode))
            {progress or "pass"}
        """)
    )
    caller = await sim.call()
    ended = await caller.ended(within=61)
    assert sim.now == pytest.approx(60)
    assert ended.by == "us"
    await sim.settle()
    assert sim.logs == ["call Disconnected", "408"]


async def test_hanging_up_an_alerting_call_is_a_refusal(sim: Sim) -> None:
    sim.load_text(on_alerting("e.call.hangup()"))
    caller = await sim.call()
    await caller.ended()
    await sim.settle()
    assert caller.wire[-1].startswith("rejected ")
    assert sim.logs == ["call Disconnected"]


async def test_commands_right_after_answer_work_before_connected(sim: Sim) -> None:
    sim.load_text(
        on_alerting("""
            e.call.answer()
            e.call.say("Hello there.")
            e.call.on(CallEvents.PlaybackFinished)(VoxEngine.terminate)
        """)
    )
    caller = await sim.call()
    heard = await caller.hears("Hello there.", to_the_end=True)
    await caller.ended()
    assert heard.start == pytest.approx(0.02)
    assert sim.logs == [
        "call Connected",
        "call PlaybackReady",
        "call PlaybackStarted",
        "call PlaybackFinished",
    ]


@pytest.mark.parametrize(
    "command",
    [
        "answer()",
        "ring()",
        "hangup()",
        "reject(486)",
        'say("late")',
        'sendDigits("1")',
        'sendInfo("text/plain", "late")',
        'sendMessage("late")',
        "record()",
        "handleTones(True)",
        "stopPlayback()",
        "startEarlyMedia()",
        'startPlayback("late.wav")',
        'playProgressTone("US")',
        "sendMediaTo(e.call)",
    ],
)
async def test_commands_on_a_call_that_has_ended_are_ignored(sim: Sim, command: str) -> None:
    sim.load_text(
        on_alerting(f"""
            await e.call.answer()
            await e.call.ended()
            e.call.{command}
            await e.call.{command}
            Logger.write("alive")
        """)
    )
    caller = await sim.call()
    await caller.connected()
    caller.hang_up()
    await sim.settle()
    assert "alive" in sim.logs
    assert [step for step in caller.wire if step not in ("invited", "answered", "bye")] == []


async def test_an_unheard_call_alerting_is_refused(sim: Sim) -> None:
    sim.load_text("from runtime import VoxEngine\n")
    caller = await sim.call()
    ended = await caller.ended()
    assert ended.code == 480
    assert "no CallAlerting listener" in ended.reason


# --- outgoing -----------------------------------------------------------------------------------


async def test_ringing_then_early_media_then_answer(sim: Sim) -> None:
    bob = await dialled(sim)
    bob.ring()
    await sim.settle()
    bob.early_media()
    await sim.settle()
    bob.answer()
    await sim.advance(4)
    bob.hang_up()
    await sim.settle()
    assert sim.logs == [
        "state ALERTING",
        "bob Ringing",
        "bob AudioStarted",
        "bob Connected",
        "state CONNECTED",
        "bob Disconnected",
        "ended 200 after 4 s",
    ]


async def test_audio_started_comes_before_connected_and_only_once(sim: Sim) -> None:
    bob = await dialled(sim)
    bob.answer()
    await sim.settle()
    assert sim.logs == ["state ALERTING", "bob AudioStarted", "bob Connected", "state CONNECTED"]
    bob.hang_up()


async def test_ringing_after_early_media_is_kept_quiet(sim: Sim) -> None:
    bob = await dialled(sim)
    bob.early_media()
    bob.ring()
    await sim.settle()
    assert sim.logs == ["state ALERTING", "bob AudioStarted"]
    bob.busy()


async def test_ringing_after_early_media_can_be_asked_for(sim: Sim) -> None:
    bob = await dialled(sim, "allow180After183=True")
    bob.early_media()
    bob.ring()
    await sim.settle()
    assert sim.logs == ["state ALERTING", "bob AudioStarted", "bob Ringing"]
    bob.busy()


@pytest.mark.parametrize(("code", "reason"), [(486, "Busy Here"), (603, "Decline"), (404, "No")])
async def test_a_refusal_is_failed_and_nothing_else(sim: Sim, code: int, reason: str) -> None:
    bob = await dialled(sim)
    bob.reject(code, reason)
    await sim.settle()
    assert sim.logs == ["state ALERTING", "bob Failed", f"failed {code} {reason}"]


async def test_no_answer_for_sixty_seconds_is_failed_408(sim: Sim) -> None:
    bob = await dialled(sim)
    bob.ring()
    await bob.ended(within=61)
    await sim.settle()
    assert sim.now == pytest.approx(60)
    assert bob.wire == ["invited", "180", "cancelled"]
    assert sim.logs[-2:] == ["bob Failed", sim.logs[-1]]
    assert sim.logs[-1].startswith("failed 408")


async def test_the_time_until_408_can_be_set_with_a_header(sim: Sim) -> None:
    bob = await dialled(sim, 'headers={"VI-CallTimeout": "15"}')
    await bob.ended(within=16)
    assert sim.now == pytest.approx(15)
    assert "VI-CallTimeout" not in bob.request.headers


async def test_hanging_up_an_unanswered_outgoing_call_is_failed_487(sim: Sim) -> None:
    sim.load_text(
        script("""
        @VoxEngine.on(AppEvents.Started)
        async def started():
            bob = VoxEngine.callSIP("sip:bob@example.com")
            log_calls(bob, "bob")
            bob.on(CallEvents.Failed)(lambda e: Logger.write(e.code))
            await VoxEngine.sleep(2)
            bob.hangup()
        """)
    )
    bob = sim.expect_call()
    await sim.start()
    await bob.ended()
    await sim.settle()
    assert bob.wire == ["invited", "cancelled"]
    assert sim.logs == ["bob Failed", "487"]


async def test_a_refusal_of_our_own_side_comes_later_as_failed(sim: Sim) -> None:
    sim.on_dial("*", refused(403, "no trunk is configured"))
    sim.load_text(dials())
    await sim.start()
    await sim.settle()
    assert sim.logs == ["state ALERTING", "bob Failed", "failed 403 no trunk is configured"]


async def test_hanging_up_an_answered_call_is_disconnected(sim: Sim) -> None:
    sim.load_text(
        script("""
        @VoxEngine.on(AppEvents.Started)
        async def started():
            bob = VoxEngine.callSIP("sip:bob@example.com", callerid="100")
            log_calls(bob, "bob")
            if await bob.answered():
                await VoxEngine.sleep(3.9)
                bob.hangup({"X-Why": "done"})
            end = await bob.ended()
            Logger.write(f"{type(end).__name__} {end.duration}")
        """)
    )
    bob = sim.expect_call()
    await sim.start()
    await bob.invited()
    bob.answer()
    await bob.ended()
    await sim.settle()
    assert bob.request.callerid == "100"
    assert bob.wire == ["invited", "answered", "bye"]
    assert bob.wire_log[-1].headers == {"X-Why": "done"}
    assert sim.logs == ["bob AudioStarted", "bob Connected", "bob Disconnected", "Disconnected 4"]


async def test_the_cause_of_a_bye_is_the_internal_code(sim: Sim) -> None:
    bob = await dialled(sim)
    bob.answer()
    await sim.advance(2)
    bob.hang_up(cause=16)
    await sim.settle()
    assert sim.logs[-1] == "ended 16 after 2 s"


async def test_answered_waits_and_tells_why_not(sim: Sim) -> None:
    sim.load_text(
        script("""
        @VoxEngine.on(AppEvents.Started)
        async def started():
            for name in ("busy", "late"):
                outcome = await VoxEngine.callSIP(f"sip:{name}@example.com").answered(timeout=5)
                Logger.write(f"{name} {bool(outcome)} {outcome.code}")
            VoxEngine.terminate()
        """)
    )
    busy, late = sim.expect_call("sip:busy@*"), sim.expect_call("sip:late@*")
    await sim.start()
    await busy.invited()
    busy.busy()
    await late.invited()
    await late.ended()
    assert sim.logs == ["busy False 486", "late False 408"]


# --- limits -------------------------------------------------------------------------------------


async def test_the_eleventh_unanswered_call_fails_with_403(sim: Sim) -> None:
    sim.load_text(
        script("""
        @VoxEngine.on(AppEvents.Started)
        def started():
            for number in range(11):
                call = VoxEngine.callSIP(f"sip:{number}@example.com")
                call.on(CallEvents.Failed)(
                    lambda e, n=number: Logger.write(f"{n} {e.code} {e.reason}")
                )
        """)
    )
    await sim.start()
    await sim.settle()
    assert sim.logs == ["10 403 Call limit reached"]
    assert len(sim.callees) == 10


async def test_the_fifty_first_attempt_fails_with_403(sim: Sim) -> None:
    sim.on_dial("*", refused(404))
    sim.load_text(
        script("""
        @VoxEngine.on(AppEvents.Started)
        async def started():
            for number in range(51):
                call = VoxEngine.callSIP(f"sip:{number}@example.com")
                failed = await call.ended()
                if failed.code != 404:
                    Logger.write(f"{number} {failed.code} {failed.reason}")
        """)
    )
    await sim.start()
    await sim.advance(5)
    assert sim.logs == ["50 403 Call limit reached"]


async def test_the_limits_can_be_set(sim: Sim) -> None:
    sim.configure(limits=Limits(unanswered_s=5, call_attempts=1))
    sim.load_text(
        on_alerting("""
            bob = VoxEngine.callSIP("sip:bob@example.com")
            bob.on(CallEvents.Failed)(lambda e: Logger.write(f"{e.code} {e.reason}"))
        """)
    )
    caller = await sim.call()
    await caller.ended(within=6)
    assert sim.now == pytest.approx(5)
    assert sim.logs[0] == "403 Call limit reached"
