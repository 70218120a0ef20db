"""The zygote's loop: forks on request, reports each fork's end, ends itself with the core.

Nothing is awaited here: what runs in the zygote's trio stands still while this loop does. After a
fork each page that the loop writes is copied, so several forks are made before the core is told.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import socket
from typing import Final

from runtime.processes.blocking_link import BlockingLink
from runtime.processes.packets import MAX_DESCRIPTORS, LinkClosed
from runtime.sandbox.levels import SandboxReport

FORKS_AT_ONCE: Final = MAX_DESCRIPTORS // 2
"""Two descriptors each: the core's end of the channel, and the pidfd."""


def fork_until_closed(link: BlockingLink, report: SandboxReport) -> int:
    """Say ready and serve the core; returns in forks only, with their end of a new channel."""
    woken, wake = socket.socketpair()
    woken.setblocking(False)
    wake.setblocking(False)
    signal.signal(signal.SIGCHLD, _nothing)
    wakeup_before = signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    poll = select.poll()
    poll.register(link.fileno(), select.POLLIN)
    poll.register(woken.fileno(), select.POLLIN)
    try:
        link.send({"type": "ready", "sandbox": report.to_json()})
        while True:
            ready = [fd for fd, _ in poll.poll()]
            if woken.fileno() in ready:
                woken.recv(4096)
                _reap(link)
            if link.fileno() in ready:
                control = _fork_all(link, sum(message["forks"] for message in _asked(link)))
                if control is not None:
                    signal.set_wakeup_fd(wakeup_before, warn_on_full_buffer=False)
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    return control
    except LinkClosed:
        os._exit(0)


def _nothing(*_: object) -> None:
    """A Python handler is needed for the wake-up descriptor to be written."""


def _asked(link: BlockingLink) -> list[dict[str, int]]:
    return [message for message, _ in link.receive_nowait()]


def _reap(link: BlockingLink) -> None:
    while True:
        try:
            pid, status, used = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        link.send(
            {
                "type": "exited",
                "pid": pid,
                "status": os.waitstatus_to_exitcode(status),
                "peak_bytes": max(0, used.ru_maxrss * 1024 - _shared_bytes()),
            }
        )


def _shared_bytes() -> int:
    """What a worker has from the zygote; the kernel counts it as the worker's too. Without files,
    of which a worker has only the pages that it touches."""
    with open("/proc/self/statm", "rb") as fields:
        _, resident, files = map(int, fields.read().split()[:3])
    return (resident - files) * resource.getpagesize()


def _fork_all(link: BlockingLink, forks: int) -> int | None:
    """In a fork its end of a new channel; in the zygote None, when the core has the other ones."""
    pids: list[int] = []
    descriptors: list[int] = []
    while forks:
        try:
            ours, theirs = socket.socketpair()
            with ours, theirs:
                theirs.setblocking(False)  # as the socket is whose place it takes
                pid = os.fork()
                if pid == 0:
                    return theirs.detach()
                pids.append(pid)
                descriptors += (os.dup(ours.fileno()), os.pidfd_open(pid))
        except OSError as exc:
            _tell(link, pids, descriptors)
            link.send({"type": "refused", "forks": forks, "why": str(exc)})
            return None
        forks -= 1
        if len(pids) == FORKS_AT_ONCE or not forks:
            _tell(link, pids, descriptors)
    return None


def _tell(link: BlockingLink, pids: list[int], descriptors: list[int]) -> None:
    link.send({"type": "forked", "pids": pids}, descriptors)
    for descriptor in descriptors:
        os.close(descriptor)
    pids.clear()
    descriptors.clear()
