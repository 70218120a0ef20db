"""The kernel's count of processes that it killed for lack of memory."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
import trio

from runtime.sandbox import launcher as launching
from runtime.sandbox.launcher import OOM_KILLED
from runtime.sandbox.oom import COUNTERS, OomKills
from tests.sandbox.process_core import PATIENCE_S, zygote


def counted(path: Path, kills: int) -> Path:
    path.write_text(f"nr_free_pages 4711\noom_kill {kills}\nunevictable 0\n")
    return path


def test_a_kill_is_seen_once(tmp_path: Path) -> None:
    file = counted(tmp_path / "vmstat", 3)
    kills = OomKills(file)
    assert not kills.another()
    counted(file, 4)
    assert kills.another()
    assert not kills.another()


@pytest.mark.parametrize("text", ["", "oom_kill_events 3\n"])
def test_a_kernel_that_does_not_count_killed_nobody(tmp_path: Path, text: str) -> None:
    file = tmp_path / "vmstat"
    assert not OomKills(file).another()
    file.write_text(text)
    assert not OomKills(file).another()


@pytest.mark.skipif(sys.platform != "linux", reason="reads Linux counters")
def test_this_kernel_counts() -> None:
    assert "\noom_kill " in COUNTERS.read_text()


@pytest.mark.loopback
@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the zygote is Linux only")
@pytest.mark.parametrize("kills", [0, 1])
async def test_a_worker_that_somebody_killed_was_meant_if_the_count_rose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kills: int
) -> None:
    file = counted(tmp_path / "vmstat", 7)
    monkeypatch.setattr(launching, "OomKills", lambda: OomKills(file))
    async with zygote() as launcher:
        process = await launcher.launch("s1")
        assert process.pid is not None
        counted(file, 7 + kills)
        os.kill(process.pid, signal.SIGKILL)
        with trio.fail_after(PATIENCE_S):
            assert await process.wait() == (OOM_KILLED if kills else "signal 9")
        await process.stream.aclose()
