"""A core for tests with real worker processes: frames over the real socket, real time."""

from __future__ import annotations

import textwrap
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio

from runtime.sandbox.frames import (
    CoreFrame,
    ErrorFrame,
    EventFrame,
    LogFrame,
    ModuleFrame,
    ReadyFrame,
    StartFrame,
    WorkerFrame,
    core_frame_to_json,
    parse_worker_frame,
)
from runtime.sandbox.launcher import WorkerProcess, ZygoteLauncher
from runtime.sandbox.wire import MAX_CORE_FRAME, MAX_WORKER_FRAME, FrameDecoder, encode_frame

PATIENCE_S = 120.0
"""A script's process is nice, and others may take all processors for long."""


class ProcessCore:
    """One session in a real worker."""

    def __init__(self, process: WorkerProcess) -> None:
        self.process = process
        self.frames: list[WorkerFrame] = []
        self._decoder = FrameDecoder(MAX_WORKER_FRAME)

    @property
    def logs(self) -> list[str]:
        return [frame.text for frame in self.frames if isinstance(frame, LogFrame)]

    @property
    def errors(self) -> list[ErrorFrame]:
        return [frame for frame in self.frames if isinstance(frame, ErrorFrame)]

    async def send(self, frame: CoreFrame) -> None:
        await self.process.stream.send_all(encode_frame(core_frame_to_json(frame), MAX_CORE_FRAME))

    async def start(self, source: str, **settings: float) -> None:
        """Load `source` and wait until it is ready or has failed."""
        text = textwrap.dedent(source)
        await self.send(ModuleFrame(name="scenario", path="scenario.py", source=text))
        await self.send(
            StartFrame(session_id="s1", application="test", main="scenario", settings=settings)
        )
        await self.until(lambda: bool(self.errors) or self._is_ready())

    async def event(self, name: str, seq: int = 1) -> None:
        await self.send(EventFrame(seq=seq, name=name))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Read frames until the condition holds; fails when the worker ends before."""
        with trio.fail_after(PATIENCE_S):
            while not condition():
                data = await self.process.stream.receive_some()
                if not data:
                    raise EOFError(f"the worker ended; frames so far: {self.frames}")
                self.frames += [
                    parse_worker_frame(frame) for frame in self._decoder.feed(bytes(data))
                ]

    def _is_ready(self) -> bool:
        return any(isinstance(frame, ReadyFrame) for frame in self.frames)


@asynccontextmanager
async def zygote(blanks: int = 0) -> AsyncIterator[ZygoteLauncher]:
    launcher = ZygoteLauncher(blanks=blanks)
    async with trio.open_nursery() as nursery:
        with trio.fail_after(PATIENCE_S):
            await nursery.start(launcher.run)
        yield launcher
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def worker() -> AsyncIterator[ProcessCore]:
    """A fresh worker from a fresh zygote."""
    async with zygote() as launcher:
        process = await launcher.launch("s1")
        try:
            yield ProcessCore(process)
        finally:
            await trio.aclose_forcefully(process.stream)
        with trio.fail_after(PATIENCE_S):
            await process.wait()
