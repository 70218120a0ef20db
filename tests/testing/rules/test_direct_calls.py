"""callUserDirect, answerDirect, easyProcess(direct=True): audio that passes between the peers."""

from __future__ import annotations

import pytest

from runtime.testing import Sim, SimCallee, SimCaller, answers
from tests.testing.rules.scripts import script

FORWARD = script("""
    VoxEngine.forwardCallToUserDirect(lambda one, two: Logger.write("established"))
""")
JOIN = script("""
    @on_call
    def alerting(e):
        bob = VoxEngine.callUserDirect(e.call, "bob", callerid=e.callerid)
        VoxEngine.easyProcess(e.call, bob, direct=True)
""")
BY_HAND = """
    from runtime import AppEvents, CallEvents, CommandFailed, DTMFType, Logger, VoxEngine

    @VoxEngine.on(AppEvents.CallAlerting)
    async def alerting(e):
        bob = VoxEngine.callUserDirect(e.call, "bob")
        for name in ("Ringing", "AudioStarted", "Connected", "FirstAudioPacketReceived", "OnHold",
                     "OffHold", "Failed", "Disconnected", "RecordError"):
            event = getattr(CallEvents, name)
            bob.addEventListener(event, lambda e, name=name: Logger.write(f"bob {name}"))
            e.call.addEventListener(event, lambda e, name=name: Logger.write(f"caller {name}"))
        %s
"""


async def forwarded(sim: Sim, scenario: str = FORWARD) -> tuple[SimCaller, SimCallee]:
    sim.load_text(scenario)
    bob = sim.expect_call("bob")
    caller = await sim.call("bob")
    await bob.invited()
    return caller, bob


async def talking(sim: Sim, scenario: str = FORWARD) -> tuple[SimCaller, SimCallee]:
    caller, bob = await forwarded(sim, scenario)
    bob.answer()
    await caller.connected()
    return caller, bob


def by_hand(*lines: str) -> str:
    return BY_HAND % "\n        ".join(lines)


async def test_the_peers_hear_each_other_and_the_session_has_no_edge(sim: Sim) -> None:
    caller, bob = await forwarded(sim)
    bob.ring()
    await caller.sees("180")
    bob.answer({"X-Agent": "7"})
    answered = await caller.sees("answered")
    assert answered.headers == {"X-Agent": "7"}
    await caller.connected()
    caller.says("hello bob")
    await bob.hears("hello bob")
    bob.says("hello caller")
    await caller.hears("hello caller")
    assert sim.logs[-1] == "established"
    assert not [row for row in sim.timeline if " hears " in row.what]
    caller.hang_up()
    await bob.ended()


@pytest.mark.parametrize("who", ["caller", "bob"])
async def test_when_a_user_or_its_caller_hangs_up_the_other_is_hung_up(sim: Sim, who: str) -> None:
    caller, bob = await talking(sim, JOIN)
    (caller if who == "caller" else bob).hang_up()
    ended = await (bob if who == "caller" else caller).ended()
    assert ended.by == "us"


async def test_a_caller_who_gives_up_ends_the_other_call(sim: Sim) -> None:
    caller, bob = await forwarded(sim)
    bob.ring()
    await caller.sees("180")
    caller.cancel()
    await bob.sees("cancelled")


async def test_answer_direct_is_followed_by_the_events_of_signalling_alone(sim: Sim) -> None:
    answer = by_hand("if await bob.answered():", "    await e.call.answerDirect(bob)")
    caller, bob = await forwarded(sim, answer)
    bob.early_media()
    await sim.advance(1)
    bob.answer()
    await caller.connected()
    await sim.advance(5)
    caller.hold()
    await bob.sees("hold")
    caller.says("nobody hears this end", seconds=1)
    await sim.advance(2)
    caller.resume()
    await bob.sees("resume")
    bob.hang_up()
    await sim.advance(1)
    caller.hang_up()
    await sim.settle()
    assert sim.logs == [
        "bob Ringing",
        "bob Connected",
        "caller Connected",
        "caller OnHold",
        "caller OffHold",
        "bob Disconnected",
        "caller Disconnected",
    ]


@pytest.mark.parametrize(
    "command",
    [
        "say('hello')",
        "startPlayback('tune.wav')",
        "playProgressTone('US')",
        "record()",
        "sendDigits('1')",
        "handleTones(True)",
        "handleTones(True, DTMFType.TELEPHONE_EVENT)",
        "enableBeepDetection()",
        "detectProgressTone('US')",
        "handleMicStatus(True)",
        "monitorMediaStatistics()",
    ],
)
async def test_what_needs_the_audio_is_refused_on_both_calls(sim: Sim, command: str) -> None:
    script_text = by_hand(
        "await bob.answered()",
        "await e.call.answerDirect(bob)",
        "for call in (e.call, bob):",
        f"    handle = call.{command}",
        "    try:",
        "        await handle",
        "    except CommandFailed:",
        "        pass",
        "    Logger.write(handle.error)",
    )
    caller, bob = await talking(sim, script_text)
    await sim.settle()
    name = command.partition("(")[0]
    refusals = [line for line in sim.logs if line.startswith(f"{name}()")]
    assert len(refusals) == 2
    assert all("passes directly between its peers" in line for line in refusals)
    caller.hang_up()
    bob.hang_up()


