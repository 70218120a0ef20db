"""`demo`, `call`, `new` and `dev`, run as the README tells a newcomer to run them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.e2e.audio import tone
from tests.e2e.phone import telephone
from tests.e2e.runtime_process import COMMAND, RuntimeProcess, callstage
from tests.e2e.sounds import channel, check_tone, wav

pytestmark = pytest.mark.loopback


async def command(*words: str | Path, folder: Path, timeout_s: float = 60) -> tuple[int, str, str]:
    """A command of the user in `folder`: exit code, standard output, standard error."""
    path = f"{COMMAND.parent}{os.pathsep}{os.environ['PATH']}"
    with trio.fail_after(timeout_s):
        done = await trio.run_process(
            [str(word) for word in words],
            capture_stdout=True,
            capture_stderr=True,
            check=False,
            cwd=folder,
            env={**os.environ, "PATH": path},
        )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


# --- demo ---------------------------------------------------------------------------------------


async def test_the_demo_ends_in_time_and_its_wav_holds_the_prompts(tmp_path: Path) -> None:
    data = tmp_path / "data"
    code, told, errors = await command(
        COMMAND, "demo", "--data", data, folder=tmp_path, timeout_s=45
    )
    assert code == 0, errors
    assert "digits pressed: 1" in told
    assert "Call.ToneReceived" in told
    [wave] = [line.rpartition(" ")[2] for line in told.splitlines() if "recorded by" in line]
    assert Path(wave).is_relative_to(data)
    heard = channel(Path(wave), 1)
    assert sum(part.duration_s for part in heard if part.kind == "speech") > 3
    assert not [line for line in told.splitlines() if "\x1b" in line]


async def test_a_demo_without_a_place_for_its_data_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, _, errors = await command(COMMAND, "demo", "--data", "file", folder=tmp_path)
    assert code == 2
    assert errors.startswith("callstage: ")


# --- call ---------------------------------------------------------------------------------------


async def phones(target: str, *words: str | Path, folder: Path) -> tuple[int, dict[str, Any]]:
    code, told, errors = await command(COMMAND, "call", target, *words, "--json", folder=folder)
    assert "Traceback" not in errors
    last: dict[str, Any] = json.loads(told.splitlines()[-1])
    return code, last


async def test_a_call_ends_with_one_object_that_tells_everything(
    runtime: RuntimeProcess, tmp_path: Path
) -> None:
    (tmp_path / "880.wav").write_bytes(wav(tone(880, 1.0)))
    words = ("--play", "880.wav", "--record", "heard.wav", "--for", "2.5")
    code, report = await phones(runtime.uri("mirror"), *words, folder=tmp_path)
    assert (code, report["ok"], report["code"]) == (0, True, 200)
    assert report["duration_s"] == pytest.approx(2.5, abs=0.5)
    [sound] = [part for part in report["heard"] if part["kind"] != "silence"]
    assert sound["kind"] == "tone"
    assert sound["frequency_hz"] == pytest.approx(880, abs=5)
    assert report["rtp"]["sent"] > 100
    assert report["rtp"]["received"] > 100
    assert report["rtp"]["lost"] == 0
    assert report["recording"] == "heard.wav"
    [heard] = channel(tmp_path / "heard.wav", 0)
    check_tone(heard, 880, 1.0)


async def test_a_call_presses_keys_over_tcp(runtime: RuntimeProcess, tmp_path: Path) -> None:
    code, report = await phones(
        runtime.uri("keys", "tcp"), "--digits", "1,2#", "--for", "3", folder=tmp_path
    )
    assert (code, report["digits_sent"]) == (0, "12#")
    await runtime.logged("phone key # type 1")


async def test_a_call_that_is_refused_ends_with_1_and_its_code(
    runtime: RuntimeProcess, tmp_path: Path
) -> None:
    code, report = await phones(runtime.uri("nobody"), folder=tmp_path)
    assert (code, report["ok"], report["code"]) == (1, False, 404)
    assert "nobody" in report["reason"]
    code, report = await phones(runtime.uri("no_listener"), folder=tmp_path)
    assert (code, report["code"]) == (1, 480)


async def test_a_call_that_cannot_be_made_is_bad_usage(tmp_path: Path) -> None:
    for words in (["not a target"], ["sip:a@127.0.0.1:9", "--play", "nowhere.wav"]):
        code, told, errors = await command(COMMAND, "call", *words, folder=tmp_path)
        assert (code, told) == (2, "")
        assert errors.startswith("callstage: ")


async def test_two_runtimes_call_each_other(
    runtime: RuntimeProcess, scripts: Path, tmp_path: Path
) -> None:
    with callstage(scripts / "held.py", folder=tmp_path / "far") as far:
        async with telephone(runtime.port()) as phone:
            call = await phone.call("bridge", headers=[("X-Target", far.uri("anyone"))])
            await call.connected()
            await call.until(lambda: len(call.audio.packets) > 100, "audio of the far runtime")
            await call.bye()
            [heard] = call.audio.heard()
            assert heard.kind == "tone"
            call.audio.check_unbroken()


# --- new and dev --------------------------------------------------------------------------------


async def test_a_new_project_answers_calls_and_its_own_test_passes(tmp_path: Path) -> None:
    code, told, _ = await command(COMMAND, "new", "hello", folder=tmp_path)
    assert code == 0
    assert "cd hello" in told
    project = tmp_path / "hello"
    assert {file.name for file in project.iterdir()} == {
        "scenario.py",
        "test_scenario.py",
        "callstage.toml",
    }
    code, told, errors = await command(sys.executable, "-m", "pytest", "-q", folder=project)
    assert code == 0, told + errors
    assert "2 passed" in told
    ports = ["--sip", "udp://127.0.0.1:0", "--http", "127.0.0.1:0"]
    with callstage(folder=tmp_path / "dev", verb="dev", options=ports, cwd=project) as dev:
        words = ("--digits", "7", "--record", "heard.wav")
        code, report = await phones(dev.uri("hello"), *words, folder=tmp_path)
        assert (code, report["code"]) == (0, 200)
        assert [part["kind"] for part in report["heard"]].count("speech") >= 2
    again, _, errors = await command(COMMAND, "new", "hello", folder=tmp_path)
    assert again == 2
    assert "exists already" in errors


GREETS = """
from runtime import AppEvents, VoxEngine


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    await e.call.answer({{"X-Version": "{version}"}})
    await VoxEngine.sleep({sleep})
    e.call.hangup({{"X-Version": "{version}"}})
