"""Processes below one process, from /proc; a pid alone is reused, so an identity has its start."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

Identity = tuple[int, int]
"""Pid and start time in clock ticks."""

GONE_S: Final = 10.0
"""Children learn of their parent's end by a signal each, on a busy machine."""
POLL_S: Final = 0.02


def descendants(root: int, command: str = "") -> list[int]:
    """Living processes below `root` whose command line holds `command`."""
    parents = _parents()
    found = [pid for pid in parents if pid != root and _is_below(pid, root, parents)]
    return sorted(pid for pid in found if command in command_line(pid))


def children(root: int, command: str = "") -> list[int]:
    """Only those that `root` itself started."""
    parents = _parents()
    return [pid for pid in descendants(root, command) if parents.get(pid) == root]


def identified(root: int) -> list[Identity]:
    """The tree below and with `root`, to be looked for later."""
    found = ((pid, start_of(pid)) for pid in [root, *descendants(root)])
    return [(pid, start) for pid, start in found if start is not None]


def wait_gone(tree: Sequence[Identity]) -> list[Identity]:
    """Those that are still there after a grace."""
    deadline = time.monotonic() + GONE_S
    left = list(tree)
    while left and time.monotonic() < deadline:
        left = [(pid, start) for pid, start in left if start_of(pid) == start]
        time.sleep(POLL_S if left else 0)
    return left


def start_of(pid: int) -> int | None:
    """None for a process that is gone, or dead and not yet reaped."""
    fields = _stat(pid)
    return None if fields is None or fields[0] in "ZX" else int(fields[19])


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def is_shown(pid: int) -> bool:
    """Locked processes show what they hold to root alone."""
    return os.access(f"/proc/{pid}/fd", os.R_OK)


def open_files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def private_kib(pid: int) -> int:
    """Memory that only this process has."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


def _parents() -> dict[int, int]:
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            fields = _stat(int(entry.name))
            if fields is not None and fields[0] not in "ZX":
                parents[int(entry.name)] = int(fields[1])
    return parents


def _is_below(pid: int, root: int, parents: dict[int, int]) -> bool:
    while pid in parents:
        pid = parents[pid]
        if pid == root:
            return True
    return False


def _stat(pid: int) -> list[str] | None:
    """The fields after the name, which may hold anything."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()
