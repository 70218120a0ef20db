"""The verbs that ask a running runtime, as a developer types them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from typer.testing import CliRunner

from runtime.cli import app
from tests.e2e.phone import telephone
from tests.e2e.runtime_process import COMMAND, RuntimeProcess, callstage
from tests.interop.programs import require_program, run_program

pytestmark = [pytest.mark.interop, pytest.mark.loopback]

PROJECT = """
[[rule]]
name = "sales"
to = '1..'
scenario = "scenario.py"
custom_data = "from the rule"
"""
SCENARIO = """
from runtime import AppEvents, Logger, VoxEngine


@VoxEngine.on(AppEvents.Started)
def started(e):
    Logger.write("started with " + VoxEngine.customData())


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e):
    await e.call.answer()
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project on disk."""
    folder = tmp_path / "shop"
    (folder / "sounds").mkdir(parents=True)
    (folder / "callstage.toml").write_text(PROJECT)
    (folder / "scenario.py").write_text(SCENARIO)
    (folder / "sounds" / "hello.wav").write_bytes(b"RIFF" + bytes(100_000))
    monkeypatch.chdir(folder)
    return folder


async def say(runtime: RuntimeProcess, *words: str, code: int = 0) -> str:
    """One command in the project's folder; its standard output, or error when it fails."""
    run = partial(CliRunner().invoke, app, words, env={"CALLSTAGE_SERVER": runtime.http})
    done = await trio.to_thread.run_sync(run)
    assert done.exit_code == code, (words, done.output, done.exception)
    return done.stderr if code else done.stdout


async def ask(runtime: RuntimeProcess, *words: str) -> Any:
    return json.loads(await say(runtime, *words, "--json"))


@contextmanager
def following(runtime: RuntimeProcess, folder: Path, output: Path) -> Iterator[None]:
    """`callstage tail` in another terminal."""
    environment = {**os.environ, "CALLSTAGE_SERVER": runtime.http, "PYTHONUNBUFFERED": "1"}
    with output.open("wb") as out:
        command = [str(COMMAND), "tail", "--json"]
        tail = subprocess.Popen(command, stdout=out, cwd=folder, env=environment)
    try:
        yield
    finally:
        tail.terminate()
        tail.wait(30)


async def test_a_project_is_tried_uploaded_called_and_found_again(
    shop: Path, tmp_path: Path
) -> None:
    with callstage("--uploads", folder=tmp_path) as runtime:
        tried = await ask(runtime, "upload", "--dry-run")
        assert tried["scenarios"]["scenario"]["added"] == ["scenario.py", "sounds/hello.wav"]
        assert (tried["rules"]["added"], len(tried["sounds"])) == (["sales"], 1)
        assert runtime.api("applications") == {"applications": {}}

        table = await say(runtime, "upload")
        assert "added scenario.py, sounds/hello.wav" in table
        again = await ask(runtime, "upload")
        assert (again["changes"], again["scenarios"]["scenario"]["version"]) == (False, 1)
        config = shop / "callstage.toml"
        config.write_text(PROJECT.replace("'1..'", "'2..'"))
        compared = await ask(runtime, "upload", "--dry-run")
        assert compared["rules"]["differences"] == {
            "sales": {"to": {"server": "1..", "project": "2.."}}
        }
        assert compared["scenarios"]["scenario"]["same"] == ["scenario.py", "sounds/hello.wav"]
        config.write_text(PROJECT)
        [rule] = (await ask(runtime, "rules"))["rules"]
        assert (rule["name"], rule["custom_data"]) == ("sales", "from the rule")
        assert "goes to scenario" in await say(runtime, "rules", "--explain", "100")
        await say(runtime, "rules", "--explain", "900", code=1)

        output = tmp_path / "tail.txt"
        with following(runtime, shop, output):
            await _call_until_told(runtime, output)
            started = await ask(runtime, "start", "scenario", "--data", "order 7")
            await runtime.logged("started with order 7")
            [live] = [
                each
                for each in (await ask(runtime, "sessions"))["sessions"]
                if each["id"] == started["session_id"]
            ]
            assert (live["application"], live["legs"]) == ("shop", [])
            await say(runtime, "sessions", "--end", started["session_id"])
            await runtime.until(
                lambda: '"operator"' in output.read_text(), "the end in the stream of events"
            )
        found = await ask(runtime, "history", "--data", "order 7")
        assert [each["id"] for each in found["sessions"]] == [started["session_id"]]
        rows = await say(runtime, "history", "--number", "100")
        assert "answered" in rows
        assert "started with order 7" in await say(runtime, "tail", started["session_id"])


