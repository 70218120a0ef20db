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
from runtime.sandbox.landlock import LandlockUnavailable, Ruleset
from runtime.sandbox.levels import LANDLOCK
from runtime.sandbox.seccomp import Filter

CONTROL_FD: Final = 3
MAX_FD: Final = 2**31 - 1
MEMORY_BYTES: Final = 64 * 1024 * 1024
"""Address space of a session beyond the zygote's own."""
DESCRIPTORS: Final = 16
"""Null on 0-2, the control socket, trio's epoll and wake-up pairs; the rest is spare."""
CPU_S: Final = 600
"""Backstop for a worker that everybody lost sight of; the core ends the others much sooner."""
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


def worker_limits() -> tuple[tuple[int, int], ...]:
    """Resource limits of a worker forked from this process, hard and soft, as the system allows."""
    wanted = {
        resource.RLIMIT_AS: mapped_bytes() + MEMORY_BYTES,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: DESCRIPTORS,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: CPU_S,
        # A second lock on fork and threads, for any user but root; the filter is the first.
        resource.RLIMIT_NPROC: 0,
    }
    return tuple((kind, _allowed(kind, limit)) for kind, limit in wanted.items())


def _allowed(kind: int, limit: int) -> int:
    _, hard = resource.getrlimit(kind)
    return limit if hard == resource.RLIM_INFINITY else min(limit, hard)


@attrs.frozen(kw_only=True)
class Locks:
    """All that a fork of this process is locked with."""

    limits: tuple[tuple[int, int], ...]
    root: bool
    """Whether there is a root to be given up."""
    ruleset: Ruleset | None
    """None: this kernel has no Landlock."""
    program: Filter | None
    """None: there can be no kernel filter here."""

    @classmethod
    def prepared(cls, program: bytes | None) -> Locks:
        """In the zygote, once everything is loaded."""
        return cls(
            limits=worker_limits(),
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
            resource.setrlimit(kind, (limit, limit))
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
