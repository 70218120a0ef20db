"""What a forked worker gives up before it sees a script. Every step is one way.

Done here: descriptors, resource limits, user id (when root), parent-death signal, no new
privileges, no core dumps or ptrace by its own user, lower priority. This alone is isolation
against crashes, loops and memory, not against a script that attacks the kernel's interface: a
process that is locked only so far can still open files that its user may read. The kernel filter
(seccomp) and Landlock belong behind `lock_inside`, which runs when trio has its descriptors.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from typing import Final

from runtime.processes.child import die_with_parent
from runtime.processes.confine import confine

CONTROL_FD: Final = 3
MAX_FD: Final = 2**31 - 1
MEMORY_BYTES: Final = 64 * 1024 * 1024
"""Address space of a session beyond the zygote's own."""
DESCRIPTORS: Final = 16
"""Null on 0-2, the control socket, trio's epoll and wake-up pair; the rest is spare."""
CPU_S: Final = 600
"""Backstop for a worker that everybody lost sight of; the core ends the others much sooner."""
UNPRIVILEGED: Final = 65534
NICER: Final = 5
"""Scripts yield to the core and the media engine."""

_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38


def take_descriptors(control: int) -> socket.socket:
    """Keep the control socket as descriptor 3, null as 0-2, and nothing else."""
    if control != CONTROL_FD:
        os.dup2(control, CONTROL_FD, inheritable=False)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.closerange(CONTROL_FD + 1, MAX_FD)
    return socket.socket(fileno=CONTROL_FD)


def lock_down(zygote_pid: int) -> None:
    """Everything that can be given up before trio runs; OSError when a step is refused."""
    confine(memory_bytes=MEMORY_BYTES, file_bytes=0, descriptors=DESCRIPTORS)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    os.nice(NICER)
    if os.getuid() == 0:
        os.setgroups([])
        os.setresgid(UNPRIVILEGED, UNPRIVILEGED, UNPRIVILEGED)
        os.setresuid(UNPRIVILEGED, UNPRIVILEGED, UNPRIVILEGED)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if sys.platform == "linux":
        # After the change of user, which clears the parent-death signal.
        die_with_parent(zygote_pid)
        prctl = ctypes.CDLL(None, use_errno=True).prctl
        _prctl(prctl, _PR_SET_NO_NEW_PRIVS, 1)
        _prctl(prctl, _PR_SET_DUMPABLE, 0)


def lock_inside() -> None:
    """What can be given up only when trio has its epoll and wake-up descriptors."""


def _prctl(prctl: Callable[..., int], option: int, value: int) -> None:
    if prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}) was refused")
