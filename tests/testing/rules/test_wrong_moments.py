"""Commands at the wrong moment: they never end a session, and the timeline says what happened."""

from __future__ import annotations

import pytest
import trio

from runtime.testing import Sim
from tests.testing.rules.scripts import script

NOT_ANSWERED = "is only for incoming calls that are not answered yet"
ENDED = "the call has ended; nothing was done"

BEFORE = {
    "alerting": "pass",
    "ringing": "call.ring()",
    "early media": "call.startEarlyMedia()",
    "answered": "call.answer()",
    "connected": "await call.answer()",
    "hung up, not told yet": "call.hangup()",
    "ended": "call.hangup(); await call.ended()",
}


WRONG_MOMENT = """
@on_call
async def alerting(e):
    call = e.call
    {before}
    try:
        Logger.write(str(await call.{command}))
    except CommandFailed as exc:
        Logger.write(f"refused: {{exc}}")
    Logger.write("goes on")
    call.hangup()
    await VoxEngine.sleep(1)
    VoxEngine.terminate()
"""


def in_state(state: str, command: str) -> str:
    """A scenario that gives a command in a state and awaits it, then ends the call."""
    return script(WRONG_MOMENT.format(before=BEFORE[state], command=command))


@pytest.mark.parametrize(
    ("state", "command", "refusal"),
    [
        ("early media", "startEarlyMedia()", "startEarlyMedia(): the call has early media already; "
         "nothing was done"),
        *((state, command, f"{command}: the call is {state}{word}; {command} {NOT_ANSWERED}")
          for state, word in (("answered", " already"), ("connected", ""))
          for command in ("ring()", "startEarlyMedia()")),
        ("connected", "reject(486)", f"reject(): the call is connected; reject() {NOT_ANSWERED}"),
        *((state, command, f"{command.partition('(')[0]}(): the call is not answered yet; "
           "nothing was sent")
          for state in ("alerting", "ringing", "early media")
          for command in ("sendInfo('a/b', 'c')", "sendMessage('x')")),
    ],
)  # fmt: skip
async def test_a_refused_command_says_why_and_nothing_ends(
    sim: Sim, state: str, command: str, refusal: str
) -> None:
    sim.load_text(in_state(state, command))
    await sim.call()
    await trio.sleep(5)
    name, why = refusal.split(": ", 1)
    assert sim.logs[0] == f"refused: Call.{name}: {why} (E2402)"
    assert "goes on" in sim.logs
    (row,) = [row for row in sim.timeline if row.kind == "refusal"]
    assert (row.what, row.leg) == (refusal, "s1-2")
    assert row.detail["problem"] == "E2402"
    assert str(row.detail["where"]).startswith("scenario.py:")


@pytest.mark.parametrize("state", ["hung up, not told yet", "ended"])
@pytest.mark.parametrize(
    ("command", "outcome"),
    [
        ("hangup()", "None"),
        ("ring()", "None"),
        ("startEarlyMedia()", "None"),
        ("reject(486)", "None"),
        ("answer()", "Answered(connected=False, code=0, reason='the call has ended')"),
        ("sendInfo('a/b', 'c')", "None"),
        ("sendMessage('x')", "None"),
        ("sendDigits('1')", "None"),
        ("record()", "None"),
        ("say('x')", "call_ended"),
        ("startPlayback('http://example.com/a.mp3')", "call_ended"),
        ("playProgressTone('US')", "call_ended"),
        ("stopPlayback()", "None"),
        ("handleTones(True)", "None"),
        ("sendMediaTo(call)", "None"),
        ("stopMediaTo(call)", "None"),
    ],
)
async def test_a_command_on_an_ended_call_never_raises_whether_the_script_knows_of_the_end_or_not(
    sim: Sim, state: str, command: str, outcome: str
) -> None:
    sim.load_text(in_state(state, command))
    await sim.call()
    await trio.sleep(5)
    assert outcome in sim.logs
    assert "goes on" in sim.logs
    name = command.partition("(")[0]
    told = any(line.startswith(f"Call.{name}() ignored: ") for line in sim.logs)
    assert told or command in ("hangup()", "stopMediaTo(call)"), "these have what they want"
    assert not (told and command == "hangup()")


