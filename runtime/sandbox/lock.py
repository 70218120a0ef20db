"""What a forked worker gives up before it sees a script. Every step is one way.

`lock_down` runs before trio: descriptors, resource limits, user (when root), Landlock, parent-death
signal, no new privileges, no core dumps or ptrace by its own user, lower priority. `lock_inside`
runs when trio has its descriptors: the kernel filter. A lock that held when the zygote tried it
(probe.py) must hold in every worker, or the worker does not run.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Collection
from typing import Final

from runtime.processes.child import die_with_parent
from runtime.processes.confine import confine
from runtime.sandbox.seccomp import install

CONTROL_FD: Final = 3
MAX_FD: Final = 2**31 - 1
MEMORY_BYTES: Final = 64 * 1024 * 1024
"""Address space of a session beyond the zygote's own."""
DESCRIPTORS: Final = 16
"""Null on 0-2, the control socket, trio's epoll and wake-up pair; the rest is spare."""
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


def take_descriptors(control: int) -> socket.socket:
    """Keep the control socket as descriptor 3, null as 0-2, and nothing else."""
    if control != CONTROL_FD:
        os.dup2(control, CONTROL_FD, inheritable=False)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.closerange(CONTROL_FD + 1, MAX_FD)
    return socket.socket(fileno=CONTROL_FD)


def lock_down(zygote_pid: int, required: Collection[str] = ()) -> tuple[str, ...]:
    """Everything that can be given up before trio runs; the names of the locks that hold.

    OSError when a step is refused, LockLost when one of `required` does not hold.
    """
    locks = confine(memory_bytes=MEMORY_BYTES, file_bytes=0, descriptors=DESCRIPTORS)
    missing = set(required) - set(locks)
    if missing:
        raise LockLost(f"no {', '.join(sorted(missing))} in this worker")
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    # A second lock on fork and threads, for any user but root; the filter is the first.
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    os.nice(NICER)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if sys.platform == "linux":
        # After the change of user, which clears the parent-death signal.
        die_with_parent(zygote_pid)
        prctl = ctypes.CDLL(None, use_errno=True).prctl
        _prctl(prctl, _PR_SET_NO_NEW_PRIVS, 1)
        _prctl(prctl, _PR_SET_DUMPABLE, 0)
    return locks


def lock_inside(program: bytes | None) -> None:
    """What can be given up only when trio has its epoll and wake-up descriptors.

    `program` is the filter that the zygote built and tried; None where there can be none.
    """
    if program is not None:
        install(program)
    for name in [name for name in sys.modules if name.partition(".")[0] in UNTIDY]:
        del sys.modules[name]


def _prctl(prctl: Callable[..., int], option: int, value: int) -> None:
    if prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}) was refused")
