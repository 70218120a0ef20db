"""A WebSocket that comes in at the access URL of a call's session, through the whole runtime."""

from __future__ import annotations

import contextlib
import json
from base64 import b64decode

import numpy as np
import pytest
import trio
from wsproto.utilities import LocalProtocolError

from runtime.media.codecs.table import CodecTable
from runtime.media.pcm import Samples
from tests.e2e.audio import tone
from tests.e2e.phone import Dialog, Phone
from tests.e2e.runtime_process import RuntimeProcess
from tests.e2e.sounds import channel, sounding
from tests.e2e.test_access_url import client_of, started
from tests.hearing import joined
from tests.sockets.test_client import audio, opus_packets_of
from tests.sockets.visitor import Visitor, visiting

pytestmark = pytest.mark.loopback


async def called(runtime: RuntimeProcess, phone: Phone) -> tuple[Dialog, str, str]:
    """A call to the script: with its session, and the URL that leads there."""
    call = await phone.call("visited")
    await call.connected()
    session = await runtime.session_of(call.call_id)

    def said() -> list[str]:
        rows = runtime.timeline(session)
        return [row["what"] for row in rows if row["kind"] == "log" and "visit" in row["what"]]

    await runtime.until(lambda: said() and "the call is up" in str(runtime.timeline(session)), "up")
    return call, session, said()[0].removeprefix("visit ")


async def test_a_caller_and_who_comes_in_hear_each_other_and_both_are_recorded(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    wave = 8000 * np.sin(2 * np.pi * 600 * np.arange(16000) / 16000)
    call, session, url = await called(runtime, phone)
    async with visiting(f"{url}/agent?encoding=PCM16") as visitor:
        await visitor.until(lambda: visitor.accepted)
        assert visitor.accepted is not None
        assert (visitor.accepted.subprotocol, visitor.accepted.extensions) == ("chat", [])
        call.audio.say(tone(440, 20))
        await visitor.until(lambda: len(visitor.messages) > 75)
        await visitor.starts("PCM16", 16000)
        await visitor.plays(wave.astype("<i2").tobytes())
        await call.hear(2.5)
        assert _is_heard(call.audio.samples(), 600)
        first, *media = visitor.messages
        assert first["start"]["mediaFormat"] == {
            "encoding": "PCM16",
            "sampleRate": 16000,
            "channels": 1,
        }
        assert _is_heard(audio(media, "L16")[::2], 440)
        await visitor.says("hello")
        await visitor.until(lambda: "Ann said hello" in visitor.texts)
        await call.bye()
        await visitor.until(lambda: visitor.closed)
    rows = await runtime.over(session)
    [recording] = [file for file in runtime.recordings() if session in str(file)]
    sent, heard = joined(channel(recording, 0)), joined(channel(recording, 1))
    assert [round(part.frequencies_hz[0], -1) for part in sent if part.duration_s > 0.5] == [440]
    assert [round(part.frequencies_hz[0], -1) for part in heard if part.duration_s > 0.5] == [600]
    names = [row["what"] for row in rows if row["kind"] == "event"]
    assert "AppEvents.NewWebSocketConnection" in names
    assert url.rpartition("/")[2] not in str([row for row in rows if row["kind"] != "log"])


async def test_who_comes_in_cannot_end_the_call_by_talking(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    call, session, url = await called(runtime, phone)

    async def flood(visitor: Visitor) -> None:
        with contextlib.suppress(LocalProtocolError, trio.BrokenResourceError):  # the goodbye
            for _ in range(30_000):
                await visitor.says("x")

    async with visiting(f"{url}/flood") as visitor, trio.open_nursery() as nursery:
        await visitor.until(lambda: visitor.accepted)
        nursery.start_soon(flood, visitor)
        await visitor.until(lambda: len(visitor.texts) > 300)
        await call.bye()
        rows = await runtime.over(session)
        nursery.cancel_scope.cancel()
    assert [row["what"] for row in rows if row["what"].startswith("ends")] == ["ends: terminated"]


async def test_opus_comes_in_and_goes_out(runtime: RuntimeProcess, phone: Phone) -> None:
    table = CodecTable()
    table.load(["opus"])
    decoder = table.decoder("opus")
    wave = (8000 * np.sin(2 * np.pi * 600 * np.arange(48000) / 48000)).astype(np.int16)
    call, session, url = await called(runtime, phone)
    async with visiting(f"{url}/agent?encoding=OPUS") as visitor:
        call.audio.say(tone(440, 20))
        await visitor.until(lambda: len(visitor.messages) > 75)
        await visitor.starts("OPUS", 48000)
        for packet in opus_packets_of(wave, 20):
            await visitor.plays(packet)
        await call.hear(2.5)
        assert _is_heard(call.audio.samples(), 600)
        first, *media = visitor.messages
        assert first["start"]["mediaFormat"]["encoding"] == "OPUS"
        heard = [decoder.decode(b64decode(each["media"]["payload"])) for each in media]
        whole = np.concatenate([part for part in heard if part is not None])
        assert _is_heard(whole[::2], 440)
        await call.bye()
        await visitor.until(lambda: visitor.closed)
    await runtime.over(session)


async def test_who_may_not_come_in_is_told_why(runtime: RuntimeProcess, phone: Phone) -> None:
    call, session, url = await called(runtime, phone)
    for path, status, why in (
        (f"{url[:-4]}/x", 404, "nothing is served here"),
        (f"{runtime.http}/request/", 404, "nothing is served here"),
    ):
        async with visiting(path) as visitor:
            await visitor.until(lambda: visitor.gone)
            assert (visitor.status, json.loads(visitor.refusal)["detail"]) == (status, why)
    async with visiting(f"{runtime.http}/api/v1/events") as visitor:
        await visitor.until(lambda: visitor.gone)
        assert visitor.accepted is None
    call.audio.say(tone(440, 1))
    await call.bye()
    await runtime.over(session)
    async with visiting(url) as visitor:
        await visitor.until(lambda: visitor.gone)
        assert visitor.status == 410


async def test_a_session_whose_script_allows_none_refuses(runtime: RuntimeProcess) -> None:
    session, url = await started(runtime)
    async with visiting(url) as visitor:
        await visitor.until(lambda: visitor.gone)
        assert visitor.status == 403
        assert "allowWebSocketConnections" in json.loads(visitor.refusal)["detail"]
    async with client_of(url) as client:
        assert (await client.get("/end")).text == "good bye"
    rows = await runtime.over(session)
    [refusal] = [row for row in rows if row["kind"] == "refusal"]
    assert refusal["what"].startswith("from outside: GET /request/(hidden): 403")


def _is_heard(samples: Samples, hertz: float) -> bool:
    """Whether a tone of half a second is in it."""
    return any(
        part.kind == "tone"
        and part.duration_s > 0.5
        and any(abs(each - hertz) < 10 for each in part.frequencies_hz)
        for part in sounding(samples)
    )
