"""Locks of children that read what strangers wrote: enough for the work, and nothing besides.

Called once, after everything is loaded. What the kernel refuses is left out and can be seen in the
result: these children hold no secret, so a weaker lock is reported, not fatal. (Session workers,
which run hostile code by design, have stricter ones: runtime/sandbox.)
"""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import Final

from runtime.sandbox.landlock import LandlockUnavailable, give_up_everything
from runtime.sandbox.seccomp import SeccompUnavailable, build_filter, install
from runtime.sandbox.syscalls import Profile

from .child import die_with_parent

DESCRIPTORS: Final = 64
"""A worker holds its link, one or two descriptors per request, and its libraries' own."""
NOBODY: Final = 65534


def confine(
    *,
    memory_bytes: int,
    file_bytes: int = 0,
    descriptors: int = DESCRIPTORS,
    reads: Path | None = None,
    profile: Profile | None = None,
) -> tuple[str, ...]:
    """Lock this process for good; returns the names of the locks that hold.

    Always: limits of memory (beyond what is mapped now), written files, descriptors, core dumps.
    When root: the uid is given up. Then Landlock: no file can be opened any more. A child whose
    library must go on reading below `reads` keeps that: without Landlock, and with its uid when
    nobody else may read there. Last, and only with a `profile`: the kernel filter.
    """
    locks = ["limits"]
    _limit(memory_bytes, file_bytes, descriptors)
    if os.geteuid() == 0 and _drop_root(reads):
        locks.append("uid")
    if reads is None:
        try:
            give_up_everything()
        except LandlockUnavailable:
            pass
        else:
            locks.append("landlock")
    if profile is not None and _filter(profile):
        locks.append("seccomp")
    return tuple(locks)


def _filter(profile: Profile) -> bool:
    try:
        install(build_filter(os.uname().machine, profile))
    except SeccompUnavailable:
        return False
    return True


def _limit(memory_bytes: int, file_bytes: int, descriptors: int) -> None:
    limits = {
        resource.RLIMIT_AS: mapped_bytes() + memory_bytes,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_NOFILE: descriptors,
        resource.RLIMIT_CORE: 0,
    }
    for kind, limit in limits.items():
        _, hard = resource.getrlimit(kind)
        allowed = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(kind, (allowed, allowed))


def mapped_bytes() -> int:
    """Address space that this process has mapped now."""
    with open("/proc/self/statm", encoding="ascii") as counts:
        return int(counts.read().split()[0]) * resource.getpagesize()


def _drop_root(reads: Path | None) -> bool:
    """Become nobody for good, unless that would lock the child out of `reads`."""
    parent = os.getppid()
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.seteuid(NOBODY)
    if reads is not None and not _readable(reads):
        os.seteuid(0)
        return False
    os.seteuid(0)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    die_with_parent(parent)  # the kernel has just cleared the signal
    return True


def _readable(folder: Path) -> bool:
    try:
        return any(folder.iterdir())
    except OSError:
        return False
