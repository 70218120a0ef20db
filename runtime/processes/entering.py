"""The first acts of a child of the core; child.py says how it was started.

Apart from child.py because children have no trio: loading it would cost each a quarter of its
start.
"""

from __future__ import annotations

import ctypes
import functools
import os
import signal
import socket
import sys
from typing import Final, NoReturn

from runtime.processes.blocking_link import BlockingLink

LINK_FD: Final = 3
MAX_FD: Final = 2**31 - 1
_PR_SET_PDEATHSIG: Final = 1


def enter_child() -> BlockingLink:
    """First act of a child's main(): tie its life to the core's and open its end of the link.

    Closes every descriptor above the link: what the core was started with is not for children.
    Ends the process at once when the core is gone already. A child that changes its uid later
    calls `die_with_parent` again, since the kernel then clears the parent-death signal.
    """
    os.closerange(LINK_FD + 1, MAX_FD)
    os.set_inheritable(LINK_FD, False)
    link = socket.socket(fileno=LINK_FD)
    die_with_parent(_peer_pid(link))
    os.chdir("/")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return BlockingLink(link)


def leave() -> NoReturn:
    """Last act of a main() that leaves nothing to be written: the kernel takes all back at once.
    Python would take itself apart first, for as much processor time as three files are decoded in.
    """
    os._exit(0)


@functools.cache
def libc() -> ctypes.CDLL:
    """The C library, with errno. Opened once, before workers are forked: it would cost each a
    quarter of a millisecond."""
    return ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent_pid: int) -> None:
    """Ask the kernel to kill this process when its parent ends; exit if that has happened."""
    if libc().prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent_pid:
        os._exit(0)


def _peer_pid(link: socket.socket) -> int:
    """The process that made the socket pair, which is the core."""
    credentials = link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int.from_bytes(credentials[:4], sys.byteorder, signed=True)
