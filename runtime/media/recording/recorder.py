"""The recorder worker: one process that writes all recordings, from shared rings into open files.

It looks at every ring five times a second, so the engine's tick never waits for an encoder or a
disk. A recording that cannot go on ends alone; the others do not notice. The core opens the files,
this process knows no path. `python -m runtime.media.recording.recorder`
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import queue
import resource
import threading
import time
from typing import Any, Final

import av
import numpy as np

from runtime.media import ffmpeg
from runtime.media.pcm import ROW_RATE_HZ, PcmError, PcmRing, Samples
from runtime.processes.blocking_link import BlockingLink
from runtime.processes.confine import Confinement
from runtime.processes.entering import enter_child
from runtime.processes.locking import lock_for_good
from runtime.processes.packets import LinkClosed
from runtime.sandbox.profiles import RECORDER

from .recording_disk import CONTAINERS
from .recording_files import CHANNELS, RecordingFile, open_recording

POLL_S: Final = 0.2
HEADER_S: Final = 2.0
"""How far a length header may lag behind the file."""
MAX_SILENCE_S: Final = 60.0
"""Lost audio is replaced by silence up to here; a ring that claims more is lying."""
MEMORY_BYTES: Final = 8 * 1024**3
"""Of addresses: an encoder and a ring take under a megabyte per recording, the sealers' arenas
half a gigabyte."""
CONFINEMENT: Final = Confinement(
    profile=RECORDER,
    memory_bytes=MEMORY_BYTES,
    file_bytes=resource.RLIM_INFINITY,
    descriptors=None,
)
HASH_BYTES: Final = 1024 * 1024

SEALERS: Final = 8
"""Files that are brought to the disk at once: a disk that takes 50 ms for each completes the
recordings of 2,000 calls that end together within FINISH_S (recordings.py), and one file that hangs
holds up no other."""
SEALER_STACK_BYTES: Final = 256 * 1024


class Recording:
    """One ring on its way into one file."""

    def __init__(self, number: int, ring: PcmRing, fd: int, request: dict[str, Any]) -> None:
        self.number = number
        self._ring = ring
        self._fd = fd
        self._frames = 0
        self._header_due = HEADER_S
        self._file: RecordingFile = open_recording(
            fd,
            request["container"],
            ring.rate_hz,
            stereo=ring.channels == CHANNELS,
            hd=request["hd"],
        )

    @property
    def duration_s(self) -> float:
        return self._frames / self._ring.rate_hz

    def poll(self) -> None:
        """Encode what has come. Raises OSError when the file cannot be written."""
        frames, lost = self._ring.read()
        if lost:
            lost = min(lost, round(MAX_SILENCE_S * self._ring.rate_hz))
            self._write(np.zeros((lost, self._ring.channels), dtype=np.int16))
        self._write(frames)
        if self.duration_s >= self._header_due:
            self._header_due = self.duration_s + HEADER_S
            self._file.update_header()

    def finish(self) -> None:
        """Drain the ring and complete the file."""
        self.poll()
        self._file.finish()

    def abandon(self) -> None:
        self._file.abandon()
        self.close()

    def seal(self) -> dict[str, Any]:
        """Bring the file to the disk; its size and checksum. Slow: called in a thread."""
        os.fsync(self._fd)
        digest, position = hashlib.sha256(), 0
        while piece := os.pread(self._fd, HASH_BYTES, position):
            digest.update(piece)
            position += len(piece)
        return {
            "duration_s": self.duration_s,
            "size_bytes": position,
            "sha256": digest.hexdigest(),
            "lost_frames": self._ring.lost_frames,
        }

    def close(self) -> None:
        os.close(self._fd)
        self._ring.close()

    def _write(self, frames: Samples) -> None:
        if frames.shape[1] == 1:  # the engine's mix, which both channels carry
            frames = np.repeat(frames, CHANNELS, axis=1)
        self._file.write(frames)
        self._frames += len(frames)


class Recorder:
    """All recordings of this process."""

    def __init__(self, link: BlockingLink) -> None:
        self._link = link
        self._recordings: dict[int, Recording] = {}
        self._sealing: queue.SimpleQueue[Recording] = queue.SimpleQueue()

    def start_sealers(self) -> None:
        """Once, before the filter: behind it no thread can be started any more."""
        usual = threading.stack_size(SEALER_STACK_BYTES)
        for _ in range(SEALERS):
            threading.Thread(target=self._seal_all, daemon=True).start()
        threading.stack_size(usual)

    def run(self) -> None:
        """Serve until the core closes the link."""
        due = time.monotonic() + POLL_S
        while True:
            pause_s = pause_until(due, time.monotonic(), recording=bool(self._recordings))
            if self._link.wait(pause_s):
                try:
                    packets = self._link.receive_nowait()
                except LinkClosed:
                    return
                for request, fds in packets:
                    self._serve(request, fds)
            if time.monotonic() >= due:
                self._poll_all()
                due = max(due + POLL_S, time.monotonic())

    def _serve(self, request: dict[str, Any], fds: list[int]) -> None:
        number = request["id"]
        if request["op"] == "start":
            self._start(number, request, *fds)
        elif (recording := self._recordings.pop(number, None)) is not None:
            self._finish(recording)

    def _start(self, number: int, request: dict[str, Any], ring_fd: int, file_fd: int) -> None:
        try:
            ring = PcmRing.attach(ring_fd, writable=True)
            self._recordings[number] = Recording(number, ring, file_fd, request)
        except (OSError, PcmError, av.FFmpegError) as exc:
            os.close(file_fd)
            self._tell_failure(number, exc)
        else:
            self._link.send({"state": "started", "id": number})
        finally:
            os.close(ring_fd)

    def _poll_all(self) -> None:
        for number, recording in list(self._recordings.items()):
            try:
                recording.poll()
            except (OSError, av.FFmpegError) as exc:
                del self._recordings[number]
                recording.abandon()
                self._tell_failure(number, exc)

    def _finish(self, recording: Recording) -> None:
        try:
            recording.finish()
        except (OSError, av.FFmpegError) as exc:
            recording.abandon()
            self._tell_failure(recording.number, exc)
        else:
            self.seal_later(recording)

    def seal_later(self, recording: Recording) -> None:
        """The disk may take seconds; the other recordings' rings do not wait that long."""
        self._sealing.put(recording)

    def _seal_all(self) -> None:
        """A sealer's life."""
        while True:
            self._seal(self._sealing.get())

    def _seal(self, recording: Recording) -> None:
        try:
            result = recording.seal()
        except OSError as exc:
            self._tell_failure(recording.number, exc)
        else:
            self._link.send({"state": "finished", "id": recording.number, **result})
        finally:
            recording.close()

    def _tell_failure(self, number: int, exc: Exception) -> None:
        error = explain(exc)
        self._link.send({"state": "failed", "id": number, "error": error})


