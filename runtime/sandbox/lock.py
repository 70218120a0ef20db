"""What a forked worker gives up before it sees a script. Every step is one way.

`Locks.prepared` collects in the zygote all that locking needs, `apply` locks a fork: user (when
root), resource limits, lower priority, parent-death signal, no new privileges, no core dumps or
ptrace by its own user, Landlock, the kernel filter. A lock that held when the zygote tried it
(probe.py) must hold in every worker, or the worker does not run.

A fork pays for each page of memory that it writes, and running Python writes reference counts: so
`apply` is a flat list of calls on things that were made before.
"""

from __future__ import annotations

import ctypes
import os
import resource
import socket
import sys
from collections.abc import Collection, Iterable
from typing import Final

import attrs

from runtime.processes.child import die_with_parent
from runtime.processes.confine import NOBODY, mapped_bytes
from runtime.sandbox.ceilings import Ceilings
from runtime.sandbox.landlock import LandlockUnavailable, Ruleset
from runtime.sandbox.levels import LANDLOCK
from runtime.sandbox.seccomp import Filter

CONTROL_FD: Final = 3
MAX_FD: Final = 2**31 - 1
DESCRIPTORS: Final = 16
"""Null on 0-2, the control socket, trio's epoll and wake-up pairs; the rest is spare."""
LAST_CPU_S: Final = 5
"""CPU time between the signal that the total is used up, which a script may ignore, and the one
that it cannot: longer than the core takes to see it."""
NICER: Final = 5
"""Scripts yield to the core and the media engine."""
UNTIDY: Final = ("ctypes", "_ctypes")
"""Needed for locking and no part of what scripts import; behind the filter merely untidy."""

_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38


class LockLost(Exception):
    """A lock that holds on this machine did not hold in this process."""


def take_descriptors(control: int, *, null: int, keep: Iterable[int] = ()) -> None:
    """Make the control socket descriptor 3 and null 0-2; close all but those and `keep`."""
    os.dup2(control, CONTROL_FD, inheritable=False)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    first = CONTROL_FD + 1
    for kept in (*sorted(keep), MAX_FD):
        if kept > first:
            os.closerange(first, kept)
        first = max(first, kept + 1)


def forget_untidy() -> None:
    """Take out of sys.modules what only locking needed."""
    for name in [name for name in sys.modules if name.partition(".")[0] in UNTIDY]:
        del sys.modules[name]


ResourceLimit = tuple[int, tuple[int, int]]
"""Kind, soft and hard."""


def worker_limits(ceilings: Ceilings) -> tuple[ResourceLimit, ...]:
    """Resource limits of a worker forked from this process, as far as the system allows."""
    memory = mapped_bytes() + ceilings.memory_bytes
    wanted = {
        resource.RLIMIT_AS: (memory, memory),
        resource.RLIMIT_FSIZE: (0, 0),
        resource.RLIMIT_NOFILE: (DESCRIPTORS, DESCRIPTORS),
        resource.RLIMIT_CORE: (0, 0),
        # For a worker that everybody lost sight of; the core ends the others sooner.
        resource.RLIMIT_CPU: (ceilings.cpu_s, ceilings.cpu_s + LAST_CPU_S),
        # A second lock on fork and threads, for any user but root; the filter is the first.
        resource.RLIMIT_NPROC: (0, 0),
    }
    return tuple(
        (kind, (_allowed(kind, soft), _allowed(kind, hard)))
        for kind, (soft, hard) in wanted.items()
    )


def lower_memory(ceilings: Ceilings, memory_bytes: int) -> None:
    """Give up what this session may not have of the memory that all workers have; for good.

    Works behind the kernel filter, which lets a process change its own limit of memory, and as any
    user: nobody else has to be allowed to do it. None but root could raise it again.
    """
    spare = ceilings.memory_bytes - memory_bytes
    if spare > 0:
        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (limit - spare, limit - spare))


def _allowed(kind: int, limit: int) -> int:
    _, hard = resource.getrlimit(kind)
    return limit if hard == resource.RLIM_INFINITY else min(limit, hard)


@attrs.frozen(kw_only=True)
class Locks:
    """All that a fork of this process is locked with."""

    limits: tuple[ResourceLimit, ...]
    root: bool
    """Whether there is a root to be given up."""
    ruleset: Ruleset | None
    """None: this kernel has no Landlock."""
    program: Filter | None
    """None: there can be no kernel filter here."""

    @classmethod
    def prepared(cls, program: bytes | None, ceilings: Ceilings) -> Locks:
        """In the zygote, once everything is loaded."""
        return cls(
            limits=worker_limits(ceilings),
            root=os.geteuid() == 0,
            ruleset=Ruleset.prepared(),
            program=None if program is None else Filter(program),
        )

    def apply(self, parent: int, required: Collection[str] = ()) -> tuple[str, ...]:
        """Lock this fork of `parent`; the names of the locks that hold, beside the filter.

        Runs in the one thread there is. OSError or SeccompUnavailable when a step is refused,
        LockLost when one of `required` does not hold.
        """
        if self.root:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
        for kind, limit in self.limits:
            resource.setrlimit(kind, limit)
        os.nice(NICER)
        if sys.platform == "linux":
            # After the change of user, which clears the parent-death signal.
            die_with_parent(parent)
            _prctl(_PR_SET_NO_NEW_PRIVS, 1)
            _prctl(_PR_SET_DUMPABLE, 0)
        held = ("limits", "uid") if self.root else ("limits",)
        if self.ruleset is not None:
            try:
                self.ruleset.restrict()
            except LandlockUnavailable:
                pass
            else:
                held = (*held, LANDLOCK)
        for name in required:
            if name not in held:
                raise LockLost(f"no {name} in this worker")
        if self.program is not None:
            self.program.install()
        return held


def control_socket() -> socket.socket:
    """Descriptor 3 as a socket that does not block."""
    channel = socket.socket(fileno=CONTROL_FD)
    channel.setblocking(False)
    return channel


_libc: Final = ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}) was refused")
