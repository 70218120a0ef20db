"""A fork of a running trio waits with descriptors of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = [
    pytest.mark.loopback,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the zygote is Linux only"),
]

FORKS_OF_A_TRIO = """
import json, os, signal, socket
import trio, trio.testing
from runtime.sandbox.descriptors import TrioDescriptors, open_descriptors

async def main(before):
    said = []
    reads, writes = os.pipe()
    os.set_blocking(reads, False)
    woken = trio.Event()

    async def waits_for_the_pipe():
        await trio.lowlevel.wait_readable(reads)
        said.append("pipe " + os.read(reads, 9).decode())

    async def waits_for_a_signal():
        with trio.open_signal_receiver(signal.SIGUSR1) as signals:
            async for number in signals:
                said.append("signal")
                return

    async with trio.open_nursery() as nursery:
        nursery.start_soon(waits_for_the_pipe)
        nursery.start_soon(waits_for_a_signal)
        await trio.testing.wait_all_tasks_blocked()
        own = TrioDescriptors.found({*before, reads, writes})
        pid = os.fork()
        if pid == 0:
            own.renew()
            os.kill(os.getpid(), signal.SIGUSR1)
            with trio.move_on_after(0.05):
                await trio.sleep_forever()
            said.append("slept")
            os.write(writes, b"forked")
        else:
            os.waitpid(pid, 0)
            with trio.move_on_after(0.05):
                await trio.sleep_forever()
            said.append("woke up by itself")
            os.kill(os.getpid(), signal.SIGUSR1)
            os.write(writes, b"parent")
    print(json.dumps(said), flush=True)
    if pid == 0:
        os._exit(0)

trio.run(main, [fd for fd, _ in open_descriptors()])
"""


@pytest.fixture(scope="module")
def said() -> list[list[str]]:
    command = [sys.executable, "-c", FORKS_OF_A_TRIO]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_fork_sleeps_reads_and_hears_signals(said: list[list[str]]) -> None:
    assert sorted(said[0]) == ["pipe forked", "signal", "slept"]


def test_its_parent_does_not_hear_what_woke_the_fork(said: list[list[str]]) -> None:
    assert said[1][0] == "woke up by itself"
    assert sorted(said[1][1:]) == ["pipe parent", "signal"]
