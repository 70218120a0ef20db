"""Limits of a real worker process: its memory, and the CPU time of its handlers and its import."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import trio

from runtime.decisions.failure import Cause, end_of_worker
from runtime.decisions.limits import Limits
from runtime.sandbox.ceilings import Ceilings
from runtime.sandbox.frames import EventFrame
from runtime.sandbox.launcher import ZygoteLauncher
from tests.sandbox.process_core import PATIENCE_S, ProcessCore, worker

pytestmark = [
    pytest.mark.loopback,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the zygote is Linux only"),
]

MIB = 1024 * 1024
COUNT = """
from runtime import *
def count():
    held = []
    try:
        while True: held.append(bytearray(1 << 20))
    except MemoryError:
        return len(held)
Logger.write(count())
"""
ATTEMPT = """
import traceback
resource = traceback.sys.modules["resource"]
limit, _ = resource.getrlimit(resource.RLIMIT_AS)
try:
    resource.setrlimit(resource.RLIMIT_AS, (limit + (1 << 24), limit + (1 << 24)))
except (ValueError, OSError) as exc:
    Logger.write(type(exc).__name__)
Logger.write(count())
"""
HOARD = """
from runtime import *
held = []
@VoxEngine.on(AppEvents.Started)
def started():
    for size in (1 << 20, 1 << 16, 1 << 13):
        try:
            while True: held.append(bytearray(size))
        except MemoryError:
            pass
    Logger.write("full")
"""


@asynccontextmanager
async def worker_of(operator: Limits) -> AsyncIterator[ProcessCore]:
    launcher = ZygoteLauncher(Ceilings.of(operator), blanks=1)
    async with trio.open_nursery() as nursery:
        with trio.fail_after(PATIENCE_S):
            await nursery.start(launcher.run)
        core = ProcessCore(await launcher.launch("s1"))
        yield core
        core.process.kill()
        await trio.aclose_forcefully(core.process.stream)
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("operator_mib", "wanted_mib", "most"),
    [(64, 64, 64), (64, 16, 16), (128, 96, 96), (32, 64, 32)],
)
async def test_a_session_has_the_memory_of_its_application_within_the_operators(
    operator_mib: int, wanted_mib: int, most: int
) -> None:
    async with worker_of(Limits(memory_mib=operator_mib)) as core:
        await core.start(COUNT, memory_mib=wanted_mib)
        [blocks] = core.logs
        assert most - 8 <= int(blocks) <= most


async def test_a_script_cannot_raise_its_memory_again() -> None:
    async with worker() as core:
        await core.start(COUNT + ATTEMPT, memory_mib=16)
        before, refusal, after = core.logs
        assert refusal in ("ValueError", "PermissionError", "OSError")
        assert int(after) <= int(before) + 1


async def test_a_process_that_cannot_go_on_without_memory_ends_and_says_so() -> None:
    async with worker() as core:
        await core.start(HOARD, memory_mib=16)
        await core.event("Application.Started")
        await core.until(lambda: core.logs == ["full"])
        big = EventFrame(seq=2, name="Application.Started", fields={"logURL": "x" * 900_000})
        with suppress(trio.BrokenResourceError):
            await core.send(big)
        with trio.fail_after(PATIENCE_S):
            status = await core.process.wait()
        assert end_of_worker(status).cause is Cause.MEMORY


async def test_the_memory_that_a_process_had_is_known_at_its_end() -> None:
    async with worker() as core:
        crash = "import traceback\ntraceback.sys.modules['os'].abort()"
        with pytest.raises(EOFError):
            await core.start(COUNT + crash)
        with trio.fail_after(PATIENCE_S):
            status = await core.process.wait()
        share = core.process.peak_bytes / (64 * MIB)
        assert end_of_worker(status, share).cause is Cause.MEMORY
        assert end_of_worker(status, share / 2).cause is Cause.CRASHED


async def test_a_handler_and_an_import_have_the_cpu_time_that_is_configured() -> None:
    spin = "def spin():\n    while True: pass\n"
    async with worker() as core:
        await core.start(f"{spin}spin()", import_cpu_s=0.3)
        assert core.errors[0].message.startswith("HandlerTimeout: more than 0.3 s of CPU time")
    async with worker() as core:
        await core.start(f"from runtime import *\n{spin}setTimeout(spin, 0)", handler_cpu_s=0.2)
        await core.until(lambda: bool(core.errors))
        assert core.errors[0].message.startswith("HandlerTimeout: more than 0.2 s of CPU time")
