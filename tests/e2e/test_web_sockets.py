"""A call to a script that connects it to a WebSocket server, through the whole runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from runtime.media.pcm import Samples
from tests.e2e.audio import tone
from tests.e2e.phone import Phone, telephone
from tests.e2e.runtime_process import RuntimeProcess, callstage
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


CONFIG = """
[[rule]]
name = "all"
to = ".*"
scenario = "dictation.py"
[asr]
url = "{url}"
"""


async def test_a_recogniser_hears_a_caller_and_the_script_gets_what_it_understood(
    scripts: Path, tmp_path: Path
) -> None:
    async with serving() as recogniser:
        config = scripts / "asr.toml"
        config.write_text(CONFIG.format(url=recogniser.url))
        options = ["--config", str(config), "--net-allow", "127.0.0.0/8"]
        with callstage(folder=tmp_path, options=options) as runtime:
            async with telephone(runtime.port()) as phone:
                call = await phone.call("anyone")
                await call.connected()
                call.audio.say(tone(440, 20))
                await recogniser.until(lambda: len(recogniser.texts) > 75)
                await recogniser.says('{"event": "result", "text": "a tone", "confidence": 99}')
                await call.ended()
                session = await runtime.session_of(call.call_id)
                await runtime.over(session)
                logged = [e["what"] for e in runtime.timeline(session) if e["kind"] == "log"]
        first, *media = (m for m in recogniser.messages if m["event"] in ("start", "media"))
    assert "understood: a tone" in logged
    assert first["start"]["customParameters"] == '{"profile": "en-GB"}'
    assert _is_heard(audio(media, "L16")[::2], 440)


def _is_heard(samples: Samples, hertz: float) -> bool:
    """Whether a tone of half a second is in it."""
    return any(
        part.kind == "tone"
        and part.duration_s > 0.5
        and any(abs(each - hertz) < 10 for each in part.frequencies_hz)
        for part in sounding(samples)
    )
