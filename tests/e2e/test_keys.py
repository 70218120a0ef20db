"""Digits both ways, by RFC 4733 and by INFO, and INFO that is no digit."""

from __future__ import annotations

import pytest

from tests.e2e.audio import tone
from tests.e2e.phone import Phone
from tests.e2e.runtime_process import RuntimeProcess
from tests.e2e.sounds import check_tone

pytestmark = pytest.mark.loopback


def keys_of(runtime: RuntimeProcess, caller: str) -> list[str]:
    lines = runtime.log_lines(f"{caller} key ")
    return [line.partition(" key ")[2].split(" kind=")[0] for line in lines]


async def test_every_key_pressed_in_the_audio_is_seen_once(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    call = await phone.call("keys", caller="presser")
    await call.connected()
    await call.audio.press("0123456789*#")
    await runtime.until(lambda: len(keys_of(runtime, "presser")) >= 12, "twelve keys")
    await call.bye()
    assert keys_of(runtime, "presser") == [f"{key} type 1" for key in "0123456789*#"]


async def test_keys_of_40_ms_with_40_ms_between_are_all_seen(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    call = await phone.call("keys", caller="hurried")
    await call.connected()
    await call.audio.press("5505", key_ms=40, gap_ms=40)
    await runtime.until(lambda: len(keys_of(runtime, "hurried")) >= 4, "four keys")
    await call.bye()
    assert keys_of(runtime, "hurried") == [f"{key} type 1" for key in "5505"]


async def test_keys_in_info_are_seen_and_other_infos_are_told_as_they_are(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    call = await phone.call("keys", caller="informer")
    await call.connected()
    relay = "Signal={}\r\nDuration=160\r\n"
    for key in "7#":
        answer = await call.info("application/dtmf-relay", relay.format(key))
        assert answer.status == 200
    assert (await call.info("application/dtmf", "9")).status == 200
    assert (await call.info("text/plain", "no digit")).status == 200
    await runtime.logged("informer text/plain: no digit")
    await call.bye()
    assert keys_of(runtime, "informer") == ["7 type 3", "# type 3", "9 type 3"]


async def test_the_scenario_presses_keys_and_sends_an_info(phone: Phone) -> None:
    call = await phone.call("keys", headers=[("X-Digits", "12p#")])
    await call.connected()
    info = await call.requested("INFO")
    assert (info.body, info.get("Content-Type")) == (b"hello there", "text/plain")
    assert info.get("X-Note") == "1"
    await call.until(lambda: call.audio.keys() == "12#", "three keys")
    await call.bye()


async def test_unhandled_keys_pass_through_a_bridge_and_handled_ones_do_not(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    call = await phone.call("bridge", headers=[("X-Target", phone.uri)])
    await call.connected()
    other = await phone.incoming()
    await other.answer()
    await runtime.logged("bridge True 200")
    call.audio.say(tone(440, 1.0), again=True)
    await other.until(other.audio.sounds, "the tone")
    await call.audio.press("42")
    await other.until(lambda: other.audio.keys() == "42", "both keys on the other side")
    await call.bye()
    await other.ended()


async def test_keys_do_not_break_the_audio_that_is_played(phone: Phone) -> None:
    headers = [("X-Sound", "440-long.wav"), ("X-Then", "hangup")]
    call = await phone.call("play", headers=headers)
    await call.connected()
    await call.audio.press("123")
    await call.hear(1.0)
    await call.bye()
    [heard] = call.audio.heard()
    check_tone(heard, 440, heard.duration_s)
