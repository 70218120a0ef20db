"""Many short calls over real SIP: afterwards everything is as it was before them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest
import trio

from tests.e2e import process_tree
from tests.e2e.phone import Phone, telephone
from tests.e2e.runtime_process import RuntimeProcess, callstage
from tests.e2e.waiting import until

pytestmark = pytest.mark.loopback

AT_ONCE = 8
SLACK_FILES = 4
"""An HTTP connection or a spare leg's ports on their way in or out; a leak has one or more
for each call."""
SLACK_KIB = 12_000
"""The last 200 sessions stay with their timelines, some 40 KiB each; Python adds arenas."""


@attrs.frozen
class Footprint:
    """What a runtime holds, by process: descriptors and private memory."""

    processes: int
    files: dict[str, int]
    private_kib: dict[str, int]

    @classmethod
    def of(cls, runtime: RuntimeProcess) -> Footprint:
        pids = [runtime.pid, *runtime.processes()]
        names = {pid: process_tree.command_line(pid).strip().rpartition(" ")[2] for pid in pids}
        names[runtime.pid] = "core"
        shown = [pid for pid in pids if process_tree.is_shown(pid)]
        return cls(
            len(pids),
            _summed({pid: process_tree.open_files(pid) for pid in shown}, names),
            _summed({pid: process_tree.private_kib(pid) for pid in shown}, names),
        )


def _summed(values: dict[int, int], names: dict[int, str]) -> dict[str, int]:
    total: dict[str, int] = {}
    for pid, value in values.items():
        total[names[pid]] = total.get(names[pid], 0) + value
    return total


def sessions(runtime: RuntimeProcess) -> list[dict[str, Any]]:
    """The live ones."""
    answer = httpx.get(f"{runtime.http}/api/v1/sessions", trust_env=False)
    found: list[dict[str, Any]] = answer.json()["sessions"]
    return found


async def short_calls(runtime: RuntimeProcess, count: int) -> None:
    """One after the other on each of some telephones: answered, a key, an INFO, hung up."""

    async def some(number: int) -> None:
        async with telephone(runtime.port()) as phone:
            for _ in range(number):
                await _one_call(phone)

    async with trio.open_nursery() as nursery:
        for _ in range(AT_ONCE):
            nursery.start_soon(some, count // AT_ONCE)


async def _one_call(phone: Phone) -> None:
    call = await phone.call("play", headers=[("X-Sound", "440-long.wav"), ("X-Then", "stay")])
    await call.connected()
    await call.hear(0.1)
    await call.bye()


async def settled(runtime: RuntimeProcess, processes: int) -> Footprint:
    """Once the last worker is gone and every socket of a call is closed."""
    await until(lambda: len(runtime.processes()) + 1 <= processes, "the last worker's end")
    await until(lambda: not sessions(runtime), "the last session's end")
    await trio.sleep(1.0)  # the engine keeps a closed leg's ports until its RTCP BYE is out
    return Footprint.of(runtime)


async def calls_leave_nothing(scripts: Path, folder: Path, *, warm: int, calls: int) -> None:
    config = folder / "callstage.toml"
    config.write_text("[limits]\nidle_session_s = 0.2\n")
    options = ["--config", str(config)]
    with callstage(scripts / "play.py", folder=folder, options=options) as runtime:
        idle = Footprint.of(runtime).processes
        await short_calls(runtime, warm)
        before = await settled(runtime, idle)
        await short_calls(runtime, calls)
        after = await settled(runtime, idle)
        assert after.processes == before.processes == idle
        for name, files in after.files.items():
            assert abs(files - before.files[name]) <= SLACK_FILES, (name, before, after)
        for name, kib in after.private_kib.items():
            assert kib - before.private_kib[name] < SLACK_KIB, (name, before, after)
        assert len(runtime.sessions()) == warm + calls
        assert not runtime.log_lines("[error")


async def test_a_hundred_calls_leave_nothing_behind(scripts: Path, tmp_path: Path) -> None:
    await calls_leave_nothing(scripts, tmp_path, warm=48, calls=96)


@pytest.mark.soak
async def test_two_thousand_calls_leave_nothing_behind(scripts: Path, tmp_path: Path) -> None:
    await calls_leave_nothing(scripts, tmp_path, warm=1_200, calls=800)
