"""Rule 3.5: key presses, both ways."""

from __future__ import annotations

import pytest

from runtime.testing import Sim
from tests.testing.rules.scripts import script


def listening(kinds: str = "") -> str:
    return script(f"""
        @on_call
        def alerting(e):
            e.call.handleTones(True{kinds})
            @e.call.on(CallEvents.ToneReceived)
            def tone(e):
                Logger.write(f"{{e.tone}} type {{e.type}}")
            e.call.answer()
    """)


async def test_tones_are_silent_by_default(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        def alerting(e):
            log_calls(e.call)
            e.call.answer()
        """)
    )
    caller = await sim.call()
    await caller.connected()
    await caller.press("123")
    await caller.press("4", by="info")
    assert sim.logs == ["call Connected"]
    caller.hang_up()


async def test_every_key_is_one_event_with_its_kind(sim: Sim) -> None:
    sim.load_text(listening())
    caller = await sim.call()
    await caller.connected()
    await caller.press("0123456789*#")
    await caller.press("7", by="info")
    expected = [f"{key} type 1" for key in "0123456789*#"]
    assert sim.logs == [*expected, "7 type 3"]
    caller.hang_up()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (", DTMFType.TELEPHONE_EVENT", ["1 type 1"]),
        (", DTMFType.SIP_INFO", ["2 type 3"]),
        (", DTMFType.ALL", ["1 type 1", "2 type 3"]),
    ],
)
async def test_only_the_kinds_asked_for_are_told(sim: Sim, kind: str, expected: list[str]) -> None:
    sim.load_text(listening(kind))
    caller = await sim.call()
    await caller.connected()
    await caller.press("1")
    await caller.press("2", by="info")
    assert sim.logs == expected
    caller.hang_up()


async def test_handling_can_be_switched_off_again(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        def alerting(e):
            call = e.call
            call.handleTones(True)
            @call.on(CallEvents.ToneReceived)
            def tone(e):
                Logger.write(e.tone)
                call.handleTones(e.tone != "0")
            call.answer()
        """)
    )
    caller = await sim.call()
    await caller.connected()
    await caller.press("1023")
    assert sim.logs == ["1", "0"]
    caller.hang_up()


BRIDGE = """
        @on_call
        async def alerting(e):
            {handle}
            bob = VoxEngine.callSIP("sip:bob@example.com")
            VoxEngine.sendMediaBetween(e.call, bob)
            await e.call.answer()
"""


async def test_handled_tones_are_cut_out_of_what_others_hear(sim: Sim) -> None:
    sim.load_text(script(BRIDGE.format(handle="e.call.handleTones(True)")))
    bob = sim.expect_call()
    caller = await sim.call()
    await bob.invited()
    bob.answer()
    await caller.connected()
    await caller.press("12")
    assert bob.heard == []
    assert bob.digits == ""
    caller.hang_up()
    bob.hang_up()


async def test_without_handling_tones_pass_through_the_bridge(sim: Sim) -> None:
    sim.load_text(script(BRIDGE.format(handle="pass")))
    bob = sim.expect_call()
    caller = await sim.call()
    await bob.invited()
    bob.answer()
    await caller.connected()
    await caller.press("12")
    await bob.gets_digits("12")
    caller.hang_up()
    bob.hang_up()


async def test_send_digits_reaches_the_peer_with_pauses(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        async def alerting(e):
            await e.call.answer()
            e.call.sendDigits("1p2#")
        """)
    )
    caller = await sim.call()
    await caller.gets_digits("12#")
    caller.hang_up()


async def test_send_digits_takes_only_keys(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        async def alerting(e):
            try:
                e.call.sendDigits("12x")
            except ValueError as error:
                Logger.write(error)
            e.call.hangup()
        """)
    )
    await sim.call()
    await sim.settle()
    assert "'x'" in sim.logs[0]


async def test_hidden_tones_are_not_in_the_record_and_reach_the_script(sim: Sim) -> None:
    sim.load_text("from runtime import Logger\nLogger.hideTones(True)\n" + listening())
    caller = await sim.call()
    await caller.connected()
    await caller.press("42")
    shown = [event.fields for event in sim.events if event.name == "Call.ToneReceived"]
    assert [fields["tone"] for fields in shown] == ["(hidden)", "(hidden)"]
    assert sim.logs == ["4 type 1", "2 type 1"]
    caller.hang_up()


# --- gather and tones -----------------------------------------------------------------------------


def gathers(options: str) -> str:
    return script(f"""
        @on_call
        async def alerting(e):
            await e.call.answer()
            got = await e.call.gather({options})
            Logger.write(f"{{got.digits!r}} {{got.reason}}")
            e.call.hangup()
    """)


@pytest.mark.parametrize(
    ("options", "keys", "expected"),
    [
        ("maxDigits=3", "1234", "'123' max_digits"),
        ('finishOn="*"', "12*", "'12' finish_key"),
        ("timeout=3", "", "'' timeout"),
        ("timeout=3, interDigitTimeout=1", "12", "'12' timeout"),
        ('prompt="Please enter your number", maxDigits=2', "55", "'55' max_digits"),
    ],
)
async def test_gather_ends_with_digits_a_key_or_silence(
    sim: Sim, options: str, keys: str, expected: str
) -> None:
    sim.load_text(gathers(options))
    caller = await sim.call()
    await caller.connected()
    if keys:
        caller.press(keys)
    await caller.ended()
    assert sim.logs == [expected]


async def test_barge_in_stops_the_prompt_and_without_it_keys_are_not_taken(sim: Sim) -> None:
    prompt = "p" * 75
    for barge_in, seconds, digits in (("True", 1.1, "12"), ("False", 5.0, "")):
        sim.load_text(gathers(f'prompt="{prompt}", maxDigits=2, bargeIn={barge_in}'))
        caller = await sim.call()
        await caller.connected()
        await sim.advance(1)
        caller.press("12")
        await caller.ended()
        assert caller.heard[0].seconds == pytest.approx(seconds)
        assert sim.logs[-1].startswith(repr(digits))


async def test_gather_ends_with_the_call(sim: Sim) -> None:
    sim.load_text(gathers('prompt="Please enter your number"'))
    caller = await sim.call()
    await caller.connected()
    await sim.advance(0.5)
    caller.hang_up()
    await sim.advance(1)
    assert sim.logs[0] == "'' call_ended"


async def test_tones_can_be_read_in_a_loop_until_the_call_ends(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        async def alerting(e):
            await e.call.answer()
            async for tone in e.call.tones():
                Logger.write(tone)
                await VoxEngine.sleep(1)
            Logger.write("over")
        """)
    )
    caller = await sim.call()
    await caller.connected()
    await caller.press("123")
    await sim.advance(5)
    caller.hang_up()
    await sim.advance(1)
    assert sim.logs == ["1", "2", "3", "over"]
