"""The steps of a session's start and end; each waits for something that is bounded."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

import trio

from runtime.decisions import session_state
from runtime.decisions.failure import Cause, End, end_of_worker
from runtime.decisions.limits import worker_settings
from runtime.decisions.session_state import SessionState
from runtime.sandbox.frames import StartFrame, StopFrame, WorkerFrame
from runtime.sandbox.wire import ProtocolError
from runtime.session.channel import Channel, ChannelFailed, WorkerGone
from runtime.session.launching import LaunchFailed, launch
from runtime.session.settings import EXIT_S, LAST_WORDS_S

if TYPE_CHECKING:
    from runtime.session.supervisor import SessionHost


async def live(host: SessionHost, on_frame: Callable[[WorkerFrame], None]) -> None:
    """Run the script until something ends the session, then see it off."""
    async with trio.open_nursery() as nursery:
        host.context.tasks.open(nursery)
        host.context.tasks.start(host.context.alarms.run)
        host.start_clocks()
        host.context.tasks.start(partial(_converse, host, on_frame))
        try:
            await host.ending.wait()
            async with trio.open_nursery() as last:
                last.start_soon(host.apologise)
                await _see_off(host)
                await _put_away(host)  # whoever goes on does so without the script
            await _outlive(host)
        finally:
            await _put_away(host)
        with trio.move_on_after(LAST_WORDS_S):
            await host.context.calls.silence()
        nursery.cancel_scope.cancel()


# --- start --------------------------------------------------------------------------------------


async def _converse(host: SessionHost, on_frame: Callable[[WorkerFrame], None]) -> None:
    """Launch the worker, give it the script, then exchange frames until cancelled."""
    try:
        host.process = await launch(host.around.launcher, host.plan.id)
    except LaunchFailed as exc:
        host.worker_gone.set()
        host.end(End(Cause.NOT_STARTED, str(exc)))
        return
    limits = host.around.settings.limits
    channel = Channel(host.process.stream, limits, on_frame, taking=host.watch.taking)
    host.watch.importing()
    start = host.context.tasks.start
    start(partial(_guarded, host, channel, partial(_send_script, host, channel)))
    start(partial(_guarded, host, channel, channel.read))
    start(partial(_guarded, host, channel, channel.handle))


async def _send_script(host: SessionHost, channel: Channel) -> None:
    settings = worker_settings(host.around.settings.limits)
    start = StartFrame(
        session_id=host.plan.id,
        application=host.plan.application,
        main=host.plan.bundle.main,
        custom_data=host.plan.custom_data,
        settings={**settings, "epoch_s": host.started},
        secrets=dict(host.context.secrets.placeholders),
    )
    try:
        await channel.send(host.around.scripts.encoded(host.plan.bundle), start)
    except ValueError as exc:
        raise ChannelFailed(End(Cause.SCRIPT_ERROR, f"the script is too big: {exc}")) from exc
    await channel.write(host.outbox)


def script_ready(host: SessionHost) -> None:
    """The top level has run: Started, then whatever waited for it."""
    if host.was_ready:
        raise ProtocolError("ready twice")
    host.state = session_state.step(host.state, session_state.Input.READY)
    host.watch.imported()
    host.was_ready = True
    host.top_level_over.set()
    if host.state is not SessionState.RUNNING:
        return
    settings = host.around.settings
    fields = {
        "accessURL": host.access_url,
        "accessSecureURL": host.access_url,
        "logURL": settings.log_url(host.plan.id),
        "sessionId": host.plan.id,
        "applicationId": host.plan.application,
        "conference_name": host.plan.conference_name,
    }
    host.context.events.open("Application.Started", fields)


async def _guarded(host: SessionHost, channel: Channel, run: Callable[[], Awaitable[None]]) -> None:
    try:
        await run()
    except ChannelFailed as exc:
        if exc.detail:
            host.timeline.record("error", exc.end.detail, traceback=exc.detail)
        host.end(exc.end)
    except WorkerGone:
        await _worker_left(host, channel)


async def _worker_left(host: SessionHost, channel: Channel) -> None:
    """What it sent before it left still counts: its last frame may say why it left."""
    with trio.move_on_after(EXIT_S):
        await channel.drained()
    status, used = "no status", 0.0
    process = host.process
    if process is not None:
        with trio.move_on_after(EXIT_S):
            status = await process.wait()
        used = process.peak_bytes / (host.around.settings.limits.memory_mib << 20)
    host.worker_gone.set()
    host.end(end_of_worker(status, used))


# --- end ----------------------------------------------------------------------------------------


async def _see_off(host: SessionHost) -> None:
    """Terminating, Terminated, stop: for a script that can still hear (voxengine.md R7)."""
    end = host.end_reason
    if end is None or host.process is None or host.worker_gone.is_set():
        return
    if not end.script_hears:
        return
    if end.cause is Cause.TERMINATED:
        # By the top level itself, perhaps: the watch bounds how long the rest of it may take.
        await host.worker_gone.wait_or(host.top_level_over)
    http = host.context.http
    await http.finished()
    if host.was_ready:
        fields = {} if end.orderly else {"systemError": end.detail or end.cause.value}
        http.allow_one()
        await _tell(host, "Application.Terminating", fields)
        await http.finished()
        http.close()
        await _tell(host, "Application.Terminated", fields)
    host.context.events.send(StopFrame(reason=end.cause.value))
    with trio.move_on_after(EXIT_S):
        await host.worker_gone.wait()


async def _tell(host: SessionHost, name: str, fields: dict[str, str]) -> None:
    heard = trio.Event()
    host.context.events.emit_last(name, dict(fields), lambda _: heard.set())
    with trio.move_on_after(host.around.settings.limits.farewell_s):
        await host.worker_gone.wait_or(heard)


async def _outlive(host: SessionHost) -> None:
    """Bridged calls that are kept go on until they hang up, or the session is too old."""
    while host.keeping:
        await host.calls_changed()


async def _put_away(host: SessionHost) -> None:
    """No worker stays behind, however the session ended. Safe twice."""
    host.context.access.close()
    process, host.process = host.process, None
    if process is None:
        return
    with trio.move_on_after(EXIT_S, shield=True):
        process.kill()
        status = await process.wait()
        host.timeline.record("session", f"worker ended: {status}")
    with trio.move_on_after(EXIT_S, shield=True):
        try:
            await trio.aclose_forcefully(process.stream)
        except Exception:  # noqa: BLE001 - a stream that cannot be closed is gone already
            host.timeline.record("error", "worker stream", traceback=traceback.format_exc())
