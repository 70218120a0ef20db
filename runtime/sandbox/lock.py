"""What a forked worker gives up before it sees a script. Every step is one way.

Its descriptors first, then what its confinement says (runtime/processes/confine.py): the zygote
prepares the locks, each fork applies them. A lock that held when the zygote tried it (probe.py)
must hold in every worker, or the worker does not run.
"""

from __future__ import annotations

import os
import resource
import socket
import sys
from collections.abc import Iterable
from typing import Final

from runtime.processes.confine import Confinement
from runtime.sandbox.ceilings import Ceilings
from runtime.sandbox.profiles import SESSION

CONTROL_FD: Final = 3
MAX_FD: Final = 2**31 - 1
DESCRIPTORS: Final = 16
"""Null on 0-2, the control socket, trio's epoll and wake-up pairs; the rest is spare."""
NICER: Final = 5
"""Scripts yield to the core and the media engine."""
UNTIDY: Final = ("ctypes", "_ctypes")
"""Needed for locking and no part of what scripts import; behind the filter merely untidy."""


def confinement(ceilings: Ceilings) -> Confinement:
    """What a worker keeps."""
    return Confinement(
        profile=SESSION,
        memory_bytes=ceilings.memory_bytes,
        descriptors=DESCRIPTORS,
        # For a worker that everybody lost sight of; the core ends the others sooner.
        cpu_s=ceilings.cpu_s,
        nicer=NICER,
    )


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


def lower_memory(ceilings: Ceilings, memory_bytes: int) -> None:
    """Give up what this session may not have of the memory that all workers have; for good.

    Works behind the kernel filter, which lets a process change its own limit of memory, and as any
    user: nobody else has to be allowed to do it. None but root could raise it again.
    """
    spare = ceilings.memory_bytes - memory_bytes
    if spare > 0:
        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (limit - spare, limit - spare))


def control_socket() -> socket.socket:
    """Descriptor 3 as a socket that does not block."""
    channel = socket.socket(fileno=CONTROL_FD)
    channel.setblocking(False)
    return channel
