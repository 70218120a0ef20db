"""Workers as tasks of this process: for tests, with the same worker code and the same frames."""

from __future__ import annotations

import attrs
import trio

from runtime.sandbox.memory import MemoryStream, memory_stream_pair
from runtime.sandbox.worker import serve_session
from runtime.sandbox.worker_process import WorkerProcess


@attrs.define(eq=False)
class InProcessWorker:
    """A worker as a task of this process."""

    stream: MemoryStream
    _scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    _status: str | None = None
    _ended: trio.Event = attrs.field(factory=trio.Event)
    pid: int | None = None
    peak_bytes: int = 0

    def kill(self) -> None:
        self._scope.cancel()

    async def wait(self) -> str:
        await self._ended.wait()
        assert self._status is not None
        return self._status

    async def serve(self, theirs: MemoryStream) -> None:
        """Run the worker to its end; a fault of the worker itself comes out."""
        try:
            with self._scope:
                await serve_session(theirs)
            self._status = "signal 9" if self._scope.cancelled_caught else "exit 0"
        finally:
            self._status = self._status or "exit 1"
            theirs.close()
            self._ended.set()


class InProcessLauncher:
    """Launches workers in a nursery of this process: no process of their own, no locks."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self._nursery = nursery

    async def launch(self, session_id: str) -> WorkerProcess:
        await trio.lowlevel.checkpoint()
        ours, theirs = memory_stream_pair()
        worker = InProcessWorker(ours)
        self._nursery.start_soon(worker.serve, theirs, name=f"worker of session {session_id}")
        return worker
