"""The recording store of the core: opens files, hands them to the recorder worker, awaits the end.

When the worker dies, what it had written stays on disk and playable, and every recording in
progress ends with an error: a recording never goes on silently with a hole in it. Full disks end
recordings the same way, never a call.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import trio

from runtime.media.pcm import ROW_RATE_HZ, WIDE_ROW_RATE_HZ, PcmRing
from runtime.media.port import Recording, RecordingError, RecordingFormat, RecordingResult
from runtime.processes.child import Child, describe_exit, start_child
from runtime.processes.link import LinkFull
from runtime.processes.packets import LinkClosed
from runtime.sandbox.levels import SandboxReport, Weaker, admitted, unprobed

from .recording_disk import RecordingDisk

WORKER_START_S: Final = 30.0
"""A worker is ready in a second, on an overloaded machine in many."""
START_S: Final = 10.0
"""A recording is started in well under a second."""
FINISH_S: Final = 30.0
"""A file is complete in milliseconds; on a disk that is overloaded, this."""
CLOSE_S: Final = 5.0
"""What the end of the core waits for recordings in progress."""
RESTART_PAUSE_S: Final = 1.0
END_S: Final = 0.5
"""A worker leaves by itself when its link is closed; one that does not is killed."""
DISK_CHECK_S: Final = 2.0
"""1,000 recordings write 8 MB in this time, far less than what is always left free."""
RECORDER_LOST: Final = "the recorder process was lost; the recording ends here"

_URL_PATH: Final = re.compile(r"/api/v1/sessions/([A-Za-z0-9_-]{1,64})/recordings/(\d{1,9})")


class FileRecording:
    """One recording file. `ring` is what the engine writes into."""

    def __init__(
        self, handle: int, url: str, number: int, form: RecordingFormat, path: Path
    ) -> None:
        self.handle = handle
        self.url = url
        self.number = number
        self.form = form
        self.path = path
        rate_hz = WIDE_ROW_RATE_HZ if form.hd_audio else ROW_RATE_HZ
        self.ring = PcmRing.create(rate_hz, channels=2 if form.stereo else 1)
        self.failure: str | None = None
        self._result: RecordingResult | None = None
        self._ended = trio.Event()
        self._finish: Callable[[], Any] | None = None

    def __repr__(self) -> str:
        return f"<FileRecording {self.path.parent.name}/{self.path.name}>"

    async def finish(self) -> RecordingResult:
        """Complete the file. Raises RecordingError when it ended before; safe to call again."""
        if self._finish is not None and not self._ended.is_set():
            await self._finish()
        await self._ended.wait()
        self.ring.close()
        if self._result is None:
            raise RecordingError(self.failure or RECORDER_LOST)
        return self._result

    async def wait_failed(self) -> str:
        """Return why the recording ended too early, as soon as it did; waits for ever if not."""
        await self._ended.wait()
        if self.failure is None:
            await trio.sleep_forever()
        assert self.failure is not None
        return self.failure

    def on_finish(self, finish: Callable[[], Any]) -> None:
        """Set by the store: what asks the worker to complete the file."""
        self._finish = finish

    def complete(self, result: RecordingResult) -> None:
        if not self._ended.is_set():
            self._result = result
            self._ended.set()

    def fail(self, why: str) -> None:
        if not self._ended.is_set():
            self.failure = why
            self._ended.set()

    async def ended(self) -> None:
        await self._ended.wait()


class Recordings:
    """Implements RecordingStore; `run` it in the core.

    `base_url` tells where the HTTP listener is reached. `warn` is told, in one sentence, what the
    operator should know.
    """

    def __init__(
        self,
        disk: RecordingDisk,
        *,
        base_url: Callable[[], str],
        warn: Callable[[str], object],
    ) -> None:
        self._disk = disk
        self._base_url = base_url
        self._warn = warn
        self.sandbox = unprobed("the recorder has not started")
        """How well the recorder is locked, as the latest found by trying."""
        self._child: Child | None = None
        self._ready = trio.Event()
        self._active: dict[int, FileRecording] = {}
        self._started: dict[int, trio.Event] = {}
        self._last_handle = 0

    @property
    def active(self) -> int:
        """Recordings in progress."""
        return len(self._active)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Put old files right, then keep the recorder running until cancelled.

        When cancelled, recordings in progress are still completed (at most 5 s).
        """
        await self.recover()
        closing, serving = trio.Event(), trio.Event()
        async with trio.open_nursery() as nursery:
            try:
                nursery.start_soon(self._serve_until, closing, serving)
                await serving.wait()
                task_status.started()
                await trio.sleep_forever()
            finally:
                closing.set()

    async def recover(self) -> list[Path]:
        """Put right the length headers of a killed core's files (`run` begins with this)."""
        repaired = await trio.to_thread.run_sync(self._disk.recover)
        if repaired:
            self._warn(f"{len(repaired)} recordings of a killed process were put right")
        return repaired

    async def start(self, session_id: str, number: int, form: RecordingFormat) -> Recording:
        url = f"{self._base()}/api/v1/sessions/{session_id}/recordings/{number}"
        while True:
            child = await self._worker()
            growing = [recording.path for recording in self._active.values()]
            create = partial(self._disk.create, session_id, number, form.container, growing)
            path, fd = await trio.to_thread.run_sync(create)
            self._last_handle += 1
            try:
                recording = FileRecording(self._last_handle, url, number, form, path)
                await self._begin(child, recording, fd)
            except OSError as exc:
                path.unlink(missing_ok=True)
                raise RecordingError(f"no recording can start now ({exc.strerror})") from exc
            finally:
                os.close(fd)
            if recording.failure is None:
                return recording
            if recording.failure != RECORDER_LOST:
                raise RecordingError(recording.failure)

    def find(self, session_id: str, number: int) -> Path | None:
        """The file of a recording, for the HTTP interface."""
        return self._disk.find(session_id, number)

    def path_of_url(self, url: str) -> Path | None:
        """The file behind the URL of one of our recordings, None for any other URL."""
        base = self._base()
        if not url.startswith(base):
            return None
        match = _URL_PATH.fullmatch(url[len(base) :])
        return None if match is None else self._disk.find(match[1], int(match[2]))

    def _base(self) -> str:
        return self._base_url().rstrip("/")

    async def _worker(self) -> Child:
        with trio.move_on_after(WORKER_START_S):
            while self._child is None:
                await self._ready.wait()
            return self._child
        raise RecordingError("the recorder process does not start")

    async def _begin(self, child: Child, recording: FileRecording, fd: int) -> None:
        """Hand file and ring over; `failure` tells whether that went wrong."""
        handle, form = recording.handle, recording.form
        request = {"op": "start", "id": handle, "container": form.container, "hd": form.hd_audio}
        recording.on_finish(partial(self._finish, child, recording))
        self._active[handle] = recording
        started = self._started[handle] = trio.Event()
        try:
            with trio.move_on_after(START_S):
                await child.link.send(request, [recording.ring.fd, fd])
                await started.wait()
        except (LinkClosed, LinkFull):
            recording.fail(RECORDER_LOST)
        finally:
            del self._started[handle]
            if not started.is_set():
                recording.fail("the recorder process does not answer")
            if recording.failure is not None:
                self._forget(child, recording)

    def _forget(self, child: Child, recording: FileRecording) -> None:
        """A recording that did not come to be."""
        self._active.pop(recording.handle, None)
        recording.ring.close()
        recording.path.unlink(missing_ok=True)
        with contextlib.suppress(LinkClosed, LinkFull):
            child.link.send_nowait({"op": "finish", "id": recording.handle})

    async def _finish(self, child: Child, recording: FileRecording) -> None:
        """Ask for the file to be completed; a worker that does not answer is replaced."""
        try:
            with trio.move_on_after(FINISH_S):
                await child.link.send({"op": "finish", "id": recording.handle})
                await recording.ended()
                return
        except (LinkClosed, LinkFull):
            recording.fail(RECORDER_LOST)
            return
        child.kill()
        if self._child is child:
            self._child, self._ready = None, trio.Event()
        recording.fail("the recorder process does not answer; it was ended")

    async def _serve_until(self, closing: trio.Event, serving: trio.Event) -> None:
        """Outlives a cancelled `run` by what finishing takes."""
        with trio.CancelScope(shield=True):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._keep_worker)
                nursery.start_soon(self._watch_disk)
                with contextlib.suppress(RecordingError):  # calls matter more than recordings
                    await self._worker()
                serving.set()
                await closing.wait()
                with trio.move_on_after(CLOSE_S):
                    await self._finish_all()
                nursery.cancel_scope.cancel()

    async def _finish_all(self) -> None:
        async with trio.open_nursery() as nursery:
            for recording in list(self._active.values()):
                if self._child is not None:
                    nursery.start_soon(self._finish, self._child, recording)

    async def _keep_worker(self) -> None:
        while True:
            try:
                child = start_child("runtime.media.recording.recorder", nice=5)
            except OSError as exc:
                self._warn(f"the recorder cannot be started: {exc.strerror}")
                await trio.sleep(RESTART_PAUSE_S)
                continue
            try:
                greeted = await self._greet(child)
                while greeted:
                    reply, _ = await child.link.receive()
                    self._take(reply)
            except (LinkClosed, KeyError, TypeError):  # gone, or talking nonsense
                pass
            finally:
                if self._child is child:
                    self._child, self._ready = None, trio.Event()
                await child.close(grace_s=END_S)
            await self._lose_all()
            end = "hangs" if child.status is None else describe_exit(child.status)
            self._warn(f"the recorder (process {child.pid}, {end}) was replaced")
            if not greeted:
                await trio.sleep(RESTART_PAUSE_S)

    async def _greet(self, child: Child) -> bool:
        with trio.move_on_after(WORKER_START_S), contextlib.suppress(LinkClosed):
            hello, _ = await child.link.receive()
            try:
                self.sandbox = admitted(SandboxReport.from_json(hello["sandbox"]), self.sandbox)
            except Weaker as exc:
                self._warn(f"the recorder is not used: {exc}")
                return False
            self._child = child
            self._ready.set()
            return True
        return False

    def _take(self, reply: dict[str, Any]) -> None:
        handle = reply["id"]
        recording = self._active.get(handle)
        if recording is None:
            return
        if reply["state"] == "started":
            self._started[handle].set()
            return
        del self._active[handle]
        if reply["state"] == "failed":
            self._warn(f"{recording}: {reply['error']}")
            recording.fail(reply["error"])
            if handle in self._started:
                self._started[handle].set()
            return
        self._disk.add_finished(reply["size_bytes"])
        recording.complete(
            RecordingResult(
                duration_s=reply["duration_s"],
                size_bytes=reply["size_bytes"],
                sha256=reply["sha256"],
            )
        )

    async def _lose_all(self) -> None:
        """The worker is gone; what it wrote stays, and says how long it is."""
        lost, self._active = list(self._active.values()), {}
        for recording in lost:
            await trio.to_thread.run_sync(self._disk.repair, recording.path)
            recording.fail(RECORDER_LOST)
            if recording.handle in self._started:
                self._started[recording.handle].set()

    async def _watch_disk(self) -> None:
        while True:
            await trio.sleep(DISK_CHECK_S)
            growing = [recording.path for recording in self._active.values()]
            if not growing:
                continue
            why = await trio.to_thread.run_sync(self._disk.why_full, growing)
            if why is not None and self._child is not None:
                self._warn(f"{len(growing)} recordings end: {why}")
                for recording in list(self._active.values()):
                    recording.fail(why)
                    await self._finish(self._child, recording)
