"""Scarcity and stubbornness: no ports, no sessions, a full disk, readers that do not read."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio

from tests.e2e import process_tree
from tests.e2e.audio import tone
from tests.e2e.phone import Phone, telephone
from tests.e2e.runtime_process import (
    COMMAND,
    START_S,
    RuntimeProcess,
    arguments,
    callstage,
)
from tests.e2e.sounds import check_tone
from tests.e2e.waiting import until
from tests.hearing import joined
from tests.ports import free_port

pytestmark = pytest.mark.loopback


async def good_call(phone: Phone) -> None:
    call = await phone.call("quiet")
    await call.connected()
    await call.hear(0.1)
    await call.bye()


async def test_without_free_ports_calls_are_refused_and_served_again_later(
    scripts: Path, tmp_path: Path
) -> None:
    low = free_port(8)
    options = ["--rtp-ports", f"{low}-{low + 7}"]
    with callstage(scripts / "quiet.py", folder=tmp_path, options=options) as runtime:
        async with telephone(runtime.port()) as phone:
            calls = [await phone.call("quiet") for _ in range(6)]
            finals = [(await call.final()).status for call in calls]
            assert 3 <= finals.count(200) <= 4
            assert set(finals) == {200, 503}
            refused = next(call for call in calls if call.finals[0].status == 503)
            assert "port" in refused.finals[0].get("Warning")
            for call in calls:
                if call.finals[0].status == 200:
                    await call.bye()
            await trio.sleep(1)
            await good_call(phone)


async def test_above_the_limit_of_sessions_callers_get_503(scripts: Path, tmp_path: Path) -> None:
    config = tmp_path / "callstage.toml"
    config.write_text("[limits]\nmax_sessions = 2\n")
    options = ["--config", str(config)]
    with callstage(scripts / "quiet.py", folder=tmp_path, options=options) as runtime:
        async with telephone(runtime.port()) as phone:
            held = [await phone.call("quiet") for _ in range(2)]
            for call in held:
                await call.connected()
            refused = await (await phone.call("quiet")).final()
            assert refused.status == 503
            assert refused.get("Retry-After")
            assert "2 sessions" in refused.get("Warning")
            for call in held:
                await call.bye()
            await runtime.logged("over: terminated", times=2)
            await good_call(phone)


async def test_a_message_is_played_back_by_the_url_of_its_recording(
    runtime: RuntimeProcess, phone: Phone
) -> None:
    call = await phone.call("replay")
    await call.connected()
    call.audio.say(tone(660, 1.0))
    await call.hear(1.3)
    await call.audio.press("#")
    await call.ended()
    heard = joined(call.audio.heard())
    check_tone(heard[0], 660, 1.0, slack_s=0.2)  # what the telephone says late is cut by its key
    await runtime.logged("replay finished None")


LEFT_BYTES = 200_000
"""For a recording of twelve seconds, and for what else a runtime writes meanwhile."""


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A folder that takes two megabytes."""
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], capture_output=True
    )
    if made.returncode != 0:
        pytest.skip(f"nothing can be mounted here ({made.stderr!r}): a full disk was NOT tested")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


async def test_a_full_disk_ends_the_recording_and_not_the_call(
    scripts: Path, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk") as disk:
        options = ["--data", str(disk)]
        with callstage(scripts / "record.py", folder=tmp_path, options=options) as runtime:
            free = shutil.disk_usage(disk).free
            (disk / "ballast").write_bytes(b"x" * (free - LEFT_BYTES))
            async with telephone(runtime.port()) as phone:
                headers = [("X-Container", "wav"), ("X-Again", "1")]
                call = await phone.call("anyone", caller="full", headers=headers)
                await call.connected()
                await runtime.logged("full record error")
                await call.hear(0.5)
                await call.bye()
                call.audio.check_unbroken()


LOUD = """
from runtime import AppEvents, Logger, VoxEngine


@VoxEngine.on(AppEvents.CallAlerting)
async def incoming(e: AppEvents.CallAlerting) -> None:
    await e.call.answer()
    while True:
        Logger.write("x" * 5_000)
        await VoxEngine.sleep(0.1)
"""


@pytest.fixture
def unread(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A runtime whose standard error is a pipe that nobody reads."""
    script = tmp_path / "loud.py"
    script.write_text(LOUD)
    words = [str(COMMAND), "run", *arguments(tmp_path / "data", [str(script)])]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate(timeout=20)


async def test_nobody_who_reads_the_log_is_no_reason_to_stop(
    unread: subprocess.Popen[bytes],
) -> None:
    assert unread.stdout is not None
    ready = await trio.to_thread.run_sync(unread.stdout.readline)
    tree = process_tree.identified(unread.pid)
    async with telephone(int(ready.split()[2].rpartition(b":")[2])) as phone:
        call = await phone.call("anyone")
        await call.connected()
        await call.hear(3.0)  # far more than a pipe holds
        await call.bye()
        call.audio.check_unbroken()
    unread.send_signal(signal.SIGTERM)
    await until(lambda: unread.poll() is not None, "the end of the runtime")
    assert unread.returncode == 0
    assert process_tree.wait_gone(tree) == []


@pytest.mark.parametrize("after_s", [0.2, 0.8, 1.6])
def test_sigterm_while_it_starts_leaves_nothing(
    scripts: Path, tmp_path: Path, after_s: float
) -> None:
    words = [str(COMMAND), "run", str(scripts / "quiet.py"), *arguments(tmp_path / "data")]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    time.sleep(after_s)
    tree = process_tree.identified(process.pid)
    process.terminate()
    told, _ = process.communicate(timeout=START_S)
    assert process.returncode in (0, -signal.SIGTERM)  # the latter before anything was loaded
    assert b"Traceback" not in told
    assert process_tree.wait_gone(tree) == []


async def test_ipv6_works_like_ipv4(scripts: Path, tmp_path: Path) -> None:
    options = ["--sip", "udp://[::1]:0", "--rtp-host", "::1", "--http", "[::1]:0"]
    with callstage(scripts / "mirror.py", folder=tmp_path, options=options) as runtime:
        port = runtime.port()
        done = await trio.run_process(
            [COMMAND, "call", f"sip:a@[::1]:{port}", "--for", "1", "--json"],
            capture_stdout=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        assert b'"ok": true' in done.stdout


@pytest.mark.soak  # noticed after 15 s
async def test_an_engine_that_hangs_is_replaced(scripts: Path, tmp_path: Path) -> None:
    with callstage(scripts / "quiet.py", folder=tmp_path) as runtime:
        async with telephone(runtime.port()) as phone:
            call = await phone.call("quiet")
            await call.connected()
            [engine] = runtime.processes("runtime.media.engine")
            os.kill(engine, signal.SIGSTOP)
            await call.ended()
            await good_call(phone)
