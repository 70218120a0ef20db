"""The watchdog's verdicts on real processes: one starved, one asleep, one that burns."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from runtime.decisions.watchdog import LOOK_S, Silence, Verdict
from runtime.processes.usage import cpu_of, usage_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads Linux clocks"),
]

ON_ONE_CPU = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
HOG = ON_ONE_CPU + "while True: pass"
STARVED = ON_ONE_CPU + "os.nice(19)\nprint('.', flush=True)\nwhile True: pass"
ASLEEP = "import time; print('.', flush=True); time.sleep(60)"
BURNING = "print('.', flush=True)\nwhile True: pass"


@contextmanager
def process(code: str) -> Iterator[subprocess.Popen[bytes]]:
    words = [sys.executable, "-S", "-c", code]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as running:
        try:
            yield running
        finally:
            running.kill()


def verdict_on(
    pid: int, *, seconds: float, allowed_s: float, allowed_cpu_s: float
) -> Verdict | None:
    """Looked at as the core does; `seconds` bounds it when nothing is found."""
    silence = Silence(time.monotonic(), cpu_of(pid), allowed_cpu_s, allowed_s)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(LOOK_S / 5)
        verdict = silence.look(time.monotonic(), usage_of(pid))
        if verdict is not None:
            return verdict
    return None


def test_a_starved_process_is_not_stuck() -> None:
    with process(STARVED) as starved:
        assert starved.stdout is not None
        starved.stdout.read(1)
        with process(HOG), process(HOG):
            time.sleep(0.2)
            found = verdict_on(starved.pid, seconds=2.0, allowed_s=1.0, allowed_cpu_s=1.0)
            assert found is None
            assert usage_of(starved.pid).runnable


def test_a_starved_process_that_computes_burns_and_never_blocks() -> None:
    """It gets a hundredth of a processor, and a tenth of a second to do nothing."""
    with process(STARVED) as starved:
        assert starved.stdout is not None
        starved.stdout.read(1)
        with process(HOG), process(HOG):
            found = verdict_on(starved.pid, seconds=60.0, allowed_s=0.1, allowed_cpu_s=0.02)
            assert found is Verdict.BURNS


def test_a_process_that_sleeps_is_found_out() -> None:
    with process(ASLEEP) as asleep:
        assert asleep.stdout is not None
        asleep.stdout.read(1)
        found = verdict_on(asleep.pid, seconds=30.0, allowed_s=0.5, allowed_cpu_s=5.0)
        assert found is Verdict.BLOCKS


def test_a_process_that_burns_is_found_out() -> None:
    with process(BURNING) as burning:
        assert burning.stdout is not None
        burning.stdout.read(1)
        found = verdict_on(burning.pid, seconds=60.0, allowed_s=60.0, allowed_cpu_s=0.5)
        assert found is Verdict.BURNS


def test_one_s_own_clock_agrees_with_the_kernel_s() -> None:
    assert abs(cpu_of(os.getpid()) - time.process_time()) < 1.0
