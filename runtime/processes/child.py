"""Children of the core: started so that they carry nothing of it and never outlive it.

A child is exec'ed (never merely forked, so no key or script is in its memory) with an empty
environment, the link as descriptor 3 and a process group of its own. It must be started by the
main thread: the parent-death signal fires when the starting *thread* ends.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from typing import Final

import trio

from runtime.processes.entering import LINK_FD
from runtime.processes.link import Link
from runtime.processes.packets import socket_pair

KILL_WAIT_S: Final = 2.0
"""A killed process that is still there after this hangs in the kernel; it is abandoned."""
ENVIRONMENT: Final = {
    # numpy would start one BLAS thread per core in every child.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}


class Child:
    """One running child and its link. The owner waits for it and closes it."""

    def __init__(self, pid: int, link: Link, module: str) -> None:
        self.pid = pid
        self.link = link
        self.module = module
        self._pidfd = _open_pidfd(pid)
        self._status: int | None = None
        self._waiting = trio.Lock()

    def __repr__(self) -> str:
        state = "running" if self._status is None else describe_exit(self._status)
        return f"<Child {self.module} pid={self.pid} {state}>"

    @property
    def status(self) -> int | None:
        """Exit status, negative for a signal; None while it runs (or nobody waited yet)."""
        return self._status

    async def wait(self) -> int:
        """Return the exit status (negative: the signal that ended it). Any number of waiters."""
        async with self._waiting:
            if self._status is None:
                await trio.lowlevel.wait_readable(self._pidfd)
                self._reap()
        assert self._status is not None
        return self._status

    def kill(self, sig: int = signal.SIGKILL) -> None:
        """Send a signal; nothing happens to a child that is gone."""
        if self._status is None:
            signal.pidfd_send_signal(self._pidfd, sig)

    async def close(self, grace_s: float = 0.0) -> None:
        """Close the link, let the child end by itself within the grace, then kill and reap it.

        Bounded (grace + 2 s) and completed even when cancelled. Safe twice.
        """
        self.link.close()
        with trio.CancelScope(shield=True):
            with trio.move_on_after(grace_s):
                await self.wait()
            if self._status is None:
                self.kill()
                with trio.move_on_after(KILL_WAIT_S):
                    await self.wait()

    def _reap(self) -> None:
        result = os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED)
        assert result is not None
        exited = result.si_code == os.CLD_EXITED
        self._status = result.si_status if exited else -result.si_status
        os.close(self._pidfd)


def _open_pidfd(pid: int) -> int:
    """The child is ours and not reaped yet, so the pid cannot have been given to another."""
    try:
        return os.pidfd_open(pid)
    except OSError:  # out of descriptors: a child that cannot be watched must not run
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise


def describe_exit(status: int) -> str:
    """How an end is written in logs: "exit 0", "signal 9"."""
    return f"exit {status}" if status >= 0 else f"signal {-status}"


def start_child(
    module: str, arguments: Sequence[str] = (), *, nice: int = 0, receive_fds: int = 0
) -> Child:
    """Start `python -I -B -m module arguments...`; its end of the link is descriptor 3.

    A negative `nice` is a wish, granted when the core may raise priorities. Main thread only.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("start_child() in a thread: the child would die when the thread ends")
    ours, theirs = socket_pair()
    try:
        pid = _spawn(module, arguments, theirs)
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    _renice(pid, nice)
    return Child(pid, Link(ours, receive_fds=receive_fds), module)


def _spawn(module: str, arguments: Sequence[str], link: socket.socket) -> int:
    argv = [sys.executable, "-I", "-B", "-X", "utf8", "-m", module, *arguments]
    # Out of the way of 0-3, whatever the core itself was started with.
    link_fd = fcntl.fcntl(link.fileno(), fcntl.F_DUPFD_CLOEXEC, 10)
    # Everything else is close-on-exec (PEP 446). Standard output carries the ready line only,
    # so a child has none; its standard error is the core's, for tracebacks.
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
        (os.POSIX_SPAWN_DUP2, link_fd, LINK_FD),
    ]
    try:
        return os.posix_spawn(
            sys.executable,
            argv,
            ENVIRONMENT,
            file_actions=actions,
            setpgroup=0,
            setsigmask=(),
            setsigdef=(signal.SIGPIPE, signal.SIGTERM, signal.SIGINT, signal.SIGCHLD),
        )
    finally:
        os.close(link_fd)


def _renice(pid: int, nice: int) -> None:
    if nice == 0:
        return
    try:
        os.setpriority(os.PRIO_PROCESS, pid, nice)
    except (PermissionError, ProcessLookupError):
        return
