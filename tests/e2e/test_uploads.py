"""Scenarios that come over HTTP: served at once, kept through `kill -9`, old calls on old code."""

from __future__ import annotations

import hashlib
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from tests.e2e import process_tree
from tests.e2e.phone import telephone
from tests.e2e.runtime_process import RuntimeProcess, callstage
from tests.e2e.test_killed import doomed

pytestmark = pytest.mark.loopback

SOUND = b"RIFF" + bytes(500_000)
DIGEST = hashlib.sha256(SOUND).hexdigest()
LISTENS = """
from runtime import AppEvents, CallEvents, Logger, VoxEngine


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e):
    await e.call.answer()
    Logger.write("{} answers")
    e.call.on(CallEvents.InfoReceived)(lambda i: Logger.write("{} hears " + i.body))
"""


def answers(word: str) -> dict[str, Any]:
    return {"modules": {"scenario": LISTENS.format(word, word)}, "sounds": {"a.wav": DIGEST}}


async def put(runtime: RuntimeProcess, path: str, **what: Any) -> httpx.Response:
    url = f"{runtime.http}/api/v1/applications/shop/{path}"
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        return await client.put(url, **what)


def begin_a_sound(runtime: RuntimeProcess) -> socket.socket:
    """A request whose body never comes whole."""
    host, port = runtime.http.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)))
    path = f"/api/v1/applications/shop/sounds/{'1' * 64}"
    head = f"PUT {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000000\r\n\r\n"
    connection.sendall(head.encode() + bytes(200_000))
    return connection


async def test_an_upload_that_was_answered_survives_a_kill(tmp_path: Path) -> None:
    with doomed("--uploads", folder=tmp_path) as runtime:
        assert (await put(runtime, f"sounds/{DIGEST}", content=SOUND)).status_code == 201
        half = begin_a_sound(runtime)
        sounds = runtime.data / "uploads" / "sounds"
        await runtime.until(lambda: list(sounds.glob("*.part")), "half a sound on disk")
        assert (await put(runtime, "scenarios/ivr", json=answers("first"))).status_code == 201
        rules = {"rules": [{"name": "all", "to": "1..", "scenario": "ivr"}]}
        assert (await put(runtime, "rules", json=rules)).status_code == 200
        tree = process_tree.identified(runtime.pid)
        runtime.kill(runtime.pid)
        await runtime.exited()
        assert process_tree.wait_gone(tree) == []
        half.close()

    with callstage("--uploads", folder=tmp_path) as again:
        async with telephone(again.port()) as phone:
            call = await phone.call("100")
            await call.connected()
            await again.logged("first answers")
            refused = await phone.call("200")
            assert (await refused.final()).status == 404
            await again.logged("application 'shop': no rule matches 200")

            second = await put(again, "scenarios/ivr", json=answers("second"))
            assert second.json()["version"] == 2
            newer = await phone.call("101")
            await newer.connected()
            await again.logged("second answers")
            await call.info("text/plain", "it")
            await again.logged("first hears it")
            await call.bye()
            await newer.bye()


async def test_a_burst_of_uploads_is_cut_by_a_kill_between_versions(tmp_path: Path) -> None:
    done: list[int] = []
    with doomed("--uploads", folder=tmp_path) as runtime:
        assert (await put(runtime, f"sounds/{DIGEST}", content=SOUND)).status_code == 201

        async def upload_on() -> None:
            for number in range(1_000):
                try:
                    answer = await put(runtime, "scenarios/ivr", json=answers(f"v{number}"))
                except httpx.TransportError:
                    return
                done.append(answer.json()["version"])

        async with trio.open_nursery() as nursery:
            nursery.start_soon(upload_on)
            await runtime.until(lambda: len(done) >= 5, "five versions")
            tree = process_tree.identified(runtime.pid)
            runtime.kill(runtime.pid)
            await runtime.exited()
        assert process_tree.wait_gone(tree) == []

    with callstage("--uploads", folder=tmp_path) as again:
        path = "applications/shop/scenarios/ivr"
        versions = [each["version"] for each in again.api(path)["versions"]]
        assert set(done) <= set(versions)
        assert len(versions) - len(done) in (0, 1)
        [current] = [each for each in again.api(path)["versions"] if each["current"]]
        assert current["version"] == max(versions)
        started = httpx_post(f"{again.http}/api/v1/applications/shop/sessions")
        assert started.status_code == 201


def httpx_post(url: str) -> httpx.Response:
    return httpx.post(url, json={"scenario": "ivr"}, trust_env=False, timeout=30)
