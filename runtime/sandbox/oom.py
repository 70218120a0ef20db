"""Whether the kernel has killed a process because the machine, or its group, was out of memory.

The kernel does not tell whom; it counts. A worker that was killed by nobody of us, while the count
rose, was meant as far as can be known.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

COUNTERS: Final = Path("/proc/vmstat")
_KILLS: Final = "oom_kill "


class OomKills:
    """The counter, and what of it has been seen."""

    def __init__(self, counters: Path = COUNTERS) -> None:
        self._counters = counters
        self._seen = self._read()

    def another(self) -> bool:
        """Whether it rose since the last look."""
        before, self._seen = self._seen, self._read()
        return self._seen > before

    def _read(self) -> int:
        """0 where the kernel does not count (Linux before 4.13, other systems)."""
        try:
            lines = self._counters.read_text(encoding="ascii").splitlines()
        except (OSError, ValueError):
            return 0
        found = (line.removeprefix(_KILLS) for line in lines if line.startswith(_KILLS))
        return int(next(found, "0"))
