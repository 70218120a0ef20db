"""A call to a script that connects it to a WebSocket server, through the whole runtime."""

from __future__ import annotations

import numpy as np

from runtime.media.pcm import Samples
from tests.e2e.audio import tone
from tests.e2e.phone import Phone
from tests.e2e.runtime_process import RuntimeProcess
from tests.e2e.sounds import sounding
from tests.sockets.server import serving
from tests.sockets.test_client import audio


async def test_a_caller_and_a_server_hear_each_other(runtime: RuntimeProcess, phone: Phone) -> None:
    wave = 8000 * np.sin(2 * np.pi * 600 * np.arange(16000) / 16000)
    async with serving() as server:
        call = await phone.call("bot", headers=[("X-Socket", server.url)])
        await call.connected()
        call.audio.say(tone(440, 20))
        await server.until(lambda: len(server.texts) > 75)
        await server.starts("PCM16", 16000)
        await server.plays(wave.astype("<i2").tobytes())
        await call.hear(2.5)
        assert _is_heard(call.audio.samples(), 600)
        first, *media = server.messages
        assert first["start"]["mediaFormat"]["encoding"] == "PCM16"
        heard = audio(media, "L16")[::2]
        assert _is_heard(heard, 440)
        await server.vanishes()
        await call.ended()
    session = await runtime.session_of(call.call_id)
    await runtime.over(session)
    names = [row["what"] for row in runtime.timeline(session) if row["kind"] == "event"]
    sockets = [name for name in names if name.startswith("WebSocket.")]
    assert sockets[:3] == ["WebSocket.Created", "WebSocket.Open", "WebSocket.MediaEventStarted"]
    assert sockets[-1] == "WebSocket.Close"


def _is_heard(samples: Samples, hertz: float) -> bool:
    """Whether a tone of half a second is in it."""
    return any(
        part.kind == "tone"
        and part.duration_s > 0.5
        and any(abs(each - hertz) < 10 for each in part.frequencies_hz)
        for part in sounding(samples)
    )
