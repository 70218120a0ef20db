"""Real peers for the interop tests: found, started on loopback, ended by their own pid only.

A missing program fails the test when CI=true and skips it loudly otherwise.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import attrs
import pytest
import trio

STOP_GRACE_S: Final = 3.0
"""A peer that does not end on SIGTERM within this is killed."""
READY_S: Final = 60.0
"""For a peer to open its port on a busy machine."""
POLL_S: Final = 0.02


def require_program(name: str) -> str:
    """The program's path; fails in CI, skips elsewhere, when it is not installed."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin")  # not in everybody's PATH
    if path is not None:
        return path
    if os.environ.get("CI") == "true":
        pytest.fail(f"{name} is not installed; run .ci/peers")
    pytest.skip(f"{name} is NOT INSTALLED, so this real peer was NOT tested; run .ci/peers")


def is_bound(port: int, protocol: str) -> bool:
    """Whether somebody on this machine holds the local port ("udp" or "tcp")."""
    wanted = f":{port:04X}"
    for table in (Path(f"/proc/net/{protocol}"), Path(f"/proc/net/{protocol}6")):
        if table.exists():
            rows = table.read_text().splitlines()[1:]
            if any(row.split()[1].endswith(wanted) for row in rows):
                return True
    return False


async def wait_bound(port: int, protocol: str) -> None:
    with trio.fail_after(READY_S):
        while not is_bound(port, protocol):  # noqa: ASYNC110 - another process's socket
            await trio.sleep(POLL_S)


@attrs.frozen(kw_only=True)
class Finished:
    """A program that ran to its end."""

    exit_code: int
    output: str
    folder: Path

    def trace(self) -> str:
        """What it wrote into its own log files, for the message of a failing test."""
        logs = sorted(self.folder.glob("*.log")) + sorted(self.folder.glob("*err*"))
        parts = [f"--- {log.name}\n{log.read_text(errors='replace')[-4000:]}" for log in logs]
        return "\n".join([f"exit code {self.exit_code}", self.output[-2000:], *parts])


async def run_program(command: Sequence[str], folder: Path, *, timeout_s: float) -> Finished:
    """Run to the end, at most `timeout_s`; then it is ended and counts as exit code -1."""
    output = folder / "output.txt"
    with output.open("wb") as sink:
        process = subprocess.Popen(  # noqa: ASYNC220 - returns at once, the wait is trio's
            list(command), cwd=folder, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink
        )
        code: int | None = None
        try:
            with trio.move_on_after(timeout_s):
                code = await wait_exit(process)
        finally:
            await stop(process)
    return Finished(
        exit_code=-1 if code is None else code,
        output=output.read_text(errors="replace"),
        folder=folder,
    )


@asynccontextmanager
async def running(
    command: Sequence[str],
    folder: Path,
    *,
    stdin: int = subprocess.DEVNULL,
    environment: Mapping[str, str] | None = None,
    group: bool = False,
) -> AsyncIterator[subprocess.Popen[bytes]]:
    """The program while the block runs; ended afterwards, and only this one process.

    `group`: it is told to end its own children; those that it leaves are killed with it.
    """
    with (folder / "output.txt").open("wb") as sink:
        process = subprocess.Popen(  # noqa: ASYNC220 - returns at once
            list(command),
            cwd=folder,
            stdin=stdin,
            stdout=sink,
            stderr=sink,
            env={**os.environ, **(environment or {})},
            start_new_session=group,
        )
        try:
            yield process
        finally:
            await stop(process, group=group)
            if process.stdin is not None:
                process.stdin.close()


async def wait_exit(process: subprocess.Popen[bytes]) -> int:
    while process.poll() is None:  # noqa: ASYNC110 - trio has no wait for a foreign Popen
        await trio.sleep(POLL_S)
    return int(process.returncode)


async def stop(process: subprocess.Popen[bytes], *, group: bool = False) -> None:
    """SIGTERM, a grace, SIGKILL: to this pid alone, or to all of its own session at last."""
    with trio.CancelScope(shield=True):
        for sign in (signal.SIGTERM, signal.SIGKILL):
            if process.poll() is not None:
                return
            if group and sign is signal.SIGKILL:
                os.killpg(process.pid, sign)
            else:
                process.send_signal(sign)
            with trio.move_on_after(STOP_GRACE_S):
                await wait_exit(process)
        process.wait(timeout=STOP_GRACE_S)
