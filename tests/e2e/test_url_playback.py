"""URLs on a real call: heard before they are there, waited for, and what becomes of broken ones."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import trio

from tests.e2e.audio import tone
from tests.e2e.phone import Dialog, Phone
from tests.e2e.runtime_process import RuntimeProcess
from tests.e2e.sounds import check_tone, wav
from tests.net.web import Answer, Web

pytestmark = pytest.mark.loopback

THREE_S = wav(tone(440, 3.0))
ONE_S = 44 + 16_000
"""Octets of the first of them."""


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    server = Web()
    async with trio.open_nursery() as nursery:
        await nursery.start(server.run)
        yield server
        nursery.cancel_scope.cancel()


async def plays(phone: Phone, url: str, *headers: tuple[str, str]) -> Dialog:
    call = await phone.call("play_url", headers=[("X-Sound", url), *headers])
    await call.connected()
    return call


async def timeline(runtime: RuntimeProcess, url: str, last: str) -> list[str]:
    """What the session that played `url` wrote down, once `last` is in it."""

    def found() -> list[str]:
        for session in runtime.sessions():
            written = [str(line) for line in runtime.timeline(session)]
            if any(url in line for line in written) and any(last in line for line in written):
                return written
        return []

    await runtime.until(found, f"a timeline with {url} and {last}")
    return found()


def heard_s(call: Dialog) -> float:
    return sum(part.duration_s for part in call.audio.heard() if part.kind == "tone")


@pytest.mark.parametrize("by", [[], [("X-Player", "1")]], ids=["startPlayback", "createURLPlayer"])
async def test_a_url_is_heard_before_it_is_there_and_waited_for(
    runtime: RuntimeProcess, phone: Phone, web: Web, by: list[tuple[str, str]]
) -> None:
    rest = trio.Event()
    web.pages["/slow.wav"] = Answer(THREE_S, first=ONE_S, rest=rest)
    url = f"http://127.0.0.1:{web.port}/slow.wav"
    call = await plays(phone, url, *by)
    await call.until(lambda: heard_s(call) > 0.9, "a second of the tone")
    assert not rest.is_set()  # the server still holds two thirds
    await call.hear(0.3)
    rest.set()
    await call.ended()
    first, second = call.audio.heard()
    check_tone(first, 440, 1.0)
    check_tone(second, 440, 2.0)
    assert second.start_s - first.end_s > 0.2
    call.audio.check_unbroken()
    written = await timeline(runtime, url, "PlaybackFinished")
    assert any("silence until more comes" in line for line in written)
    assert any("goes on after 0." in line for line in written)
    if by:
        assert runtime.log_lines(f"{url} buffering")
        assert runtime.log_lines(f"{url} marker -500")
        await runtime.logged(f"{url} over None")
    else:
        await runtime.logged(f"{url} finished")
        ready, started, finished = runtime.log_lines(url)
        assert f"{url} ready" in ready
        assert f"{url} started 3000" in started
        assert f"{url} finished None" in finished


async def test_a_download_that_is_cut_is_heard_up_to_there_and_told(
    runtime: RuntimeProcess, phone: Phone, web: Web
) -> None:
    web.pages["/cut.wav"] = Answer(THREE_S, first=ONE_S, cut=True)
    url = f"http://127.0.0.1:{web.port}/cut.wav"
    call = await plays(phone, url)
    await call.ended()
    [part] = call.audio.heard()
    check_tone(part, 440, 1.0)
    line = await runtime.logged(f"{url} finished")
    assert "peer closed connection" in line


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/missing", "/missing answered 404"),
        ("/page", "it is a web page or XML, not sound"),
        ("/large", "the answer has 99,999,999 bytes, the limit is 10,485,760"),
        ("http://10.0.0.1/a.wav", "10.0.0.1 is 10.0.0.1, which is private"),
    ],
)
async def test_what_cannot_be_played_is_told_with_the_reason(
    runtime: RuntimeProcess, phone: Phone, web: Web, path: str, reason: str
) -> None:
    web.pages["/page"] = Answer(b"<html>")
    web.pages["/large"] = Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n")
    url = path if "://" in path else f"http://127.0.0.1:{web.port}{path}"
    call = await plays(phone, url)
    await call.ended()
    assert call.audio.heard() == []
    assert reason in await runtime.logged(f"{url} finished")
    written = await timeline(runtime, url, "PlaybackFinished")
    assert any(reason in line for line in written)
    assert not any("PlaybackStarted" in line for line in written)


async def test_the_second_call_does_not_ask_the_server(phone: Phone, web: Web) -> None:
    keep = ("Cache-Control", "max-age=60")
    web.pages["/kept.wav"] = Answer(wav(tone(440, 0.5)), headers=(keep,))
    for _ in range(2):
        call = await plays(phone, f"http://127.0.0.1:{web.port}/kept.wav")
        await call.ended()
        [part] = call.audio.heard()
        check_tone(part, 440, 0.5)
    assert len(web.requests) == 1