async def test_nothing_passes_between_a_direct_call_and_other_units(sim: Sim) -> None:
    script_text = by_hand(
        "await bob.answered()",
        "await e.call.answerDirect(bob)",
        "conference = VoxEngine.createConference()",
        "for source, sink in ((e.call, conference), (conference, bob), (e.call, bob)):",
        "    try:",
        "        await source.sendMediaTo(sink)",
        "    except CommandFailed as exc:",
        "        Logger.write(str(exc))",
    )
    caller, bob = await talking(sim, script_text)
    await sim.settle()
    refusals = [line for line in sim.logs if "passes directly between its peers" in line]
    assert len(refusals) == 3
    caller.hang_up()
    bob.hang_up()


async def test_digits_by_info_reach_the_script_or_the_other_phone(sim: Sim) -> None:
    script_text = by_hand(
        "await bob.answered()",
        "await e.call.answerDirect(bob)",
        "await bob.handleTones(True, DTMFType.SIP_INFO)",
        "bob.addEventListener(CallEvents.ToneReceived, lambda t: Logger.write(t.tone))",
    )
    caller, bob = await talking(sim, script_text)
    await sim.settle()
    await bob.press("5", by="info")
    assert sim.logs[-1] == "5"
    await caller.press("7", by="info")
    step = await bob.sees("info")
    assert step.body.startswith("Signal=")
    assert [one.body.partition("\r")[0] for one in bob.wire_log if one.by == "us"][-1] == "Signal=7"
    caller.hang_up()
    bob.hang_up()


async def test_keys_of_the_phone_pass_directly(sim: Sim) -> None:
    caller, bob = await talking(sim)
    await caller.press("42")
    assert bob.digits == "42"
    caller.hang_up()


async def test_a_recording_that_was_asked_for_before_fails(sim: Sim) -> None:
    script_text = by_hand(
        "await e.call.record()", "await bob.answered()", "await e.call.answerDirect(bob)"
    )
    caller, bob = await talking(sim, script_text)
    await sim.settle()
    assert "caller RecordError" in sim.logs
    assert sim.recordings == []
    caller.hang_up()
    bob.hang_up()


@pytest.mark.parametrize(
    ("before", "answer", "why"),
    [
        ([], "answerDirect(bob)", "is outgoing, dialled; answer when it is Connected"),
        (["await bob.answered()"], "answer()", "use answerDirect(), or hang that"),
        (
            ["e.call.startEarlyMedia()", "await bob.answered()"],
            "answerDirect(bob)",
            "the caller has early media of ours already",
        ),
        (
            ["ann = VoxEngine.callUser('ann', '1')", "await ann.answered()"],
            "answerDirect(ann)",
            "was not made for this one by callUserDirect()",
        ),
        (
            ["await bob.answered()", "bob.hangup()", "await bob.ended()"],
            "answerDirect(bob)",
            "the other call has ended",
        ),
    ],
)
async def test_answers_that_do_not_fit_are_refused(
    sim: Sim, before: list[str], answer: str, why: str
) -> None:
    lines = [*before, f"handle = e.call.{answer}", "await VoxEngine.sleep(1)"]
    sim.load_text(by_hand(*lines, "Logger.write(handle.error)", "VoxEngine.terminate()"))
    if any("bob" in line for line in before):
        sim.on_dial("bob", answers())
    sim.on_dial("ann", answers())
    caller = await sim.call("bob")
    await caller.ended()
    assert why in sim.logs[-1]
    assert "answered" not in caller.wire


async def test_after_a_failed_direct_call_the_caller_can_be_answered_here(sim: Sim) -> None:
    script_text = by_hand(
        "if not await bob.answered():", "    e.call.answer()", "    e.call.say('not there')"
    )
    caller, bob = await forwarded(sim, script_text)
    bob.busy()
    await caller.hears("not there")
    caller.hang_up()


async def test_a_call_that_is_answered_already_cannot_be_passed_on(sim: Sim) -> None:
    sim.load_text("""
        from runtime import AppEvents, Logger, VoxEngine

        @VoxEngine.on(AppEvents.CallAlerting)
        async def alerting(e):
            await e.call.answer()
            outcome = await VoxEngine.callUserDirect(e.call, "bob").answered()
            Logger.write(f"{outcome.code} {outcome.reason}")
    """)
    caller = await sim.call("bob")
    await caller.connected()
    await sim.settle()
    assert sim.logs == ["400 callUserDirect() is for a call that waits, and this one is connected"]
    caller.hang_up()


@pytest.mark.parametrize("direct", ["True", "False"])
async def test_easy_process_wants_the_kind_of_call_that_it_is_told(sim: Sim, direct: str) -> None:
    call = "callUser('bob', '1')" if direct == "True" else "callUserDirect(e.call, 'bob')"
    sim.load_text(
        script(f"""
    @on_call
    def alerting(e):
        bob = VoxEngine.{call}
        VoxEngine.easyProcess(e.call, bob, direct={direct})
""")
    )
    sim.expect_error("callUserDirect")
    bob = sim.expect_call("bob")
    caller = await sim.call("bob")
    await caller.ended()
    await sim.advance(1)
    assert bob.end is None or bob.end.code == 487
