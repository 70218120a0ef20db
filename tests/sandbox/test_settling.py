"""Waiting until nothing goes on by itself, without trio's test package."""

from __future__ import annotations

import subprocess
import sys

import trio

from runtime.sandbox.settling import all_tasks_blocked


async def test_it_returns_when_the_others_have_done_what_they_can(nursery: trio.Nursery) -> None:
    steps: list[str] = []
    answer = trio.Event()

    async def work() -> None:
        for number in range(20):
            await trio.lowlevel.checkpoint()
            steps.append(str(number))
        await answer.wait()
        steps.append("answered")
        await trio.sleep_forever()

    nursery.start_soon(work)
    await all_tasks_blocked()
    assert steps == [str(number) for number in range(20)]
    answer.set()
    await all_tasks_blocked()
    assert steps[-1] == "answered"
    nursery.cancel_scope.cancel()


async def test_a_task_that_waits_for_time_does_not_hold_it_up(nursery: trio.Nursery) -> None:
    nursery.start_soon(trio.sleep, 3600)
    with trio.fail_after(30):
        await all_tasks_blocked()
    nursery.cancel_scope.cancel()


def test_the_zygote_loads_no_tools_for_tests() -> None:
    """They would be in the memory of every worker, and cost a fifth of its start."""
    loaded = "import sys, runtime.sandbox.zygote as z; z.preload(); print(*sys.modules)"
    told = subprocess.run([sys.executable, "-I", "-c", loaded], capture_output=True, check=True)
    packages = {name.partition(".")[0] for name in told.stdout.decode().split()}
    assert "trio" in packages
    assert not packages & {"pytest", "_pytest", "hypothesis", "pygments"}
