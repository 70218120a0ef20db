"""Speech recognition (voxengine.md 1.7)."""

from __future__ import annotations

import pytest

from runtime.decisions.limits import Limits
from runtime.testing import Sim, SimCaller, SimRecogniser
from tests.testing.rules.scripts import script

ASKS = """
    @on_call
    async def alerting(e):
        await e.call.answer()
        asr = VoxEngine.createASR(
            profile=ASRProfileList.Google.en_GB, phraseHints=["yes", "no"], interimResults=INTERIM)
        for event in (ASREvents.Started, ASREvents.CaptureStarted, ASREvents.SpeechCaptured,
                      ASREvents.Result, ASREvents.InterimResult, ASREvents.Stopped,
                      ASREvents.ASRError):
            asr.addEventListener(event, told)
        asr.addEventListener(ASREvents.CaptureStarted, lambda: e.call.stopPlayback())
        asr.addEventListener(ASREvents.Result, lambda r: r.asr.stop() if r.text == "stop" else None)
        e.call.say("what can I do for you, " * 9)
        e.call.sendMediaTo(asr)
    def told(e):
        more = {ASREvents.Result: lambda: f" {e.text} {e.confidence:g}",
                ASREvents.InterimResult: lambda: f" {e.text}",
                ASREvents.Stopped: lambda: f" {e.duration}",
                ASREvents.ASRError: lambda: f" {e.error}"}.get(type(e), str)
        Logger.write(f"{e.name[4:]}{more()}")
"""


async def listening(sim: Sim, *, interim: bool = False) -> tuple[SimCaller, SimRecogniser]:
    sim.load_text(script(ASKS).replace("INTERIM", str(interim)))
    recogniser = sim.sockets.expect_recogniser()
    caller = await sim.call()
    await caller.connected()
    await recogniser.opened()
    return caller, recogniser


async def test_what_a_caller_says_comes_as_a_result_and_his_voice_stops_the_prompt(
    sim: Sim,
) -> None:
    caller, recogniser = await listening(sim)
    await caller.hears("what can I do for you")
    caller.says("my card is lost", seconds=2)
    await recogniser.hears("my card is lost")
    recogniser.notices_speech()
    await caller.hears_nothing(seconds=2)
    recogniser.guesses("my car")
    recogniser.recognises("my card is lost", confidence=87)
    await sim.settle()
    assert sim.logs == ["Started", "CaptureStarted", "SpeechCaptured", "Result my card is lost 87"]
    assert recogniser.wishes == {"profile": "en-GB", "phraseHints": ["yes", "no"]}
    caller.hang_up()


async def test_interim_results_come_when_they_were_asked_for(sim: Sim) -> None:
    caller, recogniser = await listening(sim, interim=True)
    recogniser.guesses("my car")
    await sim.settle()
    assert sim.logs[-1] == "InterimResult my car"
    caller.hang_up()


async def test_stop_ends_it_and_nothing_follows(sim: Sim) -> None:
    caller, recogniser = await listening(sim)
    await sim.advance(3)
    recogniser.recognises("stop")
    await recogniser.ended()
    await sim.settle()
    assert sim.logs[-2:] == ["Result stop 90", "Stopped 3"]
    caller.hang_up()


async def test_a_recogniser_that_fails_or_leaves_is_an_error(sim: Sim) -> None:
    caller, recogniser = await listening(sim)
    recogniser.fails("out of memory")
    await recogniser.ended()
    caller.hang_up()
    await caller.ended()
    assert sim.logs == ["Started", "Error out of memory"]
    other, recogniser = await listening(sim)
    recogniser.vanish()
    await sim.settle()
    assert sim.logs[-1] == "Error the recogniser has left (1006) the connection broke"
    other.hang_up()


async def test_what_a_recogniser_says_otherwise_is_only_noted(sim: Sim) -> None:
    caller, recogniser = await listening(sim)
    for text in ("hello", "{}", '{"event": 5}', '{"event": "dance"}', "[1]"):
        recogniser.sends(text)
    await sim.settle()
    assert sim.logs == ["Started"]
    notes = [row.what for row in sim.timeline if row.kind == "socket"]
    assert notes == ["recogniser: a message of the recogniser's is not understood"] * 5
    caller.hang_up()


async def test_a_recogniser_that_is_not_there_is_an_error(sim: Sim) -> None:
    sim.configure(recogniser="")
    sim.load_text(script(ASKS).replace("INTERIM", "False"))
    caller = await sim.call()
    await caller.connected()
    await sim.settle()
    assert sim.logs[0] == "Error the test has no recogniser"
    caller.hang_up()


async def test_too_many_are_an_error_of_the_last_one(sim: Sim) -> None:
    sim.configure(limits=Limits(recognisers=0))
    sim.load_text(script(ASKS).replace("INTERIM", "False"))
    caller = await sim.call()
    await caller.connected()
    await sim.settle()
    why = "ASR limit reached: a session has at most 0 at once; stop one first"
    assert f"Error {why}" in sim.logs
    caller.hang_up()


async def test_an_asr_has_an_id_and_sends_nothing(sim: Sim) -> None:
    sim.configure(recogniser="")
    sim.load_text(
        script("""
        @on_call
        def alerting(e):
            asr = VoxEngine.createASR()
            Logger.write(asr.id())
            try:
                VoxEngine.sendMediaBetween(e.call, asr)
            except TypeError as exc:
                Logger.write(exc)
            VoxEngine.terminate()
        """)
    )
    await (await sim.call()).ended()
    assert sim.logs[0] == "s1-1"
    assert sim.logs[1].endswith("must be a Call, Conference or WebSocket, not ASR")


@pytest.mark.parametrize(
    "form",
    [
        '{"lang": ASRLanguage.ENGLISH_UK, "dict": ["yes", "no"]}',
        'ASRLanguage.ENGLISH_UK, ["yes", "no"]',
        'language=ASRLanguage.ENGLISH_UK, phraseHints=["yes", "no"]',
    ],
)
async def test_the_older_options_are_told_by_their_names_of_now(sim: Sim, form: str) -> None:
    sim.load_text(f"from runtime import *\nVoxEngine.createASR({form})")
    recogniser = sim.sockets.expect_recogniser()
    sim.leave_open()
    await sim.start()
    await recogniser.opened()
    assert recogniser.wishes == {"language": "en-GB", "phraseHints": ["yes", "no"]}


async def test_what_a_recogniser_cost_is_a_text_as_of_recordings(sim: Sim) -> None:
    sim.load_text(
        script("""
        asr = VoxEngine.createASR(profile=ASRProfileList.Google.en_US)
        asr.addEventListener(ASREvents.Started, asr.stop)
        asr.addEventListener(ASREvents.Stopped, lambda e: Logger.write(repr(e.cost)))
        """)
    )
    sim.sockets.expect_recogniser()
    sim.leave_open()
    await sim.start()
    await sim.settle()
    assert sim.logs == ["'0'"]
