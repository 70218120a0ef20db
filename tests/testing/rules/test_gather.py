"""Call.gather with speech: keys and words, one recogniser for as long as it is listened to."""

from __future__ import annotations

from runtime.testing import Sim
from tests.testing.rules.scripts import script

ASKS = """
    @on_call
    async def alerting(e):
        await e.call.answer()
        got = await e.call.gather(prompt="Say or key in your number", maxDigits=2, timeout=4,
                                  speech={"profile": "en-GB"}, hints=["one", "two"])
        Logger.write(f"{got.digits!r} {got.speech!r} {got.confidence:g} {got.reason} {got.error}")
        await e.call.say("thanks")
        e.call.hangup()
"""


async def test_what_the_caller_says_is_gathered_and_his_voice_stops_the_prompt(sim: Sim) -> None:
    sim.load_text(script(ASKS))
    recogniser = sim.sockets.expect_recogniser()
    caller = await sim.call()
    await caller.hears("Say or key in")
    await recogniser.opened()
    recogniser.notices_speech()
    await caller.hears_nothing(seconds=1)
    recogniser.recognises("four two", confidence=87)
    await caller.hears("thanks")
    await recogniser.ended()
    await caller.ended()
    assert recogniser.wishes == {"profile": "en-GB", "phraseHints": ["one", "two"]}
    assert sim.logs == ["'' 'four two' 87 speech "]


async def test_a_key_ends_the_listening_and_the_recogniser_is_let_go(sim: Sim) -> None:
    sim.load_text(script(ASKS))
    recogniser = sim.sockets.expect_recogniser()
    caller = await sim.call()
    await recogniser.opened()
    await caller.press("4")
    await recogniser.ended()
    await caller.press("2")
    await caller.ended()
    assert sim.logs == ["'42' '' 0 max_digits "]


async def test_silence_ends_it_with_neither(sim: Sim) -> None:
    sim.load_text(script(ASKS))
    recogniser = sim.sockets.expect_recogniser()
    caller = await sim.call()
    await recogniser.ended()
    await caller.ended()
    assert sim.logs == ["'' '' 0 timeout "]


async def test_without_a_recogniser_keys_are_gathered_and_the_result_says_why(sim: Sim) -> None:
    sim.configure(recogniser="")
    sim.load_text(script(ASKS))
    caller = await sim.call()
    await caller.hears("Say or key in")
    await caller.press("42")
    await caller.ended()
    why = "the test has no recogniser"
    assert sim.logs[-1] == f"'42' '' 0 max_digits {why}"


async def test_a_recogniser_that_leaves_is_no_end(sim: Sim) -> None:
    sim.load_text(script(ASKS))
    recogniser = sim.sockets.expect_recogniser()
    caller = await sim.call()
    await recogniser.opened()
    recogniser.vanish()
    await caller.press("7#")
    await caller.ended()
    assert sim.logs[-1].startswith("'7' '' 0 finish_key the recogniser has left")


async def test_a_wait_that_is_given_up_leaves_no_recogniser_and_may_be_taken_up_again(
    sim: Sim,
) -> None:
    sim.load_text(
        script("""
        import trio
        @on_call
        async def alerting(e):
            await e.call.answer()
            gathering = e.call.gather(speech=True, timeout=60)
            with trio.move_on_after(3):
                await gathering
            Logger.write("given up")
            await VoxEngine.sleep(3)
            got = await gathering
            Logger.write(f"{got.speech} {bool(got)}")
            e.call.hangup()
        """)
    )
    first, second = sim.sockets.expect_recogniser(), sim.sockets.expect_recogniser()
    caller = await sim.call()
    await first.opened()
    await first.ended()
    assert sim.logs == ["given up"]
    await second.opened()
    second.recognises("hello")
    await second.ended()
    await caller.ended()
    assert sim.logs == ["given up", "hello True"]


async def test_a_caller_who_leaves_ends_the_listening(sim: Sim) -> None:
    sim.load_text(script(ASKS))
    recogniser = sim.sockets.expect_recogniser()
    caller = await sim.call()
    await recogniser.opened()
    caller.hang_up()
    await recogniser.ended()
    await sim.settle()
    assert sim.logs[0] == "'' '' 0 call_ended "


async def test_a_session_that_ends_meanwhile_ends_the_wait_quietly(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        async def alerting(e):
            await e.call.answer()
            setTimeout(VoxEngine.terminate, 3000)
            try:
                await e.call.gather(speech=True, timeout=60)
            finally:
                Logger.write("over")
        """)
    )
    recogniser = sim.sockets.expect_recogniser()
    await (await sim.call()).ended()
    await recogniser.ended()
    await sim.settle()
    assert sim.logs == ["over"]
