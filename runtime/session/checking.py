"""Tries a bundle in a worker: compiled where scripts run, never in the core."""

from __future__ import annotations

from typing import Final

import trio

from runtime.decisions.failure import one_line
from runtime.sandbox.bundle import BundleError
from runtime.sandbox.frames import (
    CoreFrame,
    ErrorFrame,
    ModuleFrame,
    ReadyFrame,
    StartFrame,
    core_frame_to_json,
    parse_worker_frame,
)
from runtime.sandbox.wire import (
    MAX_CORE_FRAME,
    MAX_WORKER_FRAME,
    FrameDecoder,
    ProtocolError,
    encode_frame,
)
from runtime.session.launching import LaunchFailed, launch
from runtime.session.settings import EXIT_S, IMPORT_S
from runtime.session.worker import Bundle, WorkerLauncher, WorkerProcess

READ_SIZE: Final = 64 * 1024


async def check_bundle(launcher: WorkerLauncher, bundle: Bundle, session_id: str) -> None:
    """Raises BundleError with file and line."""
    try:
        process = await launch(launcher, session_id)
    except LaunchFailed as exc:
        raise BundleError(bundle.name, [f"could not be checked: {exc}"]) from exc
    try:
        with trio.move_on_after(IMPORT_S) as patience:
            await _try(process, bundle)
        if patience.cancelled_caught:
            late = f"compiling it was not done after {IMPORT_S:g} s"
            raise BundleError(bundle.name, [late])
    finally:
        process.kill()
        with trio.move_on_after(EXIT_S, shield=True):
            await process.wait()
        with trio.move_on_after(EXIT_S, shield=True):
            await trio.aclose_forcefully(process.stream)


async def _try(process: WorkerProcess, bundle: Bundle) -> None:
    try:
        for module in bundle.modules:
            frame = ModuleFrame(name=module.name, path=module.path, source=module.source)
            await _send(process, frame)
        start = StartFrame(session_id="check", application="", main=bundle.main, check_only=True)
        await _send(process, start)
        answer = await _answer(process)
    except (OSError, ValueError, ProtocolError, trio.BrokenResourceError) as exc:
        raise BundleError(bundle.name, [f"could not be checked: {exc}"]) from exc
    if isinstance(answer, ErrorFrame):
        where = f"{answer.where}: " if answer.where else ""
        raise BundleError(bundle.name, [f"{where}{one_line(answer.message)}"])


async def _send(process: WorkerProcess, frame: CoreFrame) -> None:
    await process.stream.send_all(encode_frame(core_frame_to_json(frame), MAX_CORE_FRAME))


async def _answer(process: WorkerProcess) -> ReadyFrame | ErrorFrame:
    decoder = FrameDecoder(MAX_WORKER_FRAME)
    while data := await process.stream.receive_some(READ_SIZE):
        for message in decoder.feed(bytes(data)):
            frame = parse_worker_frame(message)
            if isinstance(frame, (ReadyFrame, ErrorFrame)):
                return frame
    raise ProtocolError("the worker left before it had an answer")
