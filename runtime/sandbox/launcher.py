"""Launches session workers: from the zygote, or in this process for tests.

The zygote is restarted whenever it dies; its workers die with it and their sessions end with
"zygote-lost". A launch waits for the next zygote as long as its own time allows.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
from typing import Any, Final

import attrs
import trio

from runtime.processes.child import Child, describe_exit, start_child
from runtime.processes.link import LinkClosed, LinkFull
from runtime.sandbox.in_process import InProcessLauncher as InProcessLauncher
from runtime.sandbox.levels import SandboxReport, unprobed
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
LOST: Final = "zygote-lost"


@attrs.define(eq=False)
class ZygoteWorker:
    """A worker that the zygote forked."""

    pid: int
    stream: trio.SocketStream
    _pidfd: int | None
    _status: str | None = None
    _ended: trio.Event = attrs.field(factory=trio.Event)

    def kill(self) -> None:
        if self._pidfd is not None:
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
class _Request:
    """A launch under way, with the core's end of the new worker's channel."""

    ours: socket.socket
    worker: ZygoteWorker | None = None
    why: str = LOST
    """Why there is no worker, when there is none."""
    answered: trio.Event = attrs.field(factory=trio.Event)


class ZygoteLauncher:
    """Keeps one zygote running (`run`) and lets it fork workers (`launch`). Main thread only."""

    def __init__(self) -> None:
        self._zygote: Child | None = None
        self._ready = trio.Event()
        self._last_request = 0
        self._requests: dict[int, _Request] = {}
        self._workers: dict[int, ZygoteWorker] = {}
        self.sandbox = unprobed("no zygote has tried it yet")
        """How well workers are locked, as the zygote found by trying."""

    @property
    def zygote_pid(self) -> int | None:
        """None while there is no zygote that is ready."""
        return None if self._zygote is None else self._zygote.pid

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep a zygote ready until cancelled; `started` when the first one is.

        LaunchError when the first ones do not get ready; later ones are tried again and again.
        """
        failures = 0
        started = False
        while started or failures < MAX_START_FAILURES:
            child = start_child(ZYGOTE, receive_fds=1)
            try:
                if await self._becomes_ready(child):
                    failures = 0
                    if not started:
                        started = True
                        task_status.started()
                    await self._listen(child)
                else:
                    failures += 1
            finally:
                self._lose_everything()
                await child.close()
            if failures:
                await trio.sleep(RESTART_PAUSE_S)
        raise LaunchError(
            f"the process that starts session workers failed {failures} times; is the "
            "installation complete? Its own messages are on standard error"
        )

    async def launch(self, session_id: str) -> WorkerProcess:
        """Fork a worker for a session; LaunchError when there is none within 5 s."""
        why = ""
        with trio.move_on_after(LAUNCH_S):
            while True:
                await self._ready.wait()
                request = await self._ask()
                if request.worker is not None:
                    return request.worker
                why = request.why
                await trio.lowlevel.checkpoint()
                if why != LOST:
                    break
        if not why:
            busy = "the machine is too busy to fork one" if self._zygote else "there is no zygote"
            why = f"{busy}, for {LAUNCH_S:g} s"
        raise LaunchError(f"no worker for session {session_id}: {why}")

    async def _ask(self) -> _Request:
        """One request to the zygote that is ready now."""
        assert self._zygote is not None
        ours, theirs = socket.socketpair()
        self._last_request += 1
        number, request = self._last_request, _Request(ours)
        self._requests[number] = request
        try:
            with theirs:
                self._zygote.link.send_nowait({"request": number}, [theirs.fileno()])
            await request.answered.wait()
        except (LinkClosed, LinkFull) as exc:
            request.why = str(exc)
        finally:
            self._requests.pop(number, None)
            if request.worker is None:
                ours.close()
        return request

    async def _becomes_ready(self, child: Child) -> bool:
        with trio.move_on_after(START_S):
            try:
                message, descriptors = await child.link.receive()
            except LinkClosed:
                return False
            _close(descriptors)
            if message.get("type") != "ready":
                return False
            self.sandbox = SandboxReport.from_json(message["sandbox"])
            self._zygote = child
            self._ready.set()
            return True
        return False

    async def _listen(self, child: Child) -> None:
        """Take the zygote's reports until it is gone."""
        while True:
            try:
                message, descriptors = await child.link.receive()
            except LinkClosed:
                return
            match message.get("type"):
                case "forked":
                    self._forked(message, descriptors)
                    continue
                case "exited":
                    self._exited(message["pid"], describe_exit(message["status"]))
                case "refused":
                    self._refused(message)
            _close(descriptors)

    def _forked(self, message: dict[str, Any], descriptors: list[int]) -> None:
        (pidfd,) = descriptors
        request = self._requests.get(message["request"])
        if request is None:  # whoever asked has gone; so does the worker, by its closed channel
            os.close(pidfd)
            return
        stream = trio.SocketStream(trio.socket.from_stdlib_socket(request.ours))
        worker = ZygoteWorker(message["pid"], stream, pidfd)
        self._workers[worker.pid] = request.worker = worker
        request.answered.set()

    def _refused(self, message: dict[str, Any]) -> None:
        request = self._requests.get(message["request"])
        if request is not None:
            request.why = str(message["why"])
            request.answered.set()

    def _exited(self, pid: int, status: str) -> None:
        worker = self._workers.pop(pid, None)
        if worker is not None:
            worker.ended(status)

    def _lose_everything(self) -> None:
        """The zygote is gone, and with it, by the parent-death signal, every worker."""
        self._zygote = None
        self._ready = trio.Event()
        for worker in self._workers.values():
            worker.kill()
            worker.ended(LOST)
        self._workers.clear()
        for request in self._requests.values():
            request.answered.set()


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
