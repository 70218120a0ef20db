"""Acts that no locked process may do; every one succeeds in an unlocked process.

So a refusal says something about the locks. An act that a kind of process needs for its work is not
forbidden to it, and left out.
"""

from __future__ import annotations

import _thread
import ctypes
import fcntl
import mmap
import os
import resource
import socket
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from runtime.processes.confine import Confinement

Acts = Mapping[str, Callable[[], object]]

MORE_BYTES: Final = 1024 * 1024
"""Over the limit of memory; what is free below it is less."""
NEEDED: Final = {"look at a file": "newfstatat", "create a socket": "socket"}
"""Acts by the system call that makes them part of the work of those who have it."""


def acts(confinement: Confinement) -> Acts:
    """Acts that leave the process as it was, refused or not."""
    rules = [rule.name for rule in confinement.profile.arguments]
    granted = {*confinement.profile.allowed, *rules}
    forbidden: Acts = {
        "open a file": lambda: os.close(os.open("/proc/self/status", os.O_RDONLY)),
        "open a folder": lambda: os.close(os.open("/", os.O_RDONLY)),
        "create a file": lambda: os.close(os.open("/tmp", os.O_TMPFILE | os.O_WRONLY, 0o600)),
        "look at a file": lambda: os.stat("/"),
        "create a socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close(),
        "create a TCP socket": lambda: socket.socket(socket.AF_INET).close(),
        "create a local socket": lambda: socket.socket(socket.AF_UNIX).close(),
        "fork": _fork,
        "start a thread": lambda: _thread.start_new_thread(os.getpid, ()),
        "signal another process": lambda: os.kill(os.getppid(), 0),
        "be signalled by a descriptor": _own_descriptor,
        "read another process's clock": lambda: time.clock_gettime((~os.getppid() << 3) | 2),
        "make memory executable": _executable_memory,
        "make a file in memory": lambda: os.close(os.memfd_create("probe")),
        "use more memory": partial(_more_memory, confinement),
    }
    return {name: act for name, act in forbidden.items() if NEEDED.get(name) not in granted}


def lethal_acts() -> Acts:
    """Acts that may replace or end the process."""
    return {
        "start a program": _start_program,
        "trace a process": _trace,
    }


def _fork() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def _start_program() -> None:
    """Any one that ends by itself; our own may lie where nobody else may read."""
    try:
        os.execv("/bin/true", ["true"])
    except FileNotFoundError:
        os.execv(sys.executable, [sys.executable, "--version"])


def _own_descriptor() -> None:
    fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())


def _executable_memory() -> None:
    mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def _more_memory(confinement: Confinement) -> None:
    """Nothing is written to it, so that it costs nothing where it is to be had."""
    own = confinement.memory == resource.RLIMIT_DATA
    mmap.mmap(
        -1,
        confinement.memory_bytes + MORE_BYTES,
        flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS,
        prot=mmap.PROT_READ | (mmap.PROT_WRITE if own else 0),
    ).close()


_LIBC: Final = ctypes.CDLL(None, use_errno=True)


def _trace() -> None:
    """PTRACE_TRACEME: harmless, and allowed to everybody who is not filtered."""
    if _LIBC.ptrace(0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")
