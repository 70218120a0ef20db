"""Locks that a process puts on itself, or a fork of it, once everything that it needs is loaded.

Each kind of process says in a `Confinement` what its work needs; everything else is given up, in an
order in which no step hinders the next: the user, limits, Landlock, and last the kernel filter.
What the machine refuses is left out and told; whether that is good enough is decided elsewhere
(runtime/sandbox/probe.py, runtime/decisions/isolation.py).
"""

from __future__ import annotations

import ctypes
import os
import resource
import struct
import sys
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Final

import attrs

from runtime.processes.entering import die_with_parent, libc
from runtime.sandbox.landlock import LandlockUnavailable, Ruleset
from runtime.sandbox.levels import LANDLOCK, LIMITS, SECCOMP, USER, Lock
from runtime.sandbox.profiles import Profile
from runtime.sandbox.seccomp import Filter, SeccompUnavailable

LAST_CPU_S: Final = 5
"""CPU time between the signal that the total is used up, which a script may ignore, and the one
that it cannot: longer than the core takes to see it."""
DESCRIPTORS: Final = 64
"""A worker holds its link, one or two descriptors per request, and its libraries' own."""
NOBODY: Final = 65534
SIGNALS_ABI: Final = 6
"""Landlock keeps signals inside from here on; below, the filter alone does."""
_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38
_CAPABILITY_VERSION: Final = 0x20080522


ResourceLimit = tuple[int, tuple[int, int]]
"""Kind, soft and hard."""


class LockLost(Exception):
    """A lock that holds on this machine did not hold in this process."""


@attrs.frozen(kw_only=True)
class Confinement:
    """What one kind of process keeps."""

    profile: Profile
    memory_bytes: int
    """Beyond what it has when it is locked."""
    memory: int = resource.RLIMIT_AS
    """RLIMIT_DATA where much is mapped that others made: it counts the process's own memory."""
    file_bytes: int = 0
    """The largest file that it may write."""
    descriptors: int | None = DESCRIPTORS
    """None: as many as it has a right to."""
    reads: Path | None = None
    """The one folder below which files can still be opened, for reading."""
    cpu_s: int | None = None
    """CPU time of its whole life, for those who do not live long."""
    nicer: int = 0


@attrs.frozen(kw_only=True)
class Locks:
    """All that this process, or its forks, are locked with.

    A fork pays for each page of memory that it writes, and running Python writes reference counts:
    so `apply` is a flat list of calls on things that were made before.
    """

    limits: tuple[ResourceLimit, ...]
    nicer: int
    root: bool
    """Whether there is a root to be given up."""
    reads: Path | None
    ruleset: Ruleset | None
    landlock: Lock
    """As it is told when the ruleset could be put on, or when there is none."""
    program: Filter | None
    seccomp: Lock
    """As it is told when the program could be installed, or when there is none."""

    @classmethod
    def prepared(cls, confinement: Confinement) -> Locks:
        """Once everything is loaded."""
        ruleset, landlock = _landlock(confinement.reads)
        program, seccomp = _seccomp(confinement.profile)
        return cls(
            limits=_limits(confinement),
            nicer=confinement.nicer,
            root=os.geteuid() == 0,
            reads=confinement.reads,
            ruleset=ruleset,
            landlock=landlock,
            program=program,
            seccomp=seccomp,
        )

    def apply(
        self, parent: int, *, before_filter: Callable[[], object] | None = None
    ) -> tuple[Lock, ...]:
        """Lock this child of `parent` for good; the locks, held and not.

        Runs in the one thread there is. `before_filter` runs when nothing but the filter is
        missing: the last moment to start threads, which then have all locks as well. OSError when
        a step is refused that never is.
        """
        user = _give_up_root(self.reads) if self.root else NOT_ROOT
        for kind, limit in self.limits:
            resource.setrlimit(kind, limit)
        os.nice(self.nicer)
        _close_to_others()
        die_with_parent(parent)  # after the change of user, which clears the signal
        landlock, seccomp = self.landlock, self.seccomp
        if self.ruleset is not None:
            try:
                self.ruleset.restrict()
            except LandlockUnavailable as exc:
                landlock = Lock(LANDLOCK, False, str(exc))
        if before_filter is not None:
            before_filter()
        # A second lock on programs and threads, for any user but root; the filter is the first.
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
        if self.program is not None:
            try:
                self.program.install()
            except SeccompUnavailable as exc:
                seccomp = Lock(SECCOMP, False, str(exc))
        return (seccomp, landlock, user, LIMITED)


