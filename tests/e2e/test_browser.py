"""A telephone in a browser, over WebSocket, hears a running runtime at a plain RTP address."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
from wsproto.events import RejectConnection

from tests.e2e.audio import Audio
from tests.e2e.runtime_process import RuntimeProcess, callstage
from tests.e2e.test_real_peers import tones
from tests.sip.browser import Browser, browser, connect

pytestmark = pytest.mark.loopback

LISTEN = ["--sip", "udp://127.0.0.1:0", "--sip", "ws://127.0.0.1:0"]


@pytest.fixture(scope="module")
def runtime(scripts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RuntimeProcess]:
    folder = tmp_path_factory.mktemp("browser")
    with callstage(scripts / "play.py", folder=folder, options=LISTEN) as started:
        yield started


def offer(port: int) -> str:
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0"]
    lines += [f"m=audio {port} RTP/AVP 0", "a=rtpmap:0 PCMU/8000"]
    return "\r\n".join(lines) + "\r\n"


async def place_call(phone: Browser, audio: Audio) -> str:
    uri, more = "sip:play@127.0.0.1", {"X_Sound": "440.wav", "X_Then": "hangup"}
    body = offer(audio.port)
    await phone.say(phone.sip("INVITE", uri, Content_Type="application/sdp", body=body, **more))
    to = (await phone.response(200)).headers.get("To") or ""
    await phone.say(phone.sip("ACK", uri, to=to))
    return to


async def test_a_browser_hears_what_the_script_plays(
    runtime: RuntimeProcess, nursery: trio.Nursery
) -> None:
    assert "sip=ws:127.0.0.1:" in runtime.ready_line
    audio = await Audio.open()
    nursery.start_soon(audio.run_receiver)
    async with browser(runtime.port("ws")) as phone:
        await place_call(phone, audio)
        bye = await phone.request("BYE")
        lines = [
            "SIP/2.0 200 OK",
            *(f"{name}: {bye.headers.get(name)}" for name in ("Via", "From", "To", "Call-ID")),
            f"CSeq: {bye.headers.get('CSeq')}",
        ]
        await phone.say("\r\n".join(lines) + "\r\n\r\n")
    await runtime.logged("disconnected 200")
    assert tones(audio.heard()) == [440]
    nursery.cancel_scope.cancel()
    audio.close()
    facts = "\n".join(file.read_text() for file in runtime.data.glob("sessions/*/timeline.jsonl"))
    assert "SIP/2.0/WS " in facts


async def test_a_web_page_may_not_connect_unless_its_site_is_named(
    runtime: RuntimeProcess,
) -> None:
    page = await connect(runtime.port("ws"), origin="https://evil.example")
    refused = await page.hear(RejectConnection)
    assert isinstance(refused, RejectConnection)
    assert refused.status_code == 403
    await trio.aclose_forcefully(page.stream)
    await runtime.logged("pages of 'https://evil.example' may not connect")
