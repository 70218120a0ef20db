"""Compiles a bundle in a locked worker, never in the core: tried once, and its code is kept.

The code is opaque here: text that a worker sent and that workers of the same bundle get. What a
stranger's source may do to a compiler can so only ever reach the stranger's own sessions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import trio

from runtime.decisions.failure import one_line
from runtime.decisions.limits import Limits, worker_settings
from runtime.decisions.watchdog import IMPORT_S
from runtime.sandbox.bundle import BundleError
from runtime.sandbox.frames import (
    CodeFrame,
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
from runtime.session.settings import EXIT_S
from runtime.session.worker import Bundle, WorkerLauncher, WorkerProcess

READ_SIZE: Final = 64 * 1024
MAX_CODE: Final = 16 * 1024 * 1024
"""Of a bundle, in base64. Code is some three times its source, which is 4 MiB at most."""


Code = Mapping[str, str]
"""Compiled modules by name, as CodeFrames carry them."""


async def compile_bundle(
    launcher: WorkerLauncher, bundle: Bundle, session_id: str, limits: Limits
) -> Code:
    """Compile without running. Raises BundleError with file and line."""
    try:
        process = await launch(launcher, session_id)
    except LaunchFailed as exc:
        raise BundleError(bundle.name, [f"could not be checked: {exc}"]) from exc
    try:
        with trio.move_on_after(IMPORT_S):
            return await _try(process, bundle, limits)
        late = f"compiling it was not done after {IMPORT_S:g} s"
        raise BundleError(bundle.name, [late])
    finally:
        process.kill()
        with trio.move_on_after(EXIT_S, shield=True):
            await process.wait()
        with trio.move_on_after(EXIT_S, shield=True):
            await trio.aclose_forcefully(process.stream)


async def _try(process: WorkerProcess, bundle: Bundle, limits: Limits) -> Code:
    try:
        for module in bundle.modules:
            frame = ModuleFrame(name=module.name, path=module.path, source=module.source)
            await _send(process, frame)
        start = StartFrame(
            session_id="check",
            application="",
            main=bundle.main,
            check_only=True,
            settings=worker_settings(limits),
        )
        await _send(process, start)
        return await _answer(process, bundle)
    except (OSError, ValueError, ProtocolError, trio.BrokenResourceError) as exc:
        raise BundleError(bundle.name, [f"could not be checked: {exc}"]) from exc


async def _send(process: WorkerProcess, frame: CoreFrame) -> None:
    await process.stream.send_all(encode_frame(core_frame_to_json(frame), MAX_CORE_FRAME))


async def _answer(process: WorkerProcess, bundle: Bundle) -> Code:
    decoder = FrameDecoder(MAX_WORKER_FRAME)
    pieces: dict[str, list[str]] = {module.name: [] for module in bundle.modules}
    size = 0
    while data := await process.stream.receive_some(READ_SIZE):
        for message in decoder.feed(bytes(data)):
            match parse_worker_frame(message):
                case ReadyFrame():
                    return {name: "".join(parts) for name, parts in pieces.items()}
                case ErrorFrame() as error:
                    where = f"{error.where}: " if error.where else ""
                    raise BundleError(bundle.name, [f"{where}{one_line(error.message)}"])
                case CodeFrame(module=name, data=piece) if name in pieces:
                    pieces[name].append(piece)
                    size += len(piece)
                case frame:
                    raise ProtocolError(f"{type(frame).__name__} is no answer to a check")
        if size > MAX_CODE:
            raise ProtocolError(f"its code is over {MAX_CODE} bytes")
    raise ProtocolError("the worker left before it had an answer")