LIMITED: Final = Lock(LIMITS, True, "memory, files, descriptors, processes")
NOT_ROOT: Final = Lock(USER, True, "the runtime's own, which is not root")
AS_NOBODY: Final = Lock(USER, True, "root is given up for nobody")
NO_PRIVILEGE: Final = Lock(
    USER, True, "root without a single privilege, which cannot change its number"
)
"""As in a container that was given none: its root is an ordinary user by another number."""


def held(locks: Iterable[Lock]) -> frozenset[str]:
    """Names of the locks that hold."""
    return frozenset(lock.name for lock in locks if lock.held)


def check_held(required: Collection[str], locks: Iterable[Lock]) -> None:
    """Raises LockLost when one of the named locks does not hold."""
    missing = set(required) - held(locks)
    if missing:
        raise LockLost(f"no {', '.join(sorted(missing))} in this process")


def _seccomp(profile: Profile) -> tuple[Filter | None, Lock]:
    try:
        program = Filter.of(profile)
    except SeccompUnavailable as exc:
        return None, Lock(SECCOMP, False, str(exc))
    return program, Lock(SECCOMP, True, f"kernel filter, {program.instructions} instructions")


def _landlock(reads: Path | None) -> tuple[Ruleset | None, Lock]:
    try:
        ruleset = Ruleset.prepared(but_reading=reads)
    except LandlockUnavailable as exc:
        return None, Lock(LANDLOCK, False, str(exc))
    detail = f"version {ruleset.abi}"
    if reads is not None:
        detail += f", may read {reads.absolute().name}"
    if ruleset.abi < SIGNALS_ABI:
        detail += "; too old to keep signals in, the filter does that alone"
    return ruleset, Lock(LANDLOCK, True, detail)


def _limits(confinement: Confinement) -> tuple[ResourceLimit, ...]:
    """As far as the system allows them."""
    _, granted = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = {
        confinement.memory: _memory_now(confinement.memory) + confinement.memory_bytes,
        resource.RLIMIT_FSIZE: confinement.file_bytes,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: granted if (own := confinement.descriptors) is None else own,
    }
    limits = [(kind, (_allowed(kind, limit),) * 2) for kind, limit in wanted.items()]
    if (cpu_s := confinement.cpu_s) is not None:
        kind = resource.RLIMIT_CPU
        limits.append((kind, (_allowed(kind, cpu_s), _allowed(kind, cpu_s + LAST_CPU_S))))
    return tuple(limits)


def _allowed(kind: int, limit: int) -> int:
    _, hard = resource.getrlimit(kind)
    return limit if hard == resource.RLIM_INFINITY else min(limit, hard)


def _memory_now(kind: int) -> int:
    with open("/proc/self/statm", "rb") as counts:
        fields = counts.read().split()
    # All that is mapped; private data and stack.
    pages = int(fields[0 if kind == resource.RLIMIT_AS else 5])
    return pages * resource.getpagesize()


def _give_up_root(reads: Path | None) -> Lock:
    """Become nobody, unless that would lock the process out of `reads`; else have no privilege."""
    if reads is not None and not _readable_by_nobody(reads):
        _give_up_capabilities()
        why = f"{reads.absolute()} can be read by root alone (chmod -R a+rX it)"
        return Lock(USER, False, f"root without its privileges: {why}")
    try:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    except OSError:
        _give_up_capabilities()
        return NO_PRIVILEGE
    return AS_NOBODY


def _readable_by_nobody(folder: Path) -> bool:
    """Tried by being nobody for a moment."""
    groups = os.getgroups()
    try:
        os.setgroups([])
        os.setegid(NOBODY)
        os.seteuid(NOBODY)
    except OSError:  # root stays root, and reads it
        return True
    try:
        inside = [folder, *folder.rglob("*")]
        return len(inside) > 1 and all(
            os.access(path, os.R_OK, effective_ids=True) for path in inside
        )
    except OSError:
        return False
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def _give_up_capabilities() -> None:
    """All of root's privileges; nothing brings them back, since no program can be started."""
    if sys.platform != "linux":
        return
    nothing = bytes(2 * 3 * 4)  # two words each of effective, permitted and inheritable
    header = struct.pack("=Ii", _CAPABILITY_VERSION, 0)
    if libc().capset(header, nothing) != 0:
        raise OSError(ctypes.get_errno(), "capset() was refused")


def _close_to_others() -> None:
    """No program gives privileges back, and no process of the same user may look into this one."""
    if sys.platform != "linux":
        return
    for option, value in ((_PR_SET_NO_NEW_PRIVS, 1), (_PR_SET_DUMPABLE, 0)):
        if libc().prctl(option, value, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), f"prctl({option}) was refused")
