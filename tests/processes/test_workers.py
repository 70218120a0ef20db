"""The real workers: locked, and gone with their core even when they cannot notice its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.processes.test_child import gone

PATIENCE_S = 60
CORE = """
import os, sys
from pathlib import Path
import trio
from runtime.media.client import MediaClient
from runtime.media.sounds.decoders import file_decoders
from runtime.media.recording.recording_disk import RecordingDisk
from runtime.media.recording.recordings import Recordings
from runtime.speech.offline import OfflineSpeech
from tests.processes.running import children_running

async def main():
    decoders, speech = file_decoders(print), OfflineSpeech(print)
    disk = RecordingDisk(Path(sys.argv[1]), 10**9)
    recordings = Recordings(disk, base_url=lambda: "http://x", warn=print)
    async with trio.open_nursery() as nursery:
        for part in (decoders, speech, recordings, MediaClient("127.0.0.1", range(1))):
            await nursery.start(part.run)
        modules = (
            "runtime.media.sounds.files",
            "runtime.speech.espeak",
            "runtime.media.recording.recorder",
            "runtime.media.engine",
        )
        pids = [pid for module in modules for pid in children_running(module)]
        print(*pids, flush=True)
        await trio.sleep_forever()

trio.run(main)
"""


def _status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


def _locked(pid: int) -> dict[str, str]:
    """The status of a process, once its filter is installed: the last of its locks."""
    deadline = time.monotonic() + PATIENCE_S
    while (status := _status(pid))["Seccomp"] != "2":
        assert time.monotonic() < deadline, f"process {pid} is not locked"
        time.sleep(0.01)
    return status


def test_workers_are_locked_and_die_with_a_killed_core_although_they_are_stuck(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-c", CORE, str(tmp_path)]
    core = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert core.stdout is not None
    pids = [int(pid) for pid in core.stdout.readline().split()]
    core.stdout.close()
    assert len(pids) == 4
    for status in map(_locked, pids):
        assert status["NoNewPrivs"] == "1"
        if os.geteuid() == 0:
            assert status["Uid"].split() == ["65534"] * 4
            assert int(status["CapEff"], 16) == 0
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)  # none of them can see that the link was closed
    core.kill()
    core.wait()
    deadline = time.monotonic() + PATIENCE_S
    while not all(gone(pid) for pid in pids):
        assert time.monotonic() < deadline, f"workers {pids} outlived their core"
        time.sleep(0.01)
