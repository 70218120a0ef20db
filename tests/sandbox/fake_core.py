"""A core for worker tests: the real worker over memory streams, driven and watched by hand.

`core.commands` grows as the script commands; `event`, `result`, `release` play the core's part.
Every wait goes through `settle`, which runs until nothing moves any more on the mock clock.
"""

from __future__ import annotations

import textwrap
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import attrs
import trio
import trio.testing

from runtime.sandbox.commands import Command, RequestHttp
from runtime.sandbox.frames import (
    BodyFrame,
    CallInfo,
    CommandFrame,
    CoreFrame,
    ErrorFrame,
    EventFrame,
    LogFrame,
    ModuleFrame,
    PongFrame,
    ReadyFrame,
    ReleaseFrame,
    ReplyFrame,
    ResponseFrame,
    ResultFrame,
    StartFrame,
    StopFrame,
    WorkerFrame,
    body_frames,
    core_frame_to_json,
    parse_worker_frame,
)
from runtime.sandbox.memory import MemoryStream, memory_stream_pair
from runtime.sandbox.wire import MAX_CORE_FRAME, MAX_WORKER_FRAME, FrameDecoder, encode_frame
from runtime.sandbox.worker import serve_session

SETTLED_S = 0.001
"""Virtual seconds without a runnable task: everything that was to happen has happened."""

C = TypeVar("C", bound=Command)


