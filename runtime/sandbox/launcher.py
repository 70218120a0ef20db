"""Launches session workers: from the zygote, or in this process for tests.

The zygote is restarted whenever it dies; its workers die with it and their sessions end with
"zygote-lost". A launch waits for the next zygote as long as its own time allows.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from collections import deque
from typing import Any, Final

import attrs
import trio

from runtime.processes.child import Child, describe_exit, start_child
from runtime.processes.link import LinkFull
from runtime.processes.packets import LinkClosed
from runtime.sandbox.ceilings import Ceilings
from runtime.sandbox.forking import FORKS_AT_ONCE
from runtime.sandbox.in_process import InProcessLauncher as InProcessLauncher
from runtime.sandbox.levels import SandboxReport, Weaker, admitted, unprobed
from runtime.sandbox.oom import OomKills
from runtime.sandbox.worker_process import LaunchError as LaunchError
from runtime.sandbox.worker_process import WorkerLauncher as WorkerLauncher
from runtime.sandbox.worker_process import WorkerProcess as WorkerProcess

ZYGOTE: Final = "runtime.sandbox.zygote"
START_S: Final = 20.0
"""Loading everything takes a third of a second; on a starved machine some seconds."""
LAUNCH_S: Final = 5.0
"""A fork takes milliseconds; after this the caller has been kept waiting long enough."""
MAX_START_FAILURES: Final = 3
"""A zygote that never gets ready will not get better by itself."""
RESTART_PAUSE_S: Final = 1.0
"""Between attempts after a failed start, so that a broken installation does not spin."""
BLANKS: Final = 8
"""Workers that wait for a session: a burst of calls finds as many; each holds some 2 MiB."""
REFILL_S: Final = 0.1
"""Between the first blank that is taken and new ones: forks made together cost half as much."""
LOST: Final = "zygote-lost"
OOM_KILLED: Final = "oom-killed"
DEFAULT_CEILINGS: Final = Ceilings()


@attrs.define(eq=False)
class ZygoteWorker:
    """A worker that the zygote forked."""

    pid: int
    stream: trio.SocketStream
    _pidfd: int | None
    peak_bytes: int = 0
    was_killed: bool = False
    _status: str | None = None
    _ended: trio.Event = attrs.field(factory=trio.Event)

    def kill(self) -> None:
        if self._pidfd is not None:
            self.was_killed = True
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    async def wait(self) -> str:
        await self._ended.wait()
        assert self._status is not None
        return self._status

    def ended(self, status: str) -> None:
        """Its end is known; the descriptor that stood for it is not needed any more."""
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
            self._status = status
            self._ended.set()


@attrs.define(eq=False)
class _Launch:
    """Somebody who waits for a worker."""

    worker: ZygoteWorker | None = None
    why: str = LOST
    """Why there is no worker, when there is none."""
    answered: trio.Event = attrs.field(factory=trio.Event)

    def answer(self, worker: ZygoteWorker) -> None:
        self.worker = worker
        self.answered.set()

    def refuse(self, why: str) -> None:
        self.why = why
        self.answered.set()


class ZygoteLauncher:
    """Keeps one zygote running (`run`) and has blank workers ready (`launch`). Main thread only.

    `ceilings`: what no worker may exceed. `blanks`: workers that are forked and locked before
    anybody asks.
    """

    def __init__(self, ceilings: Ceilings = DEFAULT_CEILINGS, *, blanks: int = BLANKS) -> None:
        self._ceilings = ceilings
        self._oom_kills = OomKills()
        self._wanted = blanks
        self._zygote: Child | None = None
        self._begun = False
        self._ready = trio.Event()
        self._asked = 0
        """Forks that the zygote has not answered yet."""
        self._taken = trio.Event()
        self._came = trio.Event()
        """Set by the next report of the zygote, or by its loss."""
        self._blanks: deque[ZygoteWorker] = deque()
        self._waiting: deque[_Launch] = deque()
        self._workers: dict[int, ZygoteWorker] = {}
        self._fault = "there is no zygote"
        """What launches are told while there is none."""
        self.sandbox = unprobed("no zygote has tried it yet")
        """How well workers are locked, as the zygote found by trying."""

    @property
    def zygote_pid(self) -> int | None:
        """None while there is no zygote that is ready."""
        return None if self._zygote is None else self._zygote.pid

    @property
    def blank_pids(self) -> frozenset[int]:
        """Processes of workers that have no session yet."""
        return frozenset(worker.pid for worker in self._blanks)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep a zygote ready until cancelled; `started` when the first one has its blanks.

        LaunchError when the first ones do not get ready; later ones are tried again and again.
        """
        attempts = 0
        while self._begun or attempts < MAX_START_FAILURES:
            attempts += 1
            child = start_child(
                ZYGOTE, self._ceilings.to_arguments(), receive_fds=2 * FORKS_AT_ONCE
            )
            try:
                served = await self._becomes_ready(child) and await self._serve(child, task_status)
            finally:
                self._lose_everything()
                await child.close()
            if not served:
                await trio.sleep(RESTART_PAUSE_S)
        raise LaunchError(
            f"the process that starts session workers failed {attempts} times; is the "
            "installation complete? Its own messages are on standard error"
        )

    async def launch(self, session_id: str) -> WorkerProcess:
        """A blank worker for a session; LaunchError when there is none within 5 s."""
        await trio.lowlevel.checkpoint()
        why = ""
        with trio.move_on_after(LAUNCH_S):
            while True:
                await self._ready.wait()
                launch = await self._take()
                if launch.worker is not None:
                    return launch.worker
                why = launch.why
                await trio.lowlevel.checkpoint()
                if why != LOST:
                    break
        if not why:
            busy = "the machine is too busy to fork one" if self._zygote else self._fault
            why = f"{busy}, for {LAUNCH_S:g} s"
        raise LaunchError(f"no worker for session {session_id}: {why}")

    async def filled(self) -> None:
        """Return when all blanks are there; at once while there is no zygote."""
        while self._zygote is not None and len(self._blanks) < self._wanted:
            self._came = trio.Event()
            self._ask()
            await self._came.wait()

    async def _take(self) -> _Launch:
        """The next blank worker of the zygote that is ready now, or why there is none."""
        launch = _Launch()
        if self._blanks:
            launch.answer(self._blanks.popleft())
            self._taken.set()
            if len(self._blanks) < self._wanted / 2:
                self._ask()
            return launch
        self._waiting.append(launch)
        try:
            self._ask()
            await launch.answered.wait()
        finally:
            if not launch.answered.is_set():
                self._waiting.remove(launch)
        return launch

    def _ask(self) -> None:
        """Ask for the forks that are missing: one for each who waits, and the blanks."""
        missing = self._wanted + len(self._waiting) - len(self._blanks) - self._asked
        if self._zygote is None or missing <= 0:
            return
        try:
            self._zygote.link.send_nowait({"forks": missing})
        except (LinkClosed, LinkFull) as exc:
            self._refuse_next(str(exc))
        else:
            self._asked += missing

    async def _refill(self) -> None:
        """New blanks, some at a time while there are enough for the next calls."""
        while True:
            await self._taken.wait()
            self._taken = trio.Event()
            await trio.sleep(REFILL_S)
            self._ask()

    async def _becomes_ready(self, child: Child) -> bool:
        with trio.move_on_after(START_S):
            try:
                message, descriptors = await child.link.receive()
            except LinkClosed:
                return False
            _close(descriptors)
            if message.get("type") != "ready":
                return False
            try:
                self.sandbox = admitted(SandboxReport.from_json(message["sandbox"]), self.sandbox)
            except Weaker as exc:
                self._fault = f"there is no zygote: {exc}"
                return False
            self._zygote = child
            self._ready.set()
            self._ask()
            return True
        return False

    async def _serve(self, child: Child, task_status: trio.TaskStatus[None]) -> bool:
        """Take the zygote's reports until it is gone; whether it forked what it was asked first."""
        filled = False
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._refill)
            with contextlib.suppress(LinkClosed):
                while True:
                    if not filled and not self._asked:
                        filled = True
                        if not self._begun:
                            self._begun = True
                            task_status.started()
                    self._report(*await child.link.receive())
            nursery.cancel_scope.cancel()
        return filled

    def _report(self, message: dict[str, Any], descriptors: list[int]) -> None:
        self._came.set()
        match message.get("type"):
            case "forked":
                for each, pid in enumerate(message["pids"]):
                    self._forked(pid, *descriptors[2 * each : 2 * each + 2])
            case "exited":
                self._exited(message["pid"], message["status"], message["peak_bytes"])
            case "refused":
                for _ in range(message["forks"]):
                    self._asked -= 1
                    self._refuse_next(str(message["why"]))

    def _forked(self, pid: int, channel: int, pidfd: int) -> None:
        self._asked -= 1
        sock = trio.socket.from_stdlib_socket(socket.socket(fileno=channel))
        worker = ZygoteWorker(pid, trio.SocketStream(sock), pidfd)
        self._workers[pid] = worker
        if self._waiting:
            self._waiting.popleft().answer(worker)
        else:
            self._blanks.append(worker)

    def _refuse_next(self, why: str) -> None:
        """Blanks that nobody waits for are asked for again at the next launch."""
        if self._waiting:
            self._waiting.popleft().refuse(why)

    def _exited(self, pid: int, status: int, peak_bytes: int) -> None:
        worker = self._workers.pop(pid, None)
        if worker is None:
            return
        worker.peak_bytes = peak_bytes
        by_others = status == -signal.SIGKILL and not worker.was_killed
        oom = by_others and self._oom_kills.another()
        worker.ended(OOM_KILLED if oom else describe_exit(status))
        if worker in self._blanks:
            self._blanks.remove(worker)
            worker.stream.socket.close()

    def _lose_everything(self) -> None:
        """The zygote is gone, and with it, by the parent-death signal, every worker."""
        self._zygote = None
        self._came.set()
        self._ready = trio.Event()
        self._asked = 0
        for worker in self._workers.values():
            worker.kill()
            worker.ended(LOST)
        self._workers.clear()
        for blank in self._blanks:
            blank.stream.socket.close()
        self._blanks.clear()
        while self._waiting:
            self._refuse_next(LOST)


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
