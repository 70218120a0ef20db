"""The zygote: a process that has loaded everything a session may need, and forks a worker for each.

It never sees a script, a key or a call. It is exec'ed, so that nothing of the core is in its
memory. It forks from inside `trio.run`, beside a worker that already waits for its first frame: a
fork only takes its own descriptors, locks itself and goes on as that worker. In the zygote itself
the loop stands still from then on. It opens each worker's pidfd before it reaps, so that no other
process can be taken for it. When the core is gone it ends, and its workers die with it.
"""

from __future__ import annotations

import fcntl
import gc
import importlib
import os
import socket
import sys
import time
import traceback
from collections.abc import Collection
from typing import Final

import attrs
import trio

from runtime.api.phone_number import preload_numbers
from runtime.processes.blocking_link import BlockingLink
from runtime.processes.confine import Locks, check_held, held
from runtime.processes.entering import enter_child
from runtime.sandbox.ceilings import Ceilings
from runtime.sandbox.descriptors import TrioDescriptors, open_descriptors
from runtime.sandbox.forking import fork_until_closed
from runtime.sandbox.frames import ErrorFrame, worker_frame_to_json
from runtime.sandbox.large_pages import gather_in_large_pages
from runtime.sandbox.levels import SandboxReport
from runtime.sandbox.lock import (
    CONTROL_FD,
    confinement,
    control_socket,
    forget_untidy,
    lower_memory,
    take_descriptors,
)
from runtime.sandbox.policy import IMPORTABLE, PRELOADED
from runtime.sandbox.probe import probe
from runtime.sandbox.rehearsal import rehearse
from runtime.sandbox.settling import all_tasks_blocked
from runtime.sandbox.wire import MAX_WORKER_FRAME, encode_frame
from runtime.sandbox.worker import serve_session
from runtime.sandbox.zones import preload_zones

CRASHED: Final = 70
"""Exit status of a worker that failed itself (EX_SOFTWARE)."""
OUT_OF_MEMORY: Final = 71
"""Exit status of a worker that could not go on without more memory (EX_OSERR)."""
OWN_FDS: Final = 32
"""The zygote's own descriptors lie above those of its workers: 0 to 3, and trio's five."""


def main() -> None:
    """Load, try the locks, say ready, fork on request; ends with the core."""
    link = enter_child().moved(OWN_FDS)
    preload()
    ceilings = Ceilings.from_arguments(sys.argv[1:])
    report = probe(confinement(ceilings))
    _hold_place_of_control()
    before = [fd for fd, _ in open_descriptors()]
    trio.run(_live, link, ceilings, report, before)


def preload() -> None:
    """Load whatever a script may import, or the standard library imports late."""
    for name in sorted(IMPORTABLE | set(PRELOADED)):
        importlib.import_module(name)
    preload_zones()
    preload_numbers()
    time.tzset()
    time.strptime("2000", "%Y")


def _hold_place_of_control() -> None:
    """A socket on the descriptor that is the control channel in each fork: here it stays silent."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        # Never closed, so that what waits on the other end waits for ever.
        fcntl.fcntl(ours.fileno(), fcntl.F_DUPFD_CLOEXEC, OWN_FDS)
        control = fcntl.fcntl(theirs.fileno(), fcntl.F_DUPFD_CLOEXEC, OWN_FDS)
    os.dup2(control, CONTROL_FD, inheritable=False)
    os.close(control)


async def _live(
    link: BlockingLink, ceilings: Ceilings, report: SandboxReport, before: Collection[int]
) -> None:
    """Never returns: the zygote ends with its link, a worker with its session."""
    await rehearse()
    channel = control_socket()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_work, channel, ceilings)
        await all_tasks_blocked()
        trio_own = TrioDescriptors.found(before)
        locks, required = Locks.prepared(confinement(ceilings)), held(report.locks)
        forget_untidy()
        zygote = os.getpid()
        null = os.open(os.devnull, os.O_RDWR)
        # Full collections would touch, and so copy, every page that is shared with the workers.
        gc.collect()
        gc.freeze()
        gather_in_large_pages()
        control = fork_until_closed(link, report)
        # Only forks come here; what they write first is what they pay for.
        try:
            take_descriptors(control, null=null, keep=trio_own.numbers)
            trio_own.renew()
            check_held(required, locks.apply(zygote))
        except BaseException as exc:  # noqa: BLE001 - the process's edge: told to the core, then the end
            _last_words(channel, exc)
            os._exit(CRASHED)


@attrs.frozen
class _OwnProcess:
    """What a worker may do to its process."""

    ceilings: Ceilings

    def limit_memory(self, memory_bytes: int) -> None:
        lower_memory(self.ceilings, memory_bytes)

    def out_of_memory(self) -> None:
        os._exit(OUT_OF_MEMORY)


async def _work(channel: socket.socket, ceilings: Ceilings) -> None:
    """The worker that waits in the zygote, and works in each fork."""
    stream = trio.SocketStream(trio.socket.from_stdlib_socket(channel))
    status = CRASHED
    try:
        await serve_session(stream, send_now=channel.send, own_process=_OwnProcess(ceilings))
        status = 0
    except BaseException as exc:  # noqa: BLE001 - the process's edge: told to the core, then the end
        if _lacks_memory(exc):
            status = OUT_OF_MEMORY  # the last words may fail for the same reason
        _last_words(channel, exc)
    finally:
        os._exit(status)


def _lacks_memory(error: BaseException | None) -> bool:
    """Whether a MemoryError is at the bottom of it; trio's own loop fails of it in other words."""
    if isinstance(error, BaseExceptionGroup):
        return any(map(_lacks_memory, error.exceptions))
    if error is None or isinstance(error, MemoryError):
        return error is not None
    return _lacks_memory(error.__cause__ or error.__context__)


def _last_words(channel: socket.socket, error: BaseException) -> None:
    """A fault of the worker itself, not of the script: the core should have its traceback."""
    text = "".join(traceback.format_exception(error))[-8_000:]
    name = MemoryError.__name__ if _lacks_memory(error) else type(error).__name__
    frame = ErrorFrame(kind="task", message=f"{name}: in the worker", traceback=text)
    channel.send(encode_frame(worker_frame_to_json(frame), MAX_WORKER_FRAME))


if __name__ == "__main__":
    main()
