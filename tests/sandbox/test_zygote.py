"""Real workers from a real zygote: what they hold, how they end, what is left."""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path

import pytest
import trio

from runtime.processes.confine import LAST_CPU_S, NOBODY
from runtime.sandbox.ceilings import Ceilings
from runtime.sandbox.frames import StopFrame
from runtime.sandbox.launcher import LaunchError, ZygoteLauncher
from runtime.sandbox.lock import DESCRIPTORS
from tests.sandbox.process_core import PATIENCE_S, ProcessCore, worker, zygote

pytestmark = [
    pytest.mark.loopback,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the zygote is Linux only"),
]

QUIET = "from runtime import *\n"


def proc(pid: int | None, name: str) -> str:
    return Path(f"/proc/{pid}/{name}").read_text()


async def gone(pid: int) -> None:
    """Wait until a process has ended and was reaped (or is a zombie of somebody else)."""
    with trio.fail_after(PATIENCE_S):
        while True:
            try:
                state = proc(pid, "stat").rpartition(")")[2].split()[0]
            except (FileNotFoundError, ProcessLookupError):
                return
            if state == "Z":
                return
            await trio.sleep(0.01)


async def test_a_scenario_runs_in_a_process_of_its_own_and_ends_when_told() -> None:
    async with zygote() as launcher:
        core = ProcessCore(await launcher.launch("s1"))
        assert core.process.pid not in (None, os.getpid(), launcher.zygote_pid)
        await core.start(QUIET + "Logger.write('loaded')")
        assert core.logs == ["loaded"]
        await core.send(StopFrame(reason="test"))
        with trio.fail_after(PATIENCE_S):
            assert await core.process.wait() == "exit 0"
        core.process.kill()
        await core.process.stream.aclose()


async def test_a_worker_holds_only_its_control_socket() -> None:
    async with worker() as core:
        await core.start(QUIET)
        pid = core.process.pid
        if os.getuid() != 0:
            pytest.skip("only root may look into a process that is not dumpable")
        held = f"/proc/{pid}/fd"
        names = {fd: os.readlink(f"{held}/{fd}") for fd in os.listdir(held)}
        assert {names.pop(fd) for fd in ("0", "1", "2")} == {"/dev/null"}
        kinds = sorted(name.partition(":")[0] for name in names.values())
        # The control socket, trio's epoll, and trio's two wake-up pairs.
        assert kinds == ["anon_inode", *["socket"] * 5]
        assert proc(pid, "environ").count("\0") <= 3


async def test_a_worker_is_confined_before_it_sees_a_script() -> None:
    async with worker() as core:
        await core.start(QUIET)
        status, limits = proc(core.process.pid, "status"), proc(core.process.pid, "limits")
        fields = dict(line.split(":", 1) for line in status.splitlines())
        assert fields["NoNewPrivs"].strip() == "1"
        if os.getuid() == 0:
            assert fields["Uid"].split() == [str(NOBODY)] * 4
            assert fields["Groups"].split() == []
        rows = {line[:25].strip(): line[25:].split() for line in limits.splitlines()}
        assert rows["Max open files"][:2] == [str(DESCRIPTORS)] * 2
        assert rows["Max file size"][:2] == ["0", "0"]
        assert rows["Max core file size"][:2] == ["0", "0"]
        assert rows["Max cpu time"][:2] == ["600", str(600 + LAST_CPU_S)]
        assert int(rows["Max address space"][1]) > Ceilings().memory_bytes


async def test_a_script_that_wants_too_much_memory_gets_an_exception() -> None:
    async with worker() as core:
        await core.start(QUIET + "x = 'x' * (1 << 30)")
        assert core.errors[0].message.startswith("MemoryError")


async def test_a_log_line_before_an_endless_loop_arrives() -> None:
    async with worker() as core:
        source = (
            QUIET
            + """
@VoxEngine.on(AppEvents.Started)
def started():
    Logger.write("last words")
    sum(range(10**15))
"""
        )
        await core.start(source)
        await core.event("Application.Started")
        await core.until(lambda: core.logs == ["last words"])
        core.process.kill()
        with trio.fail_after(PATIENCE_S):
            assert await core.process.wait() == "signal 9"


async def test_a_worker_that_ends_itself_is_reported_as_it_ended() -> None:
    async with worker() as core:
        crash = "import traceback; traceback.sys.modules['os']._exit(3)"
        with pytest.raises(EOFError):
            await core.start(QUIET + crash)
        assert await core.process.wait() == "exit 3"


async def test_a_worker_ends_when_the_core_closes_its_end() -> None:
    async with worker() as core:
        await core.start(QUIET)
        await core.process.stream.aclose()
        with trio.fail_after(PATIENCE_S):
            assert await core.process.wait() == "exit 0"


async def test_when_the_zygote_dies_its_workers_die_and_the_next_one_takes_over() -> None:
    async with zygote() as launcher:
        core = ProcessCore(await launcher.launch("s1"))
        stuck = QUIET + "setTimeout(lambda: sum(range(10**15)), 0)"
        await core.start(stuck)
        first, pid = launcher.zygote_pid, core.process.pid
        assert first is not None
        assert pid is not None
        os.kill(first, signal.SIGKILL)
        with trio.fail_after(PATIENCE_S):
            assert await core.process.wait() == "zygote-lost"
        await gone(pid)
        with trio.fail_after(PATIENCE_S):
            next_one = ProcessCore(await launcher.launch("s2"))
        assert launcher.zygote_pid not in (None, first)
        await next_one.start(QUIET + "Logger.write('again')")
        assert next_one.logs == ["again"]
        await next_one.process.stream.aclose()
        await core.process.stream.aclose()