def pause_until(due: float, now: float, *, recording: bool) -> float | None:
    """For how many seconds to wait for the core: until the rings are `due`. While nothing is
    recorded until it asks for something (None): an idle runtime wakes nobody."""
    return max(0.0, due - now) if recording else None


def explain(exc: Exception) -> str:
    """Why a recording cannot go on, for the author and the operator."""
    number = exc.errno if isinstance(exc, OSError) else None
    if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "the disk is full"
    reason = os.strerror(number) if number is not None and number > 0 else type(exc).__name__
    return f"the file cannot be written ({reason})"


def _rehearse() -> None:
    """Write an empty file of each kind: what Python and FFmpeg load late is loaded now."""
    for container in CONTAINERS:
        fd = os.memfd_create("rehearsal", os.MFD_CLOEXEC)
        open_recording(fd, container, ROW_RATE_HZ, stereo=True, hd=False).finish()
        os.close(fd)
    hashlib.sha256(b"").hexdigest()  # the library behind it reads its configuration at first


def main() -> None:
    link = enter_child()
    ffmpeg.load()
    _rehearse()
    recorder = Recorder(link)
    report = lock_for_good(CONFINEMENT, before_filter=recorder.start_sealers)
    with contextlib.suppress(LinkClosed):
        link.send({"state": "ready", "sandbox": report.to_json()})
        recorder.run()


if __name__ == "__main__":
    main()
