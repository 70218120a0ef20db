"""Resource limits of children that read what strangers wrote: enough for the work, no more."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Final

DESCRIPTORS: Final = 64
"""A worker holds its link, one or two descriptors per request, and its libraries' own."""


def confine(*, memory_bytes: int, file_bytes: int = 0, descriptors: int = DESCRIPTORS) -> None:
    """Limit address space (beyond what is mapped now), written files, descriptors, core dumps."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    memory = pages * resource.getpagesize() + memory_bytes
    limits = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_NOFILE: descriptors,
        resource.RLIMIT_CORE: 0,
    }
    for kind, limit in limits.items():
        _, hard = resource.getrlimit(kind)
        allowed = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (allowed, allowed))
