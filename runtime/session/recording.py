"""Recordings of one session: each is a task from the opened file to the finished one.

A recording outlives its call, its script and even the session's cancellation until the file is
complete: the task is shielded, and every wait after the last frame is bounded.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Final, Protocol

import attrs
import trio

from runtime.media.port import (
    MediaPort,
    MediaRecorder,
    RecorderEvent,
    Recording,
    RecordingError,
    RecordingFormat,
    RecordingResult,
    RecordingStore,
)
from runtime.session.timeline import Timeline

START_S: Final = 10.0
"""Opening a file takes milliseconds; a disk that needs longer is not going to record."""
LAST_FRAME_S: Final = 5.0
"""From the end to the engine's last frame; an engine that hangs must not hold the file open."""
FINISH_S: Final = 30.0
"""Draining the encoder and writing the length header of a recording of many hours. Shorter than the
idle limit, so that RecordStopped of a session's last call is still heard."""


class RecordingOwner(Protocol):
    """The call or recorder that a recording belongs to."""

    def recording_started(self, url: str) -> None: ...
    def recording_stopped(self, url: str, duration_s: float) -> None: ...
    def recording_failed(self, error: str) -> None: ...
    def recording_dropped(self) -> None:
        """It ended before it began; nobody was told that there is one."""


@attrs.frozen(kw_only=True)
class RecordingOrder:
    """What a script asks for."""

    form: RecordingFormat
    keep_s: float | None = None
    """From its end; None: as the operator says."""
    name_prefix: str = ""


@attrs.frozen(kw_only=True)
class RecordingView:
    """A recording as HTTP shows it; `result` is None until the file is complete."""

    number: int
    url: str
    result: RecordingResult | None


class RecordingJob:
    """One file in the making."""

    def __init__(
        self, book: RecordingBook, order: RecordingOrder, owner: RecordingOwner, number: int
    ) -> None:
        self.number = number
        self.order = order
        self.url = ""
        self.refusal = ""
        """Why it is not even begun."""
        self.result: RecordingResult | None = None
        self._book = book
        self._owner = owner
        self._recorder: MediaRecorder | None = None
        self._announced = False
        self._closing = trio.Event()
        self._last_frame = trio.Event()

    @property
    def closing(self) -> bool:
        return self._closing.is_set()

    def close(self) -> None:
        """Take no more audio; the file is finished in the background. Safe twice."""
        if not self._closing.is_set():
            self._closing.set()
            if self._recorder is not None:
                self._recorder.close()

    async def run(self, tap: Callable[[MediaRecorder], None]) -> None:
        try:
            recording = await self._open()
            if recording is not None:
                self._record(recording, tap)
                await self._closing.wait()
                await self._finish(recording)
        except RecordingError as exc:
            self._fail(str(exc))
        except Exception:  # noqa: BLE001 - the recording's edge: a bug here must not end the call
            text = traceback.format_exc()
            self._book.timeline.record("error", "a recording failed", traceback=text)
            self._owner.recording_failed("the recording failed; see the timeline")

    async def _open(self) -> Recording | None:
        if self.refusal:
            raise RecordingError(self.refusal)
        with trio.move_on_after(START_S):
            return await self._book.store.start(self._book.session_id, self.number, self.order.form)
        self._fail(f"the recording could not be opened within {START_S:g} s")
        return None

    def _record(self, recording: Recording, tap: Callable[[MediaRecorder], None]) -> None:
        self.url = recording.url
        self._recorder = self._book.media.open_recorder(recording, self._on_engine)
        if self._closing.is_set():
            self._recorder.close()
            return
        tap(self._recorder)
        self._announced = True
        self._owner.recording_started(self.url)

    def _on_engine(self, _: RecorderEvent) -> None:
        """RecorderClosed, or MediaLost: either way no frame follows."""
        self._last_frame.set()
        self._closing.set()

    async def _finish(self, recording: Recording) -> None:
        with trio.move_on_after(LAST_FRAME_S):
            await self._last_frame.wait()
        with trio.move_on_after(FINISH_S):
            self.result = await recording.finish()
        if self.result is None:
            self._fail(f"the recording was not complete after {FINISH_S:g} s")
            return
        self._book.timeline.record(
            "media",
            f"recording {self.number} complete",
            url=self.url,
            duration_s=round(self.result.duration_s, 3),
            size_bytes=self.result.size_bytes,
            sha256=self.result.sha256,
        )
        self._book.on_complete(self, self.result)
        if self._announced:
            self._owner.recording_stopped(self.url, self.result.duration_s)
        else:
            self._owner.recording_dropped()

    def _fail(self, error: str) -> None:
        self._book.timeline.record("error", f"recording {self.number}: {error}")
        self._owner.recording_failed(error)


class RecordingBook:
    """All recordings of one session, numbered from 1."""

    def __init__(
        self,
        session_id: str,
        media: MediaPort,
        store: RecordingStore,
        timeline: Timeline,
        *,
        most: int,
        on_complete: Callable[[RecordingJob, RecordingResult], None],
    ) -> None:
        self._most = most
        self.on_complete = on_complete
        self.session_id = session_id
        self.media = media
        self.store = store
        self.timeline = timeline
        self._jobs: list[RecordingJob] = []
        self._nursery: trio.Nursery | None = None

    def open(self, nursery: trio.Nursery) -> None:
        """The nursery that waits until every file is complete."""
        self._nursery = nursery

    def start(
        self,
        order: RecordingOrder,
        owner: RecordingOwner,
        tap: Callable[[MediaRecorder], None],
    ) -> RecordingJob:
        """Begin a recording; `tap` connects it to what it records, once it is open."""
        job = RecordingJob(self, order, owner, len(self._jobs) + 1)
        if len(self._jobs) < self._most:
            self._jobs.append(job)
        else:
            job.refusal = f"this session has made {self._most} recordings, the limit"
        if self._nursery is not None:
            self._nursery.start_soon(self._shielded, job, tap)
        return job

    def close(self) -> None:
        for job in self._jobs:
            job.close()

    def views(self) -> list[RecordingView]:
        return [
            RecordingView(number=job.number, url=job.url, result=job.result)
            for job in self._jobs
            if job.url
        ]

    @staticmethod
    async def _shielded(job: RecordingJob, tap: Callable[[MediaRecorder], None]) -> None:
        with trio.CancelScope(shield=True):
            await job.run(tap)
