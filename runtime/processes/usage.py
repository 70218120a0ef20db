"""What another process has used of the processor, read without any privilege (Linux)."""

from __future__ import annotations

import time
from pathlib import Path

from runtime.decisions.watchdog import Usage


def cpu_of(pid: int) -> float:
    """The CPU clock of another process, in a microsecond; 0 where there is none."""
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0


def usage_of(pid: int | None) -> Usage:
    """Of a process; nothing where the kernel does not tell, or for a worker that is none."""
    if pid is None:
        return Usage()
    try:
        scheduled = Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        # After the name, which is in parentheses and may hold anything.
        fields = state.rpartition(")")[2].split()
        return Usage(
            cpu_s=cpu_of(pid),
            waited_s=int(scheduled[1]) / 1e9,
            runnable=fields[0] == "R",
            memory_bytes=int(fields[20]),
        )
    except (OSError, IndexError, ValueError):
        return Usage()