"""


async def test_a_saved_file_serves_new_calls_and_a_broken_one_does_not(tmp_path: Path) -> None:
    script = tmp_path / "scenario.py"
    script.write_text(GREETS.format(version="one", sleep=60))
    options = ["--sip", "udp://127.0.0.1:0", "--http", "127.0.0.1:0", "--data", str(tmp_path / "d")]
    with callstage(folder=tmp_path / "run", verb="dev", options=options, cwd=tmp_path) as dev:
        async with telephone(dev.port()) as phone:
            running = await phone.call("dev")
            await running.connected()
            script.write_text(GREETS.format(version="two", sleep=0.1))
            await dev.logged("reloaded")
            second = await phone.call("dev")
            await second.ended()
            assert (await second.response(200)).get("X-Version") == "two"
            script.write_text("this is (not Python")
            line = await dev.logged("not loaded")
            assert "scenario.py" in line
            third = await phone.call("dev")
            assert (await third.ended()).get("X-Version") == "two"
            script.write_text(GREETS.format(version="four", sleep=0.1))
            await dev.logged("reloaded", times=2)
            fourth = await phone.call("dev")
            assert (await fourth.ended()).get("X-Version") == "four"
            assert not running.requests  # it goes on with the code it began with
            await running.bye()


def test_the_help_is_there() -> None:
    for words in (["--help"], ["run", "--help"]):
        done = subprocess.run([str(COMMAND), *words], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0
        assert "Usage" in done.stdout
