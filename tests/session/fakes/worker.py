"""A worker that the test drives by hand, over a memory stream with the real wire."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import trio
import trio.testing

from runtime.sandbox.commands import COMMANDS
from runtime.sandbox.frames import (
    BodyFrame,
    CommandFrame,
    EventFrame,
    ModuleFrame,
    PingFrame,
    ReleaseFrame,
    ResponseFrame,
    ResultFrame,
    StartFrame,
    StopFrame,
    parse_core_frame,
    worker_frame_to_json,
)
from runtime.sandbox.wire import MAX_CORE_FRAME, MAX_WORKER_FRAME, FrameDecoder, encode_frame

NO_PROCESS = 2**22 + 1
"""A process id that no kernel gives."""


class FakeWorker:
    """What the core sent, as short lines in `heard`; what it gets is up to the test.

    Pings and events that ask for a reply are answered at once unless the test switches that off.
    """

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.events: list[EventFrame] = []
        self.results: dict[int, ResultFrame] = {}
        self.responses: dict[int, ResponseFrame] = {}
        self.bodies: dict[int, bytes] = {}
        self.heard: list[str] = []
        self.modules: list[str] = []
        self.start: StartFrame | None = None
        self.stopped: str | None = None
        self.pid: int | None = None
        """A worker with a process id is watched as a process."""
        self.answers_pings = True
        self.replies = True
        self.handles_calls = True
        self.unheard: set[str] = set()
        """Names of events that no listener takes."""
        self.pings: list[str] = []
        self.exit_status = "exit 0"
        self.peak_bytes = 0
        self.killed = False
        self.gone = trio.Event()
        self._stream = stream
        self._request = 0
        self._sending = trio.Lock()

    # --- as the core sees it --------------------------------------------------------------------

    def kill(self) -> None:
        if not self.gone.is_set():
            self.killed = True
            self.exit_status = "signal 9"
            self.gone.set()

    async def wait(self) -> str:
        await self.gone.wait()
        return self.exit_status

    # --- as the test sees it --------------------------------------------------------------------

    async def serve(self) -> None:
        """Read until the core stops us."""
        decoder = FrameDecoder(MAX_CORE_FRAME)
        while True:
            try:
                data = await self._stream.receive_some(65536)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return
            if not data:
                return
            for message in decoder.feed(bytes(data)):
                await self._take(parse_core_frame(message))
                if self.stopped is not None:
                    await self.leave("exit 0")
                    return

    async def leave(self, status: str) -> None:
        """The process ends."""
        if not self.gone.is_set():
            self.exit_status = status
            self.gone.set()
        await self._stream.aclose()

    async def send(self, message: dict[str, Any]) -> None:
        await self.send_bytes(encode_frame(message, MAX_WORKER_FRAME))

    async def send_bytes(self, data: bytes) -> None:
        async with self._sending:
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                await self._stream.send_all(data)

    async def ready(self) -> None:
        await self.send({"type": "ready"})
        await trio.testing.wait_all_tasks_blocked()

    async def command(self, op: str, **args: Any) -> int:
        """Give one command and let everything happen that it causes."""
        request = await self.post(op, **args)
        await trio.testing.wait_all_tasks_blocked()
        return request

    async def post(self, op: str, **args: Any) -> int:
        self._request += 1
        command = COMMANDS[op](**args)
        frame = CommandFrame(req=self._request, command=command, where="ivr.py:7")
        await self.send(worker_frame_to_json(frame))
        return self._request

    async def error(self, message: str, *, kind: str = "handler", unit: int | None = None) -> None:
        await self.send(
            {
                "type": "error",
                "unit": unit,
                "kind": kind,
                "message": message,
                "traceback": f"Traceback ...\n{message}",
                "where": "ivr.py:12",
            }
        )
        await trio.testing.wait_all_tasks_blocked()

    def names(self) -> list[str]:
        """Names of the events so far, without StateChanged."""
        return [event.name for event in self.events if event.name != "Call.StateChanged"]

    def last(self, name: str) -> EventFrame:
        return next(event for event in reversed(self.events) if event.name == name)

    def result(self, request: int) -> str | None:
        """The value, or "error: ..." of a settled command; None while it is not settled."""
        frame = self.results.get(request)
        if frame is None:
            return None
        return f"error: {frame.error}" if frame.error is not None else (frame.value or "done")

    async def _take(self, frame: object) -> None:
        match frame:
            case ModuleFrame(name=name):
                self.modules.append(name)
            case StartFrame():
                self.start = frame
            case EventFrame():
                self.events.append(frame)
                self.heard.append(frame.name)
                if frame.reply and self.replies:
                    handled = self.handles_calls or frame.name != "Application.CallAlerting"
                    handled = handled and frame.name not in self.unheard
                    await self.send({"type": "reply", "seq": frame.seq, "handled": handled})
            case BodyFrame(req=req):
                self.bodies[req] = self.bodies.get(req, b"") + frame.content
            case ResponseFrame():
                assert frame.req not in self.responses, "a request was answered twice"
                self.responses[frame.req] = frame
                self.heard.append(f"response {frame.req}")
            case ResultFrame():
                assert frame.req not in self.results, "a command was answered twice"
                self.results[frame.req] = frame
                self.heard.append(f"result {frame.req}")
            case ReleaseFrame(unit=unit):
                self.heard.append(f"release {unit}")
            case PingFrame(nonce=nonce):
                self.pings.append(nonce)
                if self.answers_pings:
                    await self.send({"type": "pong", "nonce": nonce})
            case StopFrame(reason=reason):
                self.stopped = reason


class FakeLauncher:
    """Makes FakeWorkers, newest last; `failure` is raised instead."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.workers: list[FakeWorker] = []
        self.failure: Exception | None = None
        self.delay_s = 0.0
        self._nursery = nursery

    async def launch(self, session_id: str) -> LaunchedWorker:
        await trio.sleep(self.delay_s)
        if self.failure is not None:
            raise self.failure
        core, mine = trio.testing.memory_stream_pair()
        worker = FakeWorker(mine)
        self.workers.append(worker)
        self._nursery.start_soon(worker.serve)
        return LaunchedWorker(worker, core)


class LaunchedWorker:
    """The core's end."""

    def __init__(self, worker: FakeWorker, stream: trio.abc.Stream) -> None:
        self._worker = worker
        self.stream = stream

    @property
    def pid(self) -> int | None:
        return self._worker.pid

    @property
    def peak_bytes(self) -> int:
        return self._worker.peak_bytes

    def kill(self) -> None:
        self._worker.kill()

    async def wait(self) -> str:
        return await self._worker.wait()
