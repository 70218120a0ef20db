"""IVRState: menus that are declared (voxengine.md 1.9)."""

from __future__ import annotations

import pytest

from runtime.testing import Sim, SimCaller
from tests.testing.rules.scripts import script

MENU = script("""
    goodbye = IVRState("goodbye", {"type": "noinput", "prompt": {"say": "goodbye"}},
        lambda: VoxEngine.terminate())
    pin = IVRState("pin", {
        "type": "inputfixed", "inputLength": 4, "prompt": {"say": "your pin"}, "timeout": 3000,
        "nextState": goodbye,
    }, lambda data: Logger.write(f"pin {data}"), lambda data: Logger.write(f"too late {data}"))
    account = IVRState("account", {
        "type": "inputunknown", "terminateOn": "#", "prompt": {"say": "your account"},
    }, lambda data: Logger.write(f"account {data}"))
    main = IVRState("main", {
        "type": "select", "prompt": {"say": "press one or two", "lang": VoiceList.Offline.en_GB},
        "nextStates": {"1": pin, "2": account},
    })
    @on_call
    async def alerting(e):
        await e.call.answer()
        main.enter(e.call)
""")


async def at(sim: Sim, scenario: str = MENU) -> SimCaller:
    sim.load_text(scenario)
    caller = await sim.call()
    await caller.connected()
    return caller


async def test_select_leads_to_the_state_of_the_key_and_a_fixed_input_to_the_next(sim: Sim) -> None:
    caller = await at(sim)
    await caller.hears("press one or two")
    await caller.press("1")
    await caller.hears("your pin")
    await caller.press("1234")
    await caller.hears("goodbye")
    await caller.ended()
    assert sim.logs == ["pin 1234"]


async def test_an_unknown_input_ends_with_its_key_which_is_not_part_of_it(sim: Sim) -> None:
    caller = await at(sim)
    await caller.hears("press one or two")
    await caller.press("2")
    await caller.hears("your account")
    await caller.press("00421#")
    await sim.settle()
    assert sim.logs == ["account 00421"]
    caller.hang_up()


async def test_a_key_stops_the_prompt(sim: Sim) -> None:
    caller = await at(sim)
    await caller.press("1")
    await caller.hears("your pin")
    assert not any(e.name == "Call.PlaybackFinished" for e in sim.events)
    caller.hang_up()


async def test_a_key_that_leads_nowhere_repeats_the_state(sim: Sim) -> None:
    caller = await at(sim)
    await caller.hears("press one or two")
    await caller.press("9")
    await caller.hears("press one or two")
    caller.hang_up()


async def test_without_keys_the_timeout_counts_from_the_end_of_the_prompt(sim: Sim) -> None:
    caller = await at(sim)
    await caller.press("1")
    await caller.hears("your pin")
    began = sim.now
    await caller.press("12")
    await sim.advance(4)
    assert sim.logs == ["too late 12"]
    assert sim.now - began < 5
    await caller.press("34")
    await sim.settle()
    assert sim.logs == ["too late 12"]
    caller.hang_up()


async def test_a_validator_says_when_the_input_is_complete(sim: Sim) -> None:
    caller = await at(
        sim,
        script("""
        even = IVRState("even", type="inputunknown", timeout=2000,
            inputValidator=lambda keys: len(keys) > 1 and int(keys) % 2 == 0,
            onInputComplete=lambda keys: Logger.write(keys))
        @on_call
        async def alerting(e):
            await e.call.answer()
            even.enter(e.call)
        """),
    )
    await caller.press("4114")
    await sim.settle()
    assert sim.logs == ["4114"]
    caller.hang_up()


async def test_async_functions_end_before_the_next_state_begins(sim: Sim) -> None:
    caller = await at(
        sim,
        script("""
        async def check(key):
            await VoxEngine.sleep(2)
            Logger.write(f"checked {key}")
        done = IVRState("done", type="noinput", prompt={"play": "http://example.com/done.wav"})
        ask = IVRState("ask", {"type": "select", "nextStates": {"1": done}}, check)
        @on_call
        async def alerting(e):
            await e.call.answer()
            ask.enter(e.call)
        """),
    )
    await caller.press("1")
    assert sim.logs == []
    await caller.hears("done.wav")
    assert sim.logs == ["checked 1"]
    caller.hang_up()


async def test_reset_leaves_the_state(sim: Sim) -> None:
    caller = await at(
        sim,
        script("""
        ask = IVRState("ask", {"type": "select"}, lambda key: Logger.write(key))
        @on_call
        async def alerting(e):
            await e.call.answer()
            ask.enter(e.call)
            IVR.reset()
        """),
    )
    await caller.press("1")
    await sim.advance(6)
    assert sim.logs == []
    caller.hang_up()


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ('IVRState("a", type="choose")', "there is no type 'choose'"),
        ('IVRState("a", type="inputfixed")', "type inputfixed needs inputLength"),
        ('IVRState("a", type="inputunknown")', "needs terminateOn or inputValidator"),
        ('IVRState("a", prompt={"text": "x"})', "prompt has no key 'text'"),
        ('IVRState("a", promt={})', "has no option 'promt': did you mean 'prompt'?"),
        ('IVRState("a", nextState=1)', "nextState must be an IVRState, not int"),
        ('IVRState("a", {}, 5)', "onInputComplete must be a function"),
        ('IVRState("a", terminateOn="x")', "terminateOn may hold the keys"),
    ],
)
async def test_mistakes_are_refused_at_their_line(sim: Sim, made: str, message: str) -> None:
    sim.load_text(f"from runtime import IVRState\n{made}\n")
    sim.expect_error(message.replace("'", ".").replace("?", "."))
    caller = await sim.call()
    await caller.ended()
    assert caller.wire[-1].startswith("rejected 500")


async def test_a_state_tells_what_was_keyed_in_and_what_it_was_made_with(sim: Sim) -> None:
    sim.load_text(
        script("""
        code = IVRState("code", {"type": "inputfixed", "inputLength": 2, "timeout": 4000})
        code.settings["inputLength"] = 9
        @on_call
        async def alerting(e):
            await e.call.answer()
            Logger.write(repr(code.input))
            code.enter(e.call)
            await VoxEngine.sleep(3)
            Logger.write(f"{code.input} {code.settings}")
        """)
    )
    caller = await sim.call()
    await caller.connected()
    await caller.press("47")
    await sim.advance(3)
    assert sim.logs == ["''", "47 {'type': 'inputfixed', 'inputLength': 2, 'timeout': 4000}"]
    caller.hang_up()


async def test_prompts_are_spoken_as_tts_options_say(sim: Sim) -> None:
    caller = await at(sim, MENU + '\nIVR.ttsOptions = {"rate": "slow"}\n')
    await caller.hears("press one or two")
    said = next(row for row in sim.timeline if row.what == "media.say")
    assert "'rate': 'slow'" in str(said.detail)
    caller.hang_up()


async def test_only_the_tts_options_of_ivr_can_be_set(sim: Sim) -> None:
    sim.load_text(
        script("""
        for name, value in (("ttsOptions", {"rat": 1}), ("ttsOption", {}), ("ttsOptions", "slow")):
            try:
                setattr(IVR, name, value)
            except (AttributeError, TypeError) as exc:
                Logger.write(exc)
        Logger.write(IVR.ttsOptions)
        """)
    )
    await sim.start()
    await sim.settle()
    assert [line[:52] for line in sim.logs] == [
        "IVR(): ttsOptions has no key 'rat': did you mean 'ra",
        "IVR.ttsOption cannot be set: API objects take no att",
        "IVR(): ttsOptions must be a dict, not str",
        "{}",
    ]
