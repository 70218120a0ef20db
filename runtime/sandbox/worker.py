"""The whole worker of one session, over any byte stream: a socket to the core, or memory in tests.

It runs the scenario and nothing else: frames in, events to handlers, commands out. It ends when the
core says stop or goes away; a script cannot end it, and what a script raises is reported.
"""

from __future__ import annotations

import warnings
from functools import partial
from typing import Final, TextIO

import trio

from runtime.api.listeners import Listeners
from runtime.api.running import RUNNING, Run
from runtime.api.session import Session
from runtime.api.timers import Timers
from runtime.sandbox.cpu import CpuGuard
from runtime.sandbox.dispatcher import Dispatcher
from runtime.sandbox.fault import describe
from runtime.sandbox.frames import (
    CoreFrame,
    ErrorFrame,
    EventFrame,
    ModuleFrame,
    PingFrame,
    PongFrame,
    ReadyFrame,
    ReleaseFrame,
    ResultFrame,
    StartFrame,
    StopFrame,
    parse_core_frame,
)
from runtime.sandbox.loader import Loader
from runtime.sandbox.outbox import Outbox, SendNow
from runtime.sandbox.wire import MAX_CORE_FRAME, FrameDecoder

MAX_QUEUED: Final = 1_024
"""Deliveries that may wait for the script; beyond it nothing more is read from the core."""
READ_SIZE: Final = 64 * 1024
HANDLER_CPU_S: Final = 1.0
IMPORT_CPU_S: Final = 3.0
"""If the core's start frame says nothing else."""
LAST_FLUSH_S: Final = 1.0
"""What is still to be written when the core says stop has this long."""


async def serve_session(
    stream: trio.abc.Stream, *, send_now: SendNow | None = None, limit_cpu: bool = False
) -> None:
    """Serve one session until StopFrame or the end of the stream.

    `send_now` is the socket's own non-blocking send, if there is one. `limit_cpu` interrupts
    handlers that compute too long; only in a process that serves nothing else. Raises
    ProtocolError when the core sends what is no frame; nothing that a script does comes out,
    except KeyboardInterrupt.
    """
    worker = _Worker(stream, Outbox(stream, send_now), limit_cpu)
    try:
        await worker.run()
    finally:
        worker.close()


class _Worker:
    def __init__(self, stream: trio.abc.Stream, outbox: Outbox, limit_cpu: bool) -> None:
        self._stream = stream
        self._outbox = outbox
        self._limit_cpu = limit_cpu
        self._cpu: CpuGuard | None = None
        self._modules: list[ModuleFrame] = []
        self._loader: Loader | None = None
        self._dispatcher: Dispatcher | None = None

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._outbox.run)
            await self._read(nursery)
            with trio.move_on_after(LAST_FLUSH_S):
                await self._outbox.flushed()
            nursery.cancel_scope.cancel()

    def close(self) -> None:
        if self._cpu is not None:
            self._cpu.stop()
        if self._loader is not None:
            self._loader.close()

    async def _read(self, nursery: trio.Nursery) -> None:
        """Take frames until the core says stop or is gone."""
        decoder = FrameDecoder(MAX_CORE_FRAME)
        while True:
            try:
                data = await self._stream.receive_some(READ_SIZE)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                return
            if not data:
                return
            for message in decoder.feed(bytes(data)):
                frame = parse_core_frame(message)
                if isinstance(frame, StopFrame):
                    return
                await self._take(frame, nursery)

    async def _take(self, frame: CoreFrame, nursery: trio.Nursery) -> None:
        match frame:
            case ModuleFrame():
                self._modules.append(frame)
            case StartFrame():
                await self._start(frame, nursery)
            case PingFrame():
                self._outbox.put(PongFrame(nonce=frame.nonce))
            case EventFrame() | ResultFrame() | ReleaseFrame() if self._dispatcher is not None:
                self._dispatcher.post(frame)
                while self._dispatcher.waiting > MAX_QUEUED:
                    await trio.lowlevel.checkpoint()

    async def _start(self, frame: StartFrame, nursery: trio.Nursery) -> None:
        loader = self._loader = Loader(frame.session_id, self._log)
        for module in self._modules:
            loader.add(module)
        if frame.check_only:
            self._check(loader)
            return
        cpu = self._count_cpu(loader, frame)
        session = Session(
            session_id=frame.session_id,
            application=frame.application,
            custom_data=frame.custom_data,
            settings=frame.settings,
            files=loader.sources.keys(),
            send=self._outbox.put,
            enter=cpu.check if cpu is not None else _nothing,
        )
        script: trio.Nursery = await nursery.start(_script_nursery)
        dispatcher = Dispatcher(
            session,
            self._outbox.put,
            loader.sources,
            script,
            entering=cpu.entering if cpu is not None else _nothing,
        )
        session.listeners = Listeners(session)
        session.timers = Timers(session, dispatcher.post)
        if self._limit_cpu:
            warnings.showwarning = partial(_log_warning, session)
        if self._run_top_level(loader, session, frame.main):
            if cpu is not None:
                cpu.imported()
            self._dispatcher = dispatcher
            nursery.start_soon(session.timers.run)
            nursery.start_soon(dispatcher.run)
            self._outbox.put(ReadyFrame())

    def _count_cpu(self, loader: Loader, frame: StartFrame) -> CpuGuard | None:
        if not self._limit_cpu:
            return None
        self._cpu = CpuGuard(
            handler_s=frame.settings.get("handler_cpu_s", HANDLER_CPU_S),
            import_s=frame.settings.get("import_cpu_s", IMPORT_CPU_S),
            files=loader.sources.keys(),
        )
        self._cpu.start()
        return self._cpu

    def _check(self, loader: Loader) -> None:
        try:
            loader.compile_all()
        except Exception as exc:  # noqa: BLE001 - the compiler's view of a stranger's text
            self._import_failed(exc, loader)
        else:
            self._outbox.put(ReadyFrame())

    def _run_top_level(self, loader: Loader, session: Session, main: str) -> bool:
        token = RUNNING.set(Run(session, None, ""))
        try:
            loader.run(main)
        except KeyboardInterrupt:
            raise
        except BaseException as exc:  # noqa: BLE001 - the session's edge: recorded with its traceback
            self._import_failed(exc, loader)
            return False
        finally:
            RUNNING.reset(token)
        return True

    def _import_failed(self, error: BaseException, loader: Loader) -> None:
        fault = describe(error, loader.sources)
        self._outbox.put(
            ErrorFrame(
                kind="import", message=fault.message, traceback=fault.traceback, where=fault.where
            )
        )

    def _log(self, text: str) -> None:
        RUNNING.get().session.log(text)


async def _script_nursery(task_status: trio.TaskStatus[trio.Nursery]) -> None:
    """Where all handlers of the session live; cancelled after Terminated."""
    async with trio.open_nursery() as nursery:
        task_status.started(nursery)
        await trio.sleep_forever()


def _log_warning(
    session: Session,
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """warnings.showwarning of a worker process, whose standard error nobody reads: a coroutine
    that was never awaited is a mistake that its author must see."""
    session.log(f"{filename}:{lineno}: {category.__name__}: {message}")


def _nothing() -> None:
    """Where CPU time is not counted."""
