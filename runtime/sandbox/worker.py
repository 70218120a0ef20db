"""The whole worker of one session, over any byte stream: a socket to the core, or memory in tests.

It runs the scenario and nothing else: frames in, events to handlers, commands out. It ends when the
core says stop or goes away; a script cannot end it, and what a script raises is reported.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import partial
from typing import Final, TextIO

import trio

from runtime.api.listeners import Listeners
from runtime.api.requests import Requests
from runtime.api.running import RUNNING, Run
from runtime.api.session import Session
from runtime.api.timers import Timers
from runtime.decisions.limits import Limits, worker_settings
from runtime.sandbox.cpu import CpuGuard
from runtime.sandbox.dispatcher import Dispatcher
from runtime.sandbox.fault import describe
from runtime.sandbox.frames import (
    BodyFrame,
    CoreFrame,
    ErrorFrame,
    EventFrame,
    ModuleFrame,
    PingFrame,
    PongFrame,
    ReadyFrame,
    ReleaseFrame,
    ResponseFrame,
    ResultFrame,
    StartFrame,
    StopFrame,
    code_frames,
    parse_core_frame,
)
from runtime.sandbox.loader import Loader
from runtime.sandbox.outbox import Outbox, SendNow
from runtime.sandbox.own_process import OwnProcess, or_end
from runtime.sandbox.wire import MAX_CORE_FRAME, FrameDecoder

MAX_QUEUED: Final = 1_024
"""Deliveries that may wait for the script; beyond it nothing more is read from the core."""
READ_SIZE: Final = 64 * 1024
DEFAULTS: Final = worker_settings(Limits())
"""If the core's start frame says nothing else."""
LAST_FLUSH_S: Final = 1.0
"""What is still to be written when the core says stop has this long."""


async def serve_session(
    stream: trio.abc.Stream,
    *,
    send_now: SendNow | None = None,
    own_process: OwnProcess | None = None,
) -> None:
    """Serve one session until StopFrame or the end of the stream.

    `send_now` is the socket's own non-blocking send, if there is one. In a process that serves
    nothing else, handlers that compute too long are interrupted, and memory is limited. Raises
    ProtocolError when the core sends what is no frame; nothing that a script does comes out,
    except KeyboardInterrupt.
    """
    worker = _Worker(stream, Outbox(stream, send_now), own_process)
    try:
        await worker.run()
    finally:
        worker.close()


class _Worker:
    """Complete before it knows its script: a fork of the zygote begins with all of this made."""

    def __init__(self, stream: trio.abc.Stream, outbox: Outbox, own: OwnProcess | None) -> None:
        self._stream = stream
        self._outbox = outbox
        self._own = own
        self._loader = loader = Loader(self._log)
        self._cpu = CpuGuard(loader.sources.keys()) if own is not None else None
        self._session = Session(
            files=loader.sources.keys(),
            send=outbox.put,
            enter=self._cpu.check if self._cpu is not None else _nothing,
        )
        self._session.listeners = Listeners(self._session)
        self._session.requests = Requests(self._session)
        self._dispatcher: Dispatcher | None = None
        """None until the script's top level has run."""

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            script: trio.Nursery = await nursery.start(_script_nursery)
            dispatcher = Dispatcher(
                self._session,
                self._outbox.put,
                self._loader.sources,
                script,
                entering=self._cpu.entering if self._cpu is not None else _nothing,
            )
            self._session.timers = Timers(self._session, dispatcher.post)
            for run in (self._outbox.run, self._session.timers.run, dispatcher.run):
                nursery.start_soon(or_end, self._own, run)
            await or_end(self._own, partial(self._read, dispatcher))
            with trio.move_on_after(LAST_FLUSH_S):
                await self._outbox.flushed()
            nursery.cancel_scope.cancel()

    def close(self) -> None:
        if self._cpu is not None:
            self._cpu.stop()
        self._loader.close()

    async def _read(self, dispatcher: Dispatcher) -> None:
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
                await self._take(frame, dispatcher)

    async def _take(self, frame: CoreFrame, dispatcher: Dispatcher) -> None:
        match frame:
            case ModuleFrame():
                self._loader.add(frame)
            case StartFrame():
                settings = self._limited({**DEFAULTS, **frame.settings})
                if frame.check_only:
                    self._check()
                elif self._start(frame, settings):
                    self._dispatcher = dispatcher
                    self._outbox.put(ReadyFrame())
            case PingFrame():
                self._outbox.put(PongFrame(nonce=frame.nonce))
            case BodyFrame():
                self._session.requests.piece(frame)
            case EventFrame() | ResultFrame() | ResponseFrame() | ReleaseFrame() if (
                self._dispatcher is not None
            ):
                dispatcher.post(frame)
                while dispatcher.waiting > MAX_QUEUED:
                    await trio.lowlevel.checkpoint()

    def _limited(self, settings: Mapping[str, float]) -> Mapping[str, float]:
        """Keep what is the process's own to keep, from now on."""
        if self._own is not None:
            self._own.limit_memory(int(settings["memory_mib"]) << 20)
        self._outbox.most = int(settings["commands_in_arrears"])
        return settings

    def _start(self, frame: StartFrame, settings: Mapping[str, float]) -> bool:
        """Run the script's top level; whether it got to its end."""
        session = self._session
        session.begin(
            session_id=frame.session_id,
            application=frame.application,
            custom_data=frame.custom_data,
            settings=settings,
            secrets=frame.secrets,
        )
        if self._cpu is not None:
            self._cpu.start(
                handler_s=settings["handler_cpu_s"],
                import_s=settings["import_cpu_s"],
            )
            warnings.showwarning = partial(_log_warning, session)
        token = RUNNING.set(Run(session, None, ""))
        try:
            self._loader.run(frame.main, frame.session_id)
        except KeyboardInterrupt:
            raise
        except BaseException as exc:  # noqa: BLE001 - the session's edge: recorded with its traceback
            session.timers.clear_all()
            self._import_failed(exc)
            return False
        finally:
            RUNNING.reset(token)
        if self._cpu is not None:
            self._cpu.imported()
        return True

    def _check(self) -> None:
        try:
            for name, code in self._loader.compiled():
                for frame in code_frames(name, code):
                    self._outbox.put(frame)
        except Exception as exc:  # noqa: BLE001 - the compiler's view of a stranger's text
            self._import_failed(exc)
        else:
            self._outbox.put(ReadyFrame())

    def _import_failed(self, error: BaseException) -> None:
        fault = describe(error, self._loader.sources)
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