async def test_the_workers_die_with_the_zygote_even_when_they_are_stuck() -> None:
    async with zygote() as launcher:
        core = ProcessCore(await launcher.launch("s1"))
        await core.start(QUIET + "setTimeout(lambda: sum(range(10**15)), 0)")
        zygote_pid, pid = launcher.zygote_pid, core.process.pid
    assert zygote_pid is not None
    assert pid is not None
    await gone(zygote_pid)
    await gone(pid)
    await core.process.stream.aclose()


async def test_many_sessions_leave_no_descriptor_behind() -> None:
    async with zygote() as launcher:
        zygote_fds = f"/proc/{launcher.zygote_pid}/fd"

        async def one_session(number: int) -> None:
            core = ProcessCore(await launcher.launch(f"s{number}"))
            await core.start(QUIET)
            await core.process.stream.aclose()
            with trio.fail_after(PATIENCE_S):
                await core.process.wait()

        await one_session(0)
        before = (len(os.listdir("/proc/self/fd")), len(os.listdir(zygote_fds)))
        for _ in range(4):
            async with trio.open_nursery() as nursery:
                for number in range(10):
                    nursery.start_soon(one_session, number)
        assert (len(os.listdir("/proc/self/fd")), len(os.listdir(zygote_fds))) == before


async def test_a_launch_that_is_given_up_leaves_nothing_behind() -> None:
    async with zygote() as launcher:
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(20):
            with trio.move_on_after(0):
                await launcher.launch("s1")
        process = await launcher.launch("s2")
        await process.stream.aclose()
        with trio.fail_after(PATIENCE_S):
            await process.wait()
            while launcher.blank_pids:
                blank = await launcher.launch("s3")
                await blank.stream.aclose()
                await blank.wait()
        assert len(os.listdir("/proc/self/fd")) == before


async def test_blank_workers_wait_before_anybody_asks() -> None:
    async with zygote(blanks=4) as launcher:
        with trio.fail_after(PATIENCE_S):
            await launcher.filled()
        waiting = launcher.blank_pids
        core = ProcessCore(await launcher.launch("s1"))
        assert core.process.pid in waiting
        await core.start(QUIET + "Logger.write('loaded')")
        assert core.logs == ["loaded"]
        await core.process.stream.aclose()


async def test_more_launches_than_blanks_are_all_served_by_different_workers() -> None:
    async with zygote(blanks=2) as launcher:
        workers = []

        async def launch(number: int) -> None:
            workers.append(await launcher.launch(f"s{number}"))

        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(launch, number)
        assert len({worker.pid for worker in workers}) == 20
        for worker in workers:
            await worker.stream.aclose()
        with trio.fail_after(PATIENCE_S):
            await launcher.filled()


async def test_a_blank_worker_that_dies_is_not_given_to_a_session() -> None:
    async with zygote(blanks=2) as launcher:
        with trio.fail_after(PATIENCE_S):
            await launcher.filled()
        dead, alive = launcher.blank_pids
        os.kill(dead, signal.SIGKILL)
        await gone(dead)
        with trio.fail_after(PATIENCE_S):
            while dead in launcher.blank_pids:  # noqa: ASYNC110 - can only be looked at
                await trio.sleep(0.01)
        core = ProcessCore(await launcher.launch("s1"))
        assert core.process.pid == alive
        await core.process.stream.aclose()


async def test_blank_workers_die_with_the_zygote() -> None:
    async with zygote(blanks=2) as launcher:
        with trio.fail_after(PATIENCE_S):
            await launcher.filled()
        waiting = launcher.blank_pids
    for pid in waiting:
        await gone(pid)


async def test_time_zones_need_no_file() -> None:
    source = (
        QUIET
        + """
import zoneinfo
Logger.write(f"{zoneinfo.TZPATH} {VoxEngine.now('Europe/Berlin').tzinfo}")
Logger.write(str(VoxEngine.now().astimezone(zoneinfo.ZoneInfo("Asia/Kolkata")).utcoffset()))
try:
    zoneinfo.ZoneInfo("Europe/Nowhere")
except zoneinfo.ZoneInfoNotFoundError as exc:
    Logger.write(str(exc))
"""
    )
    async with worker() as core:
        await core.start(source)
        assert core.errors == []
        assert core.logs[0] == "() Europe/Berlin"
        assert core.logs[1] == "5:30:00"
        assert "Europe/Nowhere" in core.logs[2]


async def test_workers_do_not_share_their_randomness() -> None:
    async with zygote() as launcher:
        seen = set()
        for number in range(3):
            core = ProcessCore(await launcher.launch(f"s{number}"))
            await core.start(QUIET + "import random\nLogger.write(str(random.random()))")
            seen.add(core.logs[0])
            await core.process.stream.aclose()
        assert len(seen) == 3


async def test_without_a_zygote_a_launch_says_so(autojump_clock: trio.testing.MockClock) -> None:
    with pytest.raises(LaunchError, match="no worker for session s1: there is no zygote"):
        await ZygoteLauncher().launch("s1")


async def test_the_control_socket_of_the_zygote_is_no_stream() -> None:
    async with zygote() as launcher:
        child = launcher._zygote
        assert child is not None
        assert child.link._sock.type == socket.SOCK_SEQPACKET
