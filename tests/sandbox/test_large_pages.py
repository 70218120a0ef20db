"""Memory of the zygote in large pages, where the kernel does that."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

import pytest

from runtime.sandbox.large_pages import LARGE, gather_in_large_pages

THERE = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def _large_bytes() -> int:
    """How much of this process's memory is in large pages."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("AnonHugePages:"))
    return int(line.split()[1]) * 1024


@pytest.mark.skipif(
    tuple(map(int, os.uname().release.split(".")[:2])) < (6, 1) or not THERE.exists(),
    reason="this kernel gathers no pages when it is asked to",
)
def test_what_is_in_memory_is_gathered_and_stays_what_it_is() -> None:
    before = _large_bytes()
    with mmap.mmap(-1, 8 * LARGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        for page in range(0, len(memory), mmap.PAGESIZE):
            memory[page] = page // mmap.PAGESIZE % 251
        gather_in_large_pages()
        assert _large_bytes() > before
        assert all(
            memory[page] == page // mmap.PAGESIZE % 251
            for page in range(0, len(memory), mmap.PAGESIZE)
        )
