"""What a caller hears: files of every kind, at the right time and for the right length."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.phone import Phone
from tests.e2e.runtime_process import RuntimeProcess
from tests.e2e.sounds import check_tone
from tests.e2e.web import web_server
from tests.e2e.wire import Header

pytestmark = pytest.mark.loopback


def plays(sound: str, then: str = "hangup") -> list[Header]:
    return [("X-Sound", sound), ("X-Then", then)]


@pytest.mark.parametrize("kind", ["wav", "mp3", "ogg", "flac"])
async def test_a_file_of_the_scenarios_folder_is_heard_whole(phone: Phone, kind: str) -> None:
    call = await phone.call("play", headers=plays(f"440.{kind}"))
    await call.connected()
    await call.ended()
    [heard] = call.audio.heard()
    check_tone(heard, 440, 1.0)
    call.audio.check_unbroken()


async def test_audio_is_sent_from_the_200_on_and_silence_is_audio(phone: Phone) -> None:
    call = await phone.call("quiet")
    await call.connected()
    await call.hear(1.0)
    assert call.audio.heard() == []
    call.audio.check_unbroken()
    spent = call.audio.packets[-1].at - call.audio.packets[0].at
    assert len(call.audio.packets) / spent == pytest.approx(50, rel=0.1)
    await call.bye()


@pytest.mark.parametrize("sound", ["nowhere.wav", "garbage.wav", "empty.mp3", "../secret.wav"])
async def test_a_sound_that_cannot_be_played_is_an_error_and_the_call_goes_on(
    runtime: RuntimeProcess, phone: Phone, sound: str
) -> None:
    started = len(runtime.log_lines("play started"))
    call = await phone.call("play", headers=plays(sound, "tone"))
    await call.connected()
    await call.ended()
    [heard] = call.audio.heard()
    check_tone(heard, 880, 0.5)
    name = sound.rpartition("/")[2]
    [line] = [line for line in runtime.log_lines("play finished") if name in line]
    assert "None" not in line
    assert len(runtime.log_lines("play started")) == started + 1  # of the tone that followed


async def test_speech_is_heard(phone: Phone) -> None:
    call = await phone.call("speak")
    await call.connected()
    await call.ended()
    heard = call.audio.heard()
    assert {part.kind for part in heard} == {"speech"}
    assert sum(part.duration_s for part in heard) > 1.5


async def test_what_was_replaced_never_comes_back(runtime: RuntimeProcess, phone: Phone) -> None:
    call = await phone.call("replace")
    await call.connected()
    await call.ended()
    first, second, third = call.audio.heard()
    check_tone(first, 440, 0.6, slack_s=0.2)
    check_tone(second, 880, 0.5)
    assert second.start_s - first.end_s < 0.05
    check_tone(third, 440, 0.6, slack_s=0.2)
    await runtime.logged("replace first replaced")
    await runtime.logged("replace second stopped")
    assert len(runtime.log_lines("replace finished")) == 1  # of the 880 Hz that came to its end


async def test_a_loop_has_no_seam(phone: Phone) -> None:
    headers = [*plays("440.wav", "stay"), ("X-Again", "1")]
    call = await phone.call("play", headers=headers)
    await call.connected()
    await call.hear(2.5)
    await call.bye()
    [heard] = call.audio.heard()
    assert heard.kind == "tone"
    assert heard.duration_s > 2.2


async def test_a_url_is_played_when_the_operator_allows_its_address(
    phone: Phone, scripts: Path
) -> None:
    async with web_server(scripts) as base:
        call = await phone.call("play", headers=plays(f"{base}/440.mp3"))
        await call.connected()
        await call.ended()
    [heard] = call.audio.heard()
    check_tone(heard, 440, 1.0)