async def test_an_outgoing_call_cannot_be_answered_or_rejected(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        async def alerting(e):
            other = VoxEngine.callSIP("sip:bob@example.com")
            for command in (other.ring, other.startEarlyMedia, lambda: other.reject(486)):
                try:
                    await command()
                except CommandFailed as exc:
                    Logger.write(str(exc))
            Logger.write((await other.answer()).reason)
            VoxEngine.terminate()
        """)
    )
    caller = await sim.call()
    await caller.ended()
    assert sim.logs == [
        f"Call.ring(): this is an outgoing call; ring() {NOT_ANSWERED} (E2402)",
        "Call.startEarlyMedia(): this is an outgoing call; startEarlyMedia() "
        f"{NOT_ANSWERED} (E2402)",
        f"Call.reject(): this is an outgoing call; reject() {NOT_ANSWERED} (E2402)",
        f"this is an outgoing call; answer() {NOT_ANSWERED} (E2402)",
    ]


async def test_digits_wait_until_the_other_side_can_hear_them(sim: Sim) -> None:
    sim.load_text(
        script("""
        other = VoxEngine.callSIP("sip:bob@example.com")
        other.sendDigits("12p3")
        """)
    )
    bob = sim.expect_call()
    await sim.start()
    await bob.invited()
    bob.ring()
    await sim.advance(5)
    assert bob.digits == ""
    bob.answer()
    await bob.gets_digits("123")
    bob.hang_up()


async def test_digits_for_a_call_that_is_not_answered_are_not_collected_without_end(
    sim: Sim,
) -> None:
    sim.load_text(
        script("""
        @on_call
        async def alerting(e):
            for _ in range(5):
                try:
                    await e.call.sendDigits("1" * 256)
                except CommandFailed as exc:
                    Logger.write(str(exc))
            e.call.reject(486)
        """)
    )
    await (await sim.call()).ended()
    assert sim.logs == [
        "Call.sendDigits(): more than 1024 digits wait for the answer; nothing was sent (E2405)"
    ]


async def test_a_recorder_that_is_stopped_at_once_still_reports_its_stop(sim: Sim) -> None:
    sim.load_text(
        script("""
        recorder = VoxEngine.createRecorder()
        recorder.on(RecorderEvents.Started)(lambda: Logger.write("started"))
        recorder.on(RecorderEvents.Stopped)(lambda e: Logger.write(f"{e.duration} {e.cost}"))
        recorder.stop()
        """)
    )
    await sim.start()
    await sim.advance(5)
    assert sim.logs == ["0 0"]


async def test_more_players_than_ten_end_with_an_error_and_take_nothing_more(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        async def alerting(e):
            await e.call.answer()
            players = [VoxEngine.createURLPlayer("http://example.com/a.mp3", loop=True)
                       for _ in range(11)]
            players[10].on(PlayerEvents.Error)(lambda e: Logger.write(e.error))
            players[10].sendMediaTo(e.call)
            await VoxEngine.sleep(1)
            players[10].sendMediaTo(e.call)
            players[0].stop()
            VoxEngine.createTTSPlayer("There is room again.").sendMediaTo(e.call)
        """)
    )
    caller = await sim.call()
    await caller.hears("room again", to_the_end=True)
    caller.hang_up()
    limit = "Player limit reached: a session has at most 10 at once; stop one first"
    assert sim.logs == [
        limit,
        f"VoxEngine.createURLPlayer() failed: {limit} (E2405)",
        "Player.sendMediaTo() ignored: one of the two has ended; nothing was done (E2401)",
        "Player.sendMediaTo() ignored: <Player s1-21> has ended",
    ]


async def test_both_clocks_that_end_an_unanswered_call_say_the_same(sim: Sim) -> None:
    sim.load_text(
        script("""
        for seconds in range(10, 20):
            call = VoxEngine.callSIP("sip:x@example.com", headers={"VI-CallTimeout": seconds})
            call.on(CallEvents.Failed)(lambda e: Logger.write(f"{e.code} {e.reason}"))
        """)
    )
    await sim.start()
    await sim.advance(60)
    assert sim.logs == [f"408 no answer within {seconds} s" for seconds in range(10, 20)]
