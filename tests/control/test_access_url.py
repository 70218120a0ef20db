"""The door of access URLs, over ASGI: what passes it, and what it does not tell."""

from __future__ import annotations

from collections.abc import MutableMapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import trio

from runtime.control.access import MAX_HEAD_BYTES, AccessDoor
from runtime.decisions.limits import Limits
from runtime.testing import Sim
from tests.control.test_app import client_of

ECHO = """
from runtime import *

@VoxEngine.on(AppEvents.HttpRequest)
def asked(e):
    if e.method == "POST":
        return {"content": e.content, "headers": {h.key: h.value for h in e.headers}}
    return f"{e.method} /{'/'.join(e.path.split('/')[3:])}"
"""
TOKENS = {"root": sha256(b"root").hexdigest()}
MOST = Limits().access_request_bytes


async def started(sim: Sim) -> str:
    """The access URL of a session, as a path."""
    sim.load_text(ECHO)
    await sim.start()
    await sim.settle()
    return sim.access_url().removeprefix("http://callstage.sim")


async def test_any_method_path_and_query_reach_the_script(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path) as client:
        url = await started(sim)
        for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"):
            answer = await client.request(method, f"{url}/a%2Fb/c?d=%20e&f")
            assert answer.text == f"{method} /a%2Fb/c?d=%20e&f"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["cache-control"] == "no-store"


async def test_content_and_headers_reach_the_script(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path) as client:
        url = await started(sim)
        answer = await client.post(url, content="grüße".encode(), headers={"X-Key": "7"})
        assert answer.headers["content-type"] == "application/json"
        assert answer.json()["content"] == "grüße"
        assert answer.json()["headers"]["x-key"] == "7"
        raw = await client.post(url, content=b"\xff\x00")
        assert raw.json()["content"] == "\ufffd\x00"


async def test_no_token_is_needed_and_no_other_name_is_refused(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path, "phone.example", tokens=TOKENS) as client:
        url = await started(sim)
        assert (await client.get("/api/v1/sessions")).status_code == 401
        assert (await client.get(f"{url}/status")).text == "GET /status"


async def test_on_loopback_any_name_leads_to_it(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path, "phone.example") as client:
        url = await started(sim)
        assert (await client.get("/api/v1/sessions")).status_code == 403
        assert (await client.get(f"{url}/status")).text == "GET /status"


async def test_a_wrong_secret_is_told_nothing(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path) as client:
        url = await started(sim)
        told = set[tuple[int, str]]()
        for path in ("/request/", "/request/x", "/request/x/y?z", url[:-1], url + "0", url.upper()):
            answer = await client.get(path)
            assert answer.headers["content-type"] == "application/problem+json"
            told.add((answer.status_code, answer.json()["detail"]))
        assert told == {
            (404, "nothing is served here"),
            (404, f"nothing is served at {url.upper()}; the API starts at /api/v1"),
        }


async def test_the_list_of_sessions_gives_no_access(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path) as client:
        url = await started(sim)
        secret = url.rpartition("/")[2]
        await client.get(url)
        [session] = (await client.get("/api/v1/sessions")).json()["sessions"]
        for path in ("sessions", f"sessions/{session['id']}", f"sessions/{session['id']}/timeline"):
            assert secret not in (await client.get(f"/api/v1/{path}")).text


async def test_who_starts_a_session_is_told_its_access_url(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path) as client:
        sim.load_text(ECHO)
        started = await client.post(
            "/api/v1/applications/default/sessions", json={"scenario": "scenario"}
        )
        url = started.json()["access_url"].removeprefix("http://callstage.sim")
        # At once, while the script is still being loaded.
        assert (await client.get(f"{url}/now")).text == "GET /now"


async def test_bodies_are_bounded(sim: Sim, tmp_path: Path) -> None:
    async with client_of(sim, tmp_path) as client:
        url = await started(sim)
        whole = await client.post(url, content=b"x" * MOST)
        assert len(whole.json()["content"]) == MOST
        declared = await client.post(url, content=b"x" * (MOST + 1))
        assert declared.status_code == 413
        assert declared.json()["detail"] == "send a body of at most 65,536 bytes"
        long = await client.get(url, headers={"X-Long": "x" * MAX_HEAD_BYTES})
        assert long.status_code == 431
        assert (await client.get(url)).status_code == 200


async def piecewise(sim: Sim, url: str, pieces: list[dict[str, Any]]) -> int:
    """The status of a request whose body comes so, of no length that is told; after the last
    piece nothing more comes."""
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        if not pieces:
            await trio.sleep_forever()
        return {"type": "http.request", **pieces.pop(0)}

    async def send(message: MutableMapping[str, Any]) -> None:
        await trio.lowlevel.checkpoint()
        statuses.append(message.get("status", 0))

    async def api(*_: object) -> None:
        raise AssertionError("it is no request of the API")

    scope = {
        "type": "http",
        "method": "POST",
        "path": url,
        "raw_path": url.encode(),
        "query_string": b"",
        "headers": [(b"transfer-encoding", b"chunked")],
        "client": ("192.0.2.1", 7),
    }
    registry = await sim._registry()
    await AccessDoor(api, registry.access, MOST)(scope, receive, send)
    return statuses[0]


async def test_bodies_of_no_declared_length_are_bounded_too(sim: Sim) -> None:
    url = await started(sim)
    piece = {"body": b"x" * (MOST // 2), "more_body": True}
    last = {"body": b"", "more_body": False}
    assert await piecewise(sim, url, [piece, piece, last]) == 200
    assert await piecewise(sim, url, [piece, piece, {"body": b"x", "more_body": True}]) == 413


async def test_a_body_that_does_not_come_holds_its_place_for_ten_seconds(sim: Sim) -> None:
    url = await started(sim)
    began = sim.now
    assert await piecewise(sim, url, [{"body": b"x", "more_body": True}]) == 408
    assert sim.now - began == 10


async def test_a_client_that_leaves_is_no_request(sim: Sim) -> None:
    url = await started(sim)
    gone = [{"body": b"x", "more_body": True}, {"type": "http.disconnect"}]
    assert await piecewise(sim, url, gone) == 400
    assert sim.logs == []


async def test_refusals_are_problems_that_say_when_to_come_again(sim: Sim, tmp_path: Path) -> None:
    sim.configure(limits=Limits(access_burst=1, access_per_s=0.1))
    async with client_of(sim, tmp_path) as client:
        url = await started(sim)
        assert (await client.get(url + "/")).status_code == 200
        refused = await client.get(url)
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "10"
        assert refused.json()["detail"] == "more than 0.1 requests a second to this session"
