"""Requests at the access URL of a real session: httpx, the listener, a locked process, a call."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from tests.e2e.phone import Phone
from tests.e2e.runtime_process import RuntimeProcess, callstage

pytestmark = pytest.mark.loopback


async def started(runtime: RuntimeProcess, scenario: str = "clicked") -> tuple[str, str]:
    """A session without a caller: its id and its access URL."""
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(
            f"{runtime.http}/api/v1/applications/default/sessions", json={"scenario": scenario}
        )
    assert answer.status_code == 201, answer.text
    body = answer.json()
    return body["session_id"], body["access_url"]


def asked_so_far(runtime: RuntimeProcess, session: str) -> int:
    """How many requests its script was told of."""
    if session not in runtime.sessions():
        return 0
    return sum(row["what"] == "Application.HttpRequest" for row in runtime.timeline(session))


def client_of(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, trust_env=False, timeout=30)


async def test_a_click_places_a_call_and_the_page_follows_it(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    session, url = await started(runtime)
    assert url.startswith(f"{runtime.http}/request/")
    async with client_of(url) as page, trio.open_nursery() as nursery:
        said: list[Any] = []

        async def click() -> None:
            answer = await page.post("/call", json={"to": phone.uri})
            said.append((answer.status_code, answer.json()))

        nursery.start_soon(click)
        callee = await phone.incoming()
        assert "sip:4711@" in callee.invite.get("From")
        assert (await page.get("/status")).json() == ["ALERTING"]
        await callee.answer()
        await runtime.until(lambda: said, "the answer to the click")
        assert said == [(200, {"answered": True})]
        assert (await page.get("/status")).json() == ["CONNECTED"]
        await callee.hear(1.0)
        [heard] = callee.audio.heard()
        assert (heard.kind, round(heard.frequencies_hz[0], -1)) == ("tone", 440)
        assert (await page.delete("/end")).text == "good bye"
        await callee.ended()
        await runtime.over(session)
        gone = await page.get("/status")
        assert (gone.status_code, gone.json()["detail"]) == (410, "the session has ended")
    lines = [row for row in runtime.timeline(session) if row["kind"] == "http"]
    assert [row["what"] for row in lines] == [
        "from outside: GET /request/(hidden)/status: 200",
        "from outside: POST /request/(hidden)/call: 200",
        "from outside: GET /request/(hidden)/status: 200",
        "from outside: DELETE /request/(hidden)/end: 200",
    ]
    assert all(row["detail"]["seconds"] >= 0 for row in lines)
    secret = url.rpartition("/")[2]
    assert secret not in str(runtime.timeline(session))
    assert secret not in runtime.log()


async def test_any_method_and_body_and_no_other_session(runtime: RuntimeProcess) -> None:
    _, url = await started(runtime)
    _, other = await started(runtime)
    assert url != other
    async with client_of(url) as page:
        answer = await page.request("REPORT", "/x", content="größe", headers={"X-Kind": "test"})
        assert answer.text == "REPORT test größe"
        head = await page.head("/x", headers={"X-Kind": "test"})
        assert (head.status_code, head.text) == (200, "")
        assert (await page.get(url[:-1])).status_code == 404
        big = await page.post("/x", content=bytes(65_537))
        assert big.status_code == 413
        await page.get("/end")
    async with client_of(other) as page:
        assert (await page.get("/end")).text == "good bye"


async def test_a_flood_of_requests_does_not_hold_up_a_call_of_the_session(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    session, url = await started(runtime)
    statuses: list[int] = []
    async with client_of(url) as page, trio.open_nursery() as nursery:

        async def wait() -> None:
            statuses.append((await page.get("/wait")).status_code)

        for _ in range(9):
            nursery.start_soon(wait)
        await runtime.until(
            lambda: asked_so_far(runtime, session) >= 9,
            "nine handlers that wait",
        )
        nursery.start_soon(partial(page.post, "/call", json={"to": phone.uri}))
        callee = await phone.incoming()
        statuses += [(await page.get("/status")).status_code for _ in range(40)]
        await callee.answer()
        await callee.hear(0.5)
        [heard] = callee.audio.heard()
        assert heard.kind == "tone"
        await callee.bye()
        await runtime.logged("it is over")
        nursery.cancel_scope.cancel()
    assert set(statuses) <= {200, 429, 503}
    assert 503 in statuses
    async with httpx.AsyncClient(trust_env=False) as client:
        ended = await client.delete(f"{runtime.http}/api/v1/sessions/{session}")
    assert ended.status_code == 202
    await runtime.over(session)


CONFIG = """
[http]
url = "https://calls.example.com"
[[rule]]
name = "all"
to = ".*"
scenario = "clicked.py"
"""


async def test_behind_a_proxy_urls_begin_with_its_name(scripts: Path, tmp_path: Path) -> None:
    config = scripts / "proxied.toml"
    config.write_text(CONFIG)
    with callstage(folder=tmp_path, options=["--config", str(config)]) as runtime:
        _, url = await started(runtime, "clicked.py")
        assert url.startswith("https://calls.example.com/request/")
        async with client_of(runtime.http) as proxy:
            path = url.removeprefix("https://calls.example.com")
            named = {"host": "calls.example.com"}
            assert (await proxy.get(f"{path}/status", headers=named)).json() == []
            assert (await proxy.get(f"{path}/end", headers=named)).text == "good bye"