async def test_secrets_users_and_numbers_are_set_from_the_command_line(
    shop: Path, tmp_path: Path
) -> None:
    password = shop / "password.txt"
    password.write_text("correct-horse\n")
    with callstage("--uploads", folder=tmp_path) as runtime:
        await say(runtime, "upload")
        value = ("--file", str(password))
        await say(runtime, "secrets", "set", "crm", "--host", "api.example.com", *value)
        [secret] = (await ask(runtime, "secrets", "list"))["secrets"]
        assert (secret["name"], secret["hosts"]) == ("crm", ["api.example.com"])
        await say(runtime, "users", "set", "ann", "--display-name", "Ann", *value)
        assert "Ann" in await say(runtime, "users", "list")
        await say(runtime, "numbers", "set", "900", "--scenario", "scenario", "--data", "tea")
        [number] = (await ask(runtime, "numbers", "list"))["numbers"]
        assert number == {"number": "900", "scenario": "scenario", "custom_data": "tea"}
        async with telephone(runtime.port()) as phone:
            call = await phone.call("900")
            await call.connected()
            await runtime.logged("started with tea")
            await call.bye()
        registered = await run_program(
            [
                *(require_program("sipsak"), "-U", "-s", f"sip:ann@127.0.0.1:{runtime.port()}"),
                *("-u", "ann", "-a", "correct-horse", "-x", "600", "-C", "sip:ann@127.0.0.1:5999"),
            ],
            tmp_path,
            timeout_s=20,
        )
        assert registered.exit_code == 0, registered.trace()
        assert [each["user"] for each in runtime.api("registrations")["registrations"]] == ["ann"]
        await say(runtime, "users", "delete", "ann")
        assert runtime.api("registrations") == {"registrations": []}
        await say(runtime, "numbers", "delete", "900")
        refused = await say(runtime, "secrets", "delete", "crms", code=1)
        assert "shop has no secret 'crms'" in refused


async def _call_until_told(runtime: RuntimeProcess, output: Path) -> None:
    """The stream begins when the command has started, which nobody else can see."""
    async with telephone(runtime.port()) as phone:
        for _ in range(30):
            call = await phone.call("100")
            await call.connected()
            await call.bye()
            if told(output):
                return
            await trio.sleep(0.5)
    raise AssertionError("no call in the stream of events")


def told(output: Path) -> bool:
    return "answered" in output.read_text()


async def test_nothing_is_uploaded_when_something_is_wrong(shop: Path, tmp_path: Path) -> None:
    with callstage("--uploads", folder=tmp_path) as runtime:
        (shop / "scenario.py").write_text("def f(:\n")
        told = await say(runtime, "upload", code=1)
        assert "nothing was uploaded" in told
        assert "scenario.py:1" in told
        assert runtime.api("applications") == {"applications": {}}
        (shop / "callstage.toml").write_text(PROJECT.replace("scenario.py", "missing.py"))
        assert "missing.py does not exist" in await say(runtime, "upload", code=2)


def test_a_server_that_is_not_there_is_named(shop: Path) -> None:
    done = CliRunner().invoke(app, ["rules", "--server", "http://127.0.0.1:9"])
    assert done.exit_code == 1
    assert "nothing answers at http://127.0.0.1:9" in done.stderr
