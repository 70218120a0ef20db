"""Which process wrote an open session, so that the sessions of a killed one can be told.

A process is named by its number and the moment it began: numbers come again.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_START_FIELD: Final = 19
"""Of /proc/PID/stat, counted from behind the command's name: the 22nd field (proc(5))."""


def this_run() -> str:
    return _name(os.getpid()) or str(os.getpid())


def is_alive(run: str) -> bool:
    """Whether the process that is called so still runs; where nobody knows, only this one does."""
    pid = run.partition(":")[0]
    return pid.isdigit() and run == (_name(int(pid)) or str(os.getpid()))


def _name(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return f"{pid}:{stat.rpartition(')')[2].split()[_START_FIELD]}"
