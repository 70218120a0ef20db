"""`kill -9` while a project is uploaded: what was answered is there, and nothing is half there."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest
import trio

from tests.e2e.phone import telephone
from tests.e2e.runtime_process import RuntimeProcess, callstage
from tests.e2e.test_killed import doomed

pytestmark = pytest.mark.loopback

SCENARIO = """
from runtime import *

@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e):
    count = await ApplicationStorage.get("calls")
    await ApplicationStorage.put("calls", str(int(count.value) + 1 if count else 1), 1000)
    Logger.write(f"version (number), secret {bool(VoxEngine.getSecretValue('crm'))}")
    await e.call.answer()
"""
PIECE = b"sound " * 1_000


@attrs.define
class Uploader:
    """Somebody who uploads, and remembers what was answered."""

    http: httpx.AsyncClient
    versions: int = 0
    sounds: list[str] = attrs.field(factory=list)

    async def put(self, path: str, **body: Any) -> int:
        answer = await self.http.put(f"/api/v1/applications/shop/{path}", **body)
        assert answer.status_code in (200, 201), answer.text
        return answer.status_code

    async def sound(self, content: bytes) -> None:
        digest = hashlib.sha256(content).hexdigest()
        await self.put(f"sounds/{digest}", content=content)
        self.sounds.append(digest)

    async def version(self) -> None:
        await self.put("scenarios/ivr", json=self.body(self.versions + 1))
        self.versions += 1

    def body(self, number: int) -> dict[str, Any]:
        sounds = {f"{n}.wav": digest for n, digest in enumerate(self.sounds)}
        source = SCENARIO.replace("(number)", str(number))
        return {"modules": {"scenario": source}, "sounds": sounds}


def client_of(runtime: RuntimeProcess) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=runtime.http, trust_env=False, timeout=30)


async def killed_in_the_middle(runtime: RuntimeProcess, uploader: Uploader) -> None:
    """While half a sound has come, and somewhere between a version and its answer."""
    content, half_sent, dead = PIECE * 20, trio.Event(), trio.Event()

    async def halved() -> AsyncIterator[bytes]:
        yield content[: len(content) // 2]
        half_sent.set()
        await dead.wait()
        yield content[len(content) // 2 :]

    async def send_sound() -> None:
        digest = hashlib.sha256(content).hexdigest()
        headers = {"content-length": str(len(content))}
        with pytest.raises(httpx.HTTPError):
            await uploader.http.put(
                f"/api/v1/applications/shop/sounds/{digest}", content=halved(), headers=headers
            )

    async def send_version() -> None:
        with contextlib.suppress(httpx.HTTPError):  # unless it was faster than the kill
            await uploader.version()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send_sound)
        await half_sent.wait()
        nursery.start_soon(send_version)
        await trio.sleep(0.02)
        runtime.kill(runtime.pid)
        dead.set()


async def survived(runtime: RuntimeProcess, uploader: Uploader) -> None:
    """All that was answered; at most one more version, which came before its answer."""
    listed = runtime.api("applications/shop/scenarios/ivr")["versions"]
    assert uploader.versions <= listed[0]["version"] <= uploader.versions + 1
    assert [each["version"] for each in listed if each["current"]] == [listed[0]["version"]]
    uploader.versions = listed[0]["version"]
    tried = await uploader.http.put(
        "/api/v1/applications/shop/scenarios/ivr",
        json=uploader.body(uploader.versions),
        params={"dry_run": "1"},
    )
    assert tried.json()["missing_sounds"] == []
    [secret] = runtime.api("applications/shop/secrets")["secrets"]
    [number] = runtime.api("applications/shop/numbers")["numbers"]
    assert (secret["name"], number["scenario"]) == ("crm", "ivr")
    async with telephone(runtime.port()) as phone:
        call = await phone.call("900")
        await call.connected()
        await runtime.logged(f"version {uploader.versions}, secret True")
        await call.bye()


async def test_what_was_answered_is_there_and_is_served(tmp_path: Path) -> None:
    with doomed("--uploads", folder=tmp_path) as runtime:
        async with client_of(runtime) as http:
            uploader = Uploader(http)
            await uploader.sound(PIECE)
            await uploader.version()
            given = {"value": "very-secret-value", "hosts": ["api.example.com"]}
            await uploader.put("secrets/crm", json=given)
            await uploader.put("numbers/900", json={"scenario": "ivr"})
            await killed_in_the_middle(runtime, uploader)
            await runtime.exited()

    with callstage("--uploads", folder=tmp_path) as runtime:
        async with client_of(runtime) as uploader.http:
            await survived(runtime, uploader)
