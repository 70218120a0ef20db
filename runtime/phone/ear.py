"""What the phone hears: a recorder's ring, read here, kept in memory and written as a wav.

The rule: the left channel of the ring is the peer; nothing is lost to a stall shorter than the
ring, and what is lost is replaced by silence, so that times stay true.
"""

from __future__ import annotations

import hashlib
import wave
from pathlib import Path
from typing import Final

import numpy as np
import trio

from runtime.media.pcm import ROW_RATE_HZ, PcmRing, Samples
from runtime.media.port import (
    MediaLeg,
    MediaPort,
    MediaRecorder,
    RecorderClosed,
    RecorderEvent,
    RecordingFormat,
    RecordingResult,
)
from runtime.phone.plan import MAX_CALL_S, PlanError

POLL_S: Final = 0.2
"""Twenty times shorter than the ring."""
CLOSE_S: Final = 2.0
"""For the engine to write the last frame; it does so within a tick."""


class Ear:
    """A recording (see media/port.py) that stays in this process."""

    url = ""
    number = 1
    form = RecordingFormat(container="wav", stereo=True)
    """Stereo, so that the peer is alone on the left."""

    def __init__(self, path: Path | None, rate_hz: int = ROW_RATE_HZ) -> None:
        self.path = path
        self.rate_hz = rate_hz
        self._parts: list[Samples] = []
        self._frames = 0
        self._recorder: MediaRecorder | None = None
        self._closed = trio.Event()
        if path is not None:
            # now, and not after the call: a wrong path must not cost the recording
            self._write()
        self.ring = PcmRing.create(rate_hz)

    def samples(self) -> Samples:
        """Everything heard so far."""
        return np.concatenate(self._parts) if self._parts else np.zeros(0, np.int16)

    def open(self, media: MediaPort, leg: MediaLeg) -> None:
        """Begin to listen to what this leg's peer says."""
        self._recorder = media.open_recorder(self, self._on_recorder)
        self._recorder.tap_leg(leg)

    async def run(self) -> None:
        """Empty the ring until cancelled."""
        while True:
            self._drain()
            await trio.sleep(POLL_S)

    async def finish(self) -> RecordingResult:
        """Stop listening, keep the last frames, write the file. Safe twice."""
        if self._recorder is not None:
            self._recorder.close()
            self._recorder = None
            with trio.move_on_after(CLOSE_S):
                await self._closed.wait()
            self._drain()
        data = self._write() if self.path is not None else b""
        return RecordingResult(
            duration_s=self._frames / self.rate_hz,
            size_bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
        )

    def close(self) -> None:
        """Give the ring back. Safe twice."""
        self.ring.close()

    def _on_recorder(self, event: RecorderEvent) -> None:
        self._closed.set()  # RecorderClosed, or MediaLost: in either case no frame follows
        if not isinstance(event, RecorderClosed):
            self._recorder = None

    def _drain(self) -> None:
        frames, lost = self.ring.read()
        room = round(MAX_CALL_S * self.rate_hz) - self._frames
        heard = np.concatenate([np.zeros(lost, np.int16), frames[:, 0]])[: max(0, room)]
        if len(heard):
            self._parts.append(heard)
            self._frames += len(heard)

    def _write(self) -> bytes:
        """The whole wav. Raises PlanError when the file cannot be written."""
        assert self.path is not None
        try:
            with self.path.open("wb") as target, wave.open(target, "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(self.rate_hz)
                file.writeframes(self.samples().astype("<i2").tobytes())
            return self.path.read_bytes()
        except OSError as exc:
            raise PlanError(f"cannot write the recording {self.path}: {exc.strerror}") from exc