class FakeCore:
    """The core's end of one session."""

    def __init__(self, stream: MemoryStream) -> None:
        self._stream = stream
        self._seq = 0
        self.frames: list[WorkerFrame] = []

    # --- what came from the worker --------------------------------------------------------------

    @property
    def ready(self) -> bool:
        return any(isinstance(frame, ReadyFrame) for frame in self.frames)

    @property
    def commands(self) -> list[Command]:
        return [frame.command for frame in self.frames if isinstance(frame, CommandFrame)]

    @property
    def logs(self) -> list[str]:
        return [frame.text for frame in self.frames if isinstance(frame, LogFrame)]

    @property
    def errors(self) -> list[ErrorFrame]:
        return [frame for frame in self.frames if isinstance(frame, ErrorFrame)]

    @property
    def replies(self) -> list[int]:
        return [frame.seq for frame in self.frames if isinstance(frame, ReplyFrame)]

    @property
    def handled(self) -> list[bool]:
        return [frame.handled for frame in self.frames if isinstance(frame, ReplyFrame)]

    @property
    def pongs(self) -> list[str]:
        return [frame.nonce for frame in self.frames if isinstance(frame, PongFrame)]

    def all_of(self, command: type[C]) -> list[C]:
        return [given for given in self.commands if isinstance(given, command)]

    def one(self, command: type[C]) -> C:
        found = self.all_of(command)
        assert len(found) == 1, f"{len(found)} {command.__name__} in {self.commands}"
        return found[0]

    def frame_of(self, command: type[Command]) -> CommandFrame:
        """The last frame with such a command."""
        frames = [frame for frame in self.frames if isinstance(frame, CommandFrame)]
        return [frame for frame in frames if isinstance(frame.command, command)][-1]

    # --- what the core does ---------------------------------------------------------------------

    async def send(self, frame: CoreFrame) -> None:
        await self._stream.send_all(encode_frame(core_frame_to_json(frame), MAX_CORE_FRAME))

    async def settle(self) -> None:
        await trio.sleep(SETTLED_S)
        await trio.testing.wait_all_tasks_blocked()

    async def event(
        self,
        name: str,
        unit: int | None = None,
        fields: Mapping[str, Any] | None = None,
        *,
        state: str | None = None,
        reply: bool = False,
        settle: bool = True,
    ) -> int:
        self._seq += 1
        await self.send(
            EventFrame(
                seq=self._seq,
                name=name,
                unit=unit,
                fields=dict(fields or {}),
                state=state,
                reply=reply,
            )
        )
        if settle:
            await self.settle()
        return self._seq

    async def alert(self, unit: int = 2, *, settle: bool = True, **fields: Any) -> None:
        """An incoming call under `unit`."""
        info = CallInfo(unit=unit, number="100", callerid="200", display_name="Ann", incoming=True)
        payload = {"call": attrs.asdict(info), "destination": "100", "callerid": "200", **fields}
        await self.event("Application.CallAlerting", fields=payload, settle=settle)

    async def connect(self, unit: int = 2, **fields: Any) -> None:
        await self.event("Call.Connected", unit, fields, state="CONNECTED")

    async def disconnect(self, unit: int = 2, **fields: Any) -> None:
        await self.event("Call.Disconnected", unit, fields, state="TERMINATED")

    async def result(
        self, command: type[Command], value: str | None = None, error: str | None = None
    ) -> None:
        """Answer the last such command."""
        await self.send(ResultFrame(req=self.frame_of(command).req, value=value, error=error))
        await self.settle()

    @property
    def requests(self) -> list[tuple[int, RequestHttp, bytes]]:
        """The script's HTTP requests so far: number, command, body."""
        bodies: dict[int, bytes] = {}
        for frame in self.frames:
            if isinstance(frame, BodyFrame):
                bodies[frame.req] = bodies.get(frame.req, b"") + frame.content
        return [
            (frame.req, frame.command, bodies.get(frame.req, b""))
            for frame in self.frames
            if isinstance(frame, CommandFrame) and isinstance(frame.command, RequestHttp)
        ]

    async def respond(
        self,
        code: int = 200,
        *bodies: bytes,
        number: int = -1,
        headers: Mapping[str, str] | None = None,
        error: str | None = None,
        settle: bool = True,
    ) -> None:
        """Answer an HTTP request, by default the last one; the body in these pieces."""
        req = self.requests[number][0]
        for body in bodies:
            for frame in body_frames(req, body):
                await self.send(frame)
        pairs = list((headers or {}).items())
        await self.send(ResponseFrame(req=req, code=code, headers=pairs, error=error))
        if settle:
            await self.settle()

    async def release(self, unit: int = 2) -> None:
        await self.send(ReleaseFrame(unit=unit))
        await self.settle()

    async def stop(self) -> None:
        await self.send(StopFrame(reason="test"))
        await self.settle()

    async def close(self) -> None:
        await self._stream.aclose()

    async def listen(self) -> None:
        decoder = FrameDecoder(MAX_WORKER_FRAME)
        while data := await self._stream.receive_some():
            self.frames += [parse_worker_frame(message) for message in decoder.feed(data)]


@asynccontextmanager
async def running(
    source: str,
    *,
    siblings: Mapping[str, str] | None = None,
    custom_data: str = "",
    settings: Mapping[str, float] | None = None,
    secrets: Mapping[str, str] | None = None,
    check_only: bool = False,
    session_id: str = "s1",
) -> AsyncIterator[FakeCore]:
    """A worker that runs `source` as scenario.py, until the block ends."""
    ours, theirs = memory_stream_pair()
    core = FakeCore(ours)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_serve, theirs)
        nursery.start_soon(_listen, core)
        for name, text in {"scenario": source, **(siblings or {})}.items():
            text = textwrap.dedent(text)
            await core.send(ModuleFrame(name=name, path=f"{name}.py", source=text))
        await core.send(
            StartFrame(
                session_id=session_id,
                application="test",
                main="scenario",
                custom_data=custom_data,
                settings=dict(settings or {}),
                secrets=dict(secrets or {}),
                check_only=check_only,
            )
        )
        await core.settle()
        yield core
        await core.stop()
        await core.close()


async def _serve(stream: MemoryStream) -> None:
    await serve_session(stream)
    stream.close()


async def _listen(core: FakeCore) -> None:
    try:
        await core.listen()
    except trio.ClosedResourceError:
        return
