"""The zygote: a process that has loaded everything a session may need, and forks a worker for each.

It never sees a script, a key or a call. It is exec'ed, so that nothing of the core is in its
memory; it forks outside of trio; it opens each worker's pidfd before it reaps, so that no other
process can be taken for it. When the core is gone it ends, and its workers die with it.
"""

from __future__ import annotations

import gc
import importlib
import os
import select
import signal
import socket
import time
import traceback
from typing import Any, Final, NoReturn

import attrs
import trio

from runtime.processes.child import enter_child
from runtime.processes.link import BlockingLink, LinkClosed
from runtime.sandbox.frames import ErrorFrame, worker_frame_to_json
from runtime.sandbox.lock import lock_down, lock_inside, take_descriptors
from runtime.sandbox.policy import IMPORTABLE, PRELOADED
from runtime.sandbox.probe import prepare, required_locks
from runtime.sandbox.wire import MAX_WORKER_FRAME, encode_frame
from runtime.sandbox.worker import serve_session
from runtime.sandbox.zones import preload_zones

CRASHED: Final = 70
"""Exit status of a worker that failed itself (EX_SOFTWARE)."""


@attrs.frozen(kw_only=True)
class Locks:
    """What every worker is locked with on this machine."""

    program: bytes | None
    """The kernel filter, built and tried once."""
    required: frozenset[str]


def main() -> None:
    """Load, try the locks, say ready, fork on request; ends with the core."""
    link = enter_child()
    preload()
    program, report = prepare()
    locks = Locks(program=program, required=required_locks(report))
    # Full collections would touch, and so copy, every page that is shared with the workers.
    gc.collect()
    gc.freeze()
    try:
        link.send({"type": "ready", "sandbox": report.to_json()})
        _serve(link, locks)
    except LinkClosed:
        return


def preload() -> None:
    """Load whatever a script may import, or the standard library imports late."""
    for name in sorted(IMPORTABLE | set(PRELOADED)):
        importlib.import_module(name)
    preload_zones()
    time.tzset()
    time.strptime("2000", "%Y")
    trio.run(trio.lowlevel.checkpoint)


def _serve(link: BlockingLink, locks: Locks) -> None:
    woken, wake = socket.socketpair()
    woken.setblocking(False)
    wake.setblocking(False)
    signal.signal(signal.SIGCHLD, _nothing)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    poll = select.poll()
    poll.register(link.fileno(), select.POLLIN)
    poll.register(woken.fileno(), select.POLLIN)
    while True:
        ready = [fd for fd, _ in poll.poll()]
        if woken.fileno() in ready:
            woken.recv(4096)
            _reap(link)
        if link.fileno() in ready:
            for message, descriptors in link.receive_nowait():
                _fork(link, locks, message, descriptors)


def _nothing(*_: object) -> None:
    """A Python handler is needed for the wake-up descriptor to be written."""


def _reap(link: BlockingLink) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        link.send({"type": "exited", "pid": pid, "status": os.waitstatus_to_exitcode(status)})


def _fork(
    link: BlockingLink, locks: Locks, message: dict[str, Any], descriptors: list[int]
) -> None:
    (control,) = descriptors
    zygote = os.getpid()
    try:
        pid = os.fork()
    except OSError as exc:
        link.send({"type": "refused", "request": message["request"], "why": str(exc)})
        os.close(control)
        return
    if pid == 0:
        _become_worker(control, zygote, locks)
    os.close(control)
    pidfd = os.pidfd_open(pid)
    link.send({"type": "forked", "request": message["request"], "pid": pid}, [pidfd])
    os.close(pidfd)


def _become_worker(control: int, zygote: int, locks: Locks) -> NoReturn:
    """The forked child: lock, serve one session, end. Never returns."""
    status = CRASHED
    try:
        channel = take_descriptors(control)
        channel.setblocking(False)
        try:
            lock_down(zygote, locks.required)
            trio.run(_serve_locked, channel, locks.program)
            status = 0
        except BaseException as exc:  # noqa: BLE001 - the process's edge: told to the core, then the end
            _last_words(channel, exc)
    finally:
        os._exit(status)


async def _serve_locked(channel: socket.socket, program: bytes | None) -> None:
    stream = trio.SocketStream(trio.socket.from_stdlib_socket(channel))
    lock_inside(program)
    await serve_session(stream, send_now=channel.send, limit_cpu=True)


def _last_words(channel: socket.socket, error: BaseException) -> None:
    """A fault of the worker itself, not of the script: the core should have its traceback."""
    text = "".join(traceback.format_exception(error))[-8_000:]
    frame = ErrorFrame(kind="task", message=f"worker: {type(error).__name__}", traceback=text)
    channel.send(encode_frame(worker_frame_to_json(frame), MAX_WORKER_FRAME))


if __name__ == "__main__":
    main()
