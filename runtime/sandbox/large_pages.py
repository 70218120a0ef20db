"""Makes the memory that a zygote shares with its workers cheap to share: large pages where it fits.

A fork copies one entry of the page tables for each page of 4 KiB, or one for 2 MiB that lie
together in a large page. What a worker writes is copied 4 KiB at a time as before.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator
from typing import Final

from runtime.processes.entering import libc

LARGE: Final = 2 * 1024 * 1024
"""Of x86-64, and of arm64 with pages of 4 KiB."""
_MADV_COLLAPSE: Final = 25
"""Linux 6.1; earlier ones refuse, and memory stays as it is."""


def gather_in_large_pages() -> None:
    """Once, before the first fork, when everything is in memory that is to be there."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        ranges = list(_whole(_private(maps)))
    for start, size in ranges:
        libc().madvise(ctypes.c_void_p(start), ctypes.c_size_t(size), _MADV_COLLAPSE)


def _private(maps: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Where writable memory without a file begins and ends (proc(5), maps)."""
    for line in maps:
        addresses, permissions, _, _, inode, *name = line.split()
        if permissions == "rw-p" and inode == "0" and name in ([], ["[heap]"]):
            start, end = addresses.split("-")
            yield int(start, 16), int(end, 16)


def _whole(ranges: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The large pages that lie in each as a whole: start and size."""
    for start, end in ranges:
        first, last = -(-start // LARGE) * LARGE, end // LARGE * LARGE
        if first < last:
            yield first, last - first
