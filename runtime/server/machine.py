"""What this machine has room for, and that it is asked for all of it."""

from __future__ import annotations

import resource
from typing import Final

SESSION_MEMORY: Final = 8 * 1024 * 1024
"""Private memory that a session may take, for the number that fits into the machine."""
MIN_SESSIONS: Final = 10
"""Even where the memory available cannot be read."""


def sessions_that_fit() -> int:
    """From the memory available at start."""
    try:
        with open("/proc/meminfo") as lines:
            available = next(line for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return MIN_SESSIONS
    return max(MIN_SESSIONS, int(available.split()[1]) * 1024 // SESSION_MEMORY)


def raise_descriptor_limit() -> None:
    """As far as the system allows: sessions, sounds and recordings each hold a few."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
