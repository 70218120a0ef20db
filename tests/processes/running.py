"""The children of the test's own process, to send signals to."""

from __future__ import annotations

import os
from pathlib import Path


def children_running(module: str) -> list[int]:
    """Process ids of our living children that run `python -m module`."""
    me = os.getpid()
    children = Path(f"/proc/{me}/task/{me}/children").read_text().split()
    return [int(pid) for pid in children if module.encode() in _command(pid)]


def _command(pid: str) -> list[bytes]:
    return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
