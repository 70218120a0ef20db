"""Recordings of real calls: what is in the file, when it is there, and how it is fetched."""

from __future__ import annotations

import io
import re

import httpx
import pytest

from tests.e2e.audio import tone
from tests.e2e.phone import Dialog, Phone
from tests.e2e.runtime_process import RuntimeProcess
from tests.e2e.sounds import channel, check_tone, read_sound, sounding
from tests.e2e.wire import Header

pytestmark = pytest.mark.loopback


async def recorded(phone: Phone, runtime: RuntimeProcess, name: str, *headers: Header) -> Dialog:
    """A call in which the caller says 880 Hz and hears 440 Hz, each for a second, in that order."""
    call = await phone.call("record", caller=name, headers=headers)
    await call.connected()
    await runtime.logged(f"{name} record started")
    call.audio.say(tone(880, 0.3))
    await runtime.logged(f"{name} played")
    return call


async def url_of(runtime: RuntimeProcess, name: str) -> str:
    line = await runtime.logged(f"{name} record started")
    found = re.search(r"http://\S+", line)
    assert found, line
    return found[0]


async def fetch(url: str, byte_range: str = "") -> httpx.Response:
    headers = {"Range": byte_range} if byte_range else {}
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(url, headers=headers)


async def test_the_metrics_count_a_call_its_audio_and_its_recording(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    before = runtime.metrics()
    call = await recorded(phone, runtime, "counted", ("X-Container", "wav"))
    during = runtime.metrics()
    assert during["callstage_recordings_active"] == before["callstage_recordings_active"] + 1
    assert during["callstage_calls in connected"] == before["callstage_calls in connected"] + 1
    assert during["callstage_engine_legs"] >= 1
    await call.bye()
    session = await runtime.session_of(call.call_id)
    async with httpx.AsyncClient(trust_env=False) as client:
        await client.delete(f"{runtime.http}/api/v1/sessions/{session}")
    await runtime.over(session)
    refused = await phone.call("no-such-script")
    assert (await refused.final()).status == 404

    after = runtime.metrics()
    for name, more in (
        ("callstage_sessions_started_total", 1),
        ("callstage_sessions_ended_total operator", 1),
        ("callstage_calls_ended_total in answered", 1),
        ("callstage_recordings_finished_total", 1),
        ("callstage_recordings_active", 0),
        ("callstage_http_requests_total 2xx", 3),
    ):
        assert after[name] - before[name] == more, name
    assert after["callstage_refusals_total 404 E2104"] >= 1
    assert (
        after["callstage_rtp_packets_received_total"]
        > before["callstage_rtp_packets_received_total"]
    )
    assert after["callstage_engine_frames_total"] > before["callstage_engine_frames_total"]
    assert after["callstage_engine_cpu_seconds_total"] > 0
    assert after["callstage_sandbox_level full"] == 1
    assert after["callstage_draining"] == 0
    assert after["process_resident_memory_bytes"] > 10_000_000


@pytest.mark.parametrize("container", ["wav", "mp3", "flac", "ogg"])
async def test_left_is_what_the_caller_says_and_right_what_it_hears(
    runtime: RuntimeProcess, phone: Phone, container: str
) -> None:
    call = await recorded(phone, runtime, f"stereo-{container}", ("X-Container", container))
    await call.hear(0.3)
    await call.bye()
    await runtime.logged(f"stereo-{container} record stopped")
    url = await url_of(runtime, f"stereo-{container}")
    answer = await fetch(url)
    assert answer.status_code == 200
    samples, rate = read_sound(io.BytesIO(answer.content))
    [said], [heard] = sounding(samples[:, 0], rate), sounding(samples[:, 1], rate)
    check_tone(said, 880, said.duration_s)
    check_tone(heard, 440, 1.0)
    slack_s = 0.3 if container == "ogg" else 0.15  # an Opus encoder takes its time to open
    assert heard.start_s == pytest.approx(0.3, abs=slack_s)


async def test_without_stereo_both_channels_carry_the_mix(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    call = await recorded(phone, runtime, "mono", ("X-Container", "wav"), ("X-Mono", "1"))
    call.audio.say(tone(880, 0.5))
    await call.hear(0.8)
    await call.bye()
    await runtime.logged("mono record stopped")
    session = await runtime.session_of(call.call_id)
    file = next(path for path in runtime.recordings() if session in str(path))
    for side in (0, 1):
        tones = [part for part in channel(file, side) if part.duration_s > 0.4]
        assert [round(part.frequencies_hz[0] / 10) for part in tones] == [44, 88]


async def test_the_file_is_finished_after_the_call_and_the_script_is_told_last(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    call = await recorded(phone, runtime, "order", ("X-Container", "wav"))
    await call.bye()
    stopped = await runtime.logged("order record stopped")
    lines = runtime.log().splitlines()
    assert lines.index(stopped) > lines.index(await runtime.logged("order disconnected"))
    answer = await fetch(await url_of(runtime, "order"))
    samples, rate = read_sound(io.BytesIO(answer.content))
    spent = len(samples) / rate
    assert spent == pytest.approx(1.3, abs=0.4)


async def test_a_recording_can_be_fetched_in_parts(runtime: RuntimeProcess, phone: Phone) -> None:
    call = await recorded(phone, runtime, "parts", ("X-Container", "wav"))
    await call.bye()
    await runtime.logged("parts record stopped")
    url = await url_of(runtime, "parts")
    whole = (await fetch(url)).content
    part = await fetch(url, "bytes=100-199")
    assert (part.status_code, part.content) == (206, whole[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole)}"
    assert (await fetch(url, f"bytes={len(whole) + 5}-")).status_code == 416
    assert (await fetch(url.rpartition("/")[0] + "/99")).status_code == 404
    assert (await fetch(url.replace("/recordings/", "/recordings/../"))).status_code == 404


async def test_a_recording_is_saved_under_the_name_that_its_script_began(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    call = await recorded(phone, runtime, "named", ("X-Container", "wav"), ("X-Named", "1"))
    await call.bye()
    await runtime.logged("named record stopped")
    session = await runtime.session_of(call.call_id)
    [row] = runtime.api(f"sessions/{session}/recordings")["recordings"]
    assert row["name"] == f"gr\u00fcn {session}-1.wav"
    assert row["expires_at"] - row["finished_at"] == pytest.approx(183 * 86_400)
    answer = await fetch(await url_of(runtime, "named"))
    saved = f"inline; filename*=UTF-8''gr%C3%BCn%20{session}-1.wav"
    assert answer.headers["content-disposition"] == saved


async def test_a_recording_can_be_heard_while_it_is_made(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    call = await recorded(phone, runtime, "live", ("X-Container", "mp3"), ("X-Again", "1"))
    await call.hear(1.5)
    answer = await fetch(await url_of(runtime, "live"))
    samples, rate = read_sound(io.BytesIO(answer.content))
    assert sounding(samples[:, 1], rate)
    await call.bye()


async def test_a_second_recording_of_the_same_call_is_an_error(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    call = await recorded(phone, runtime, "twice", ("X-Twice", "1"))
    await runtime.logged("twice record error")
    await call.bye()
    await runtime.logged("twice record stopped")
    assert len(runtime.log_lines("twice record started")) == 1
