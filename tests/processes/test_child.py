"""Children: what they inherit, how they end, and that they never outlive the core."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import trio

from runtime.processes.child import Child, start_child
from runtime.processes.packets import LinkClosed

ECHO = "tests.processes.echo"
PATIENCE_S = 60


def _start_echo(*arguments: str, nice: int = 0) -> Child:
    return start_child(ECHO, arguments, nice=nice, receive_fds=4)


async def test_a_child_gets_its_arguments_and_nothing_of_the_core() -> None:
    secret = os.open("/etc/hostname", os.O_RDONLY)
    os.environ["CALLSTAGE_TEST_SECRET"] = "key"
    child = _start_echo("a", "b", nice=3)
    with trio.fail_after(PATIENCE_S):
        hello, _ = await child.link.receive()
        await child.link.send({"what": "is open"})
        reply, _ = await child.link.receive()
    assert hello["hello"] == ["a", "b"]
    assert hello["pid"] == child.pid
    assert "CALLSTAGE_TEST_SECRET" not in hello["environ"]
    assert "PATH" not in hello["environ"]
    # 0-2, the link, and the directory being listed
    assert reply["open"] == ["0", "1", "2", "3", "4"]
    assert os.readlink(f"/proc/{child.pid}/cwd") == "/"
    assert os.getpriority(os.PRIO_PROCESS, child.pid) == 3
    assert os.getpgid(child.pid) == child.pid
    await child.close(grace_s=PATIENCE_S)
    assert child.status == 0
    os.close(secret)
    del os.environ["CALLSTAGE_TEST_SECRET"]


async def test_exit_status_and_signal_are_told_apart() -> None:
    first, second = _start_echo(), _start_echo()
    with trio.fail_after(PATIENCE_S):
        await first.link.receive()
        await first.link.send({"exit": 7})
        assert await first.wait() == 7
        assert await first.wait() == 7
        second.kill()
        assert await second.wait() == -signal.SIGKILL
        second.kill()
    with pytest.raises(LinkClosed):
        await first.link.receive()
    await first.close()
    await second.close()


async def test_two_tasks_may_wait_for_one_child() -> None:
    child = _start_echo()
    with trio.fail_after(PATIENCE_S):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(child.wait)
            nursery.start_soon(child.wait)
            child.kill()
    await child.close()
    assert repr(child) == f"<Child {ECHO} pid={child.pid} signal 9>"


async def test_a_child_that_ignores_the_closed_link_is_killed_even_when_cancelled() -> None:
    child = _start_echo()
    with trio.fail_after(PATIENCE_S):
        await child.link.receive()
        await child.link.send({"deaf": True})
    with trio.CancelScope() as scope:
        scope.cancel()
        await child.close(grace_s=0.05)
    assert child.status == -signal.SIGKILL
    await child.close()


async def test_starting_from_a_thread_is_refused() -> None:
    with pytest.raises(RuntimeError, match="in a thread"):
        await trio.to_thread.run_sync(_start_echo)


CORE = """
import signal, sys, time
import trio
from runtime.processes.child import start_child

async def main():
    children = [start_child("tests.processes.echo") for _ in range(2)]
    for child in children:
        await child.link.receive()
        child.link.send_nowait({"deaf": True})
    print(*[child.pid for child in children], flush=True)
    await trio.sleep_forever()

trio.run(main)
"""


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.mark.slow
def test_children_live_past_fifteen_seconds_and_die_with_a_killed_core() -> None:
    # Fifteen seconds: trio's idle threads end after ten, and a parent-death signal with them.
    core = subprocess.Popen([sys.executable, "-c", CORE], stdout=subprocess.PIPE, text=True)
    assert core.stdout is not None
    pids = [int(pid) for pid in core.stdout.readline().split()]
    assert len(pids) == 2
    time.sleep(16)
    assert not any(gone(pid) for pid in pids)
    core.kill()
    core.wait()
    core.stdout.close()
    deadline = time.monotonic() + PATIENCE_S
    while not all(gone(pid) for pid in pids):
        assert time.monotonic() < deadline, f"children {pids} outlived their core"
        time.sleep(0.01)
