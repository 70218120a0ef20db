"""Recordings without samples: what each channel holds, as intervals since the recording began."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Final

import attrs
import trio

from runtime.media.port import Recording, RecordingError, RecordingFormat, RecordingResult
from runtime.testing.agenda import Agenda
from runtime.testing.hearing import FRAME_S, Audio, Ear, Heard, transcript

BYTES_PER_SECOND: Final = 4_000
"""Of a pretended file: VoxEngine's default quality, 32 kbit/s."""


class SimRecording:
    """One recording of a session.

    `left` is what the endpoint said, `right` what it heard (of a stereo recording of a call);
    `mix` is both, and all that a Recorder or a mono recording has.
    """

    def __init__(self, session_id: str, number: int, form: RecordingFormat, agenda: Agenda) -> None:
        self.session_id = session_id
        self.number = number
        self.form = form
        self.url = f"http://recordings.sim/{session_id}/{number}.{form.container}"
        self.started = agenda.now()
        self.stopped: float | None = None
        self.finished: RecordingResult | None = None
        self._agenda = agenda
        self._left = Ear()
        self._right = Ear()
        self._mix = Ear()

    @property
    def left(self) -> list[Heard]:
        return _since(self._left.heard, self.started)

    @property
    def right(self) -> list[Heard]:
        return _since(self._right.heard, self.started)

    @property
    def mix(self) -> list[Heard]:
        return _since(self._mix.heard, self.started)

    @property
    def duration_s(self) -> float:
        end = self._agenda.now() if self.stopped is None else self.stopped
        return round(end - self.started, 6)

    @property
    def frames(self) -> int:
        return round(self.duration_s / FRAME_S)

    def contains(self, wanted: str | re.Pattern[str]) -> bool:
        """Whether that can be heard in it, in either channel."""
        return any(one.matches(wanted) for one in self.mix)

    def write(self, left: Iterable[Audio], right: Iterable[Audio]) -> None:
        """From now on these sounds are recorded (called by the symbolic media)."""
        now = self._agenda.now()
        said, heard = list(left), list(right)
        self._left.hear(said, now)
        self._right.hear(heard, now)
        self._mix.hear([*said, *heard], now)

    def stop(self) -> None:
        """The last frame was written."""
        if self.stopped is None:
            self.write((), ())
            self.stopped = self._agenda.now()

    async def finish(self) -> RecordingResult:
        """The pretended file is complete."""
        await trio.lowlevel.checkpoint()
        self.stop()
        content = transcript(self.mix).encode()
        self.finished = RecordingResult(
            duration_s=self.duration_s,
            size_bytes=round(self.duration_s * BYTES_PER_SECOND),
            sha256=hashlib.sha256(content).hexdigest(),
        )
        return self.finished

    def __repr__(self) -> str:
        state = "finished" if self.finished else "stopped" if self.stopped else "recording"
        return f"<SimRecording {self.url} {self.duration_s:.2f} s {state}>"


class SymbolicRecordings:
    """The recording store of a simulation. `full` is what a full disk says."""

    def __init__(self, agenda: Agenda) -> None:
        self._agenda = agenda
        self.made: list[SimRecording] = []
        self.full: str | None = None

    async def start(self, session_id: str, number: int, form: RecordingFormat) -> Recording:
        await trio.lowlevel.checkpoint()
        if self.full is not None:
            raise RecordingError(self.full)
        recording = SimRecording(session_id, number, form, self._agenda)
        self.made.append(recording)
        return recording

    def forget(self) -> None:
        """Drop the record of those that are finished."""
        self.made = [one for one in self.made if one.finished is None]

    def seconds_of(self, url: str) -> float | None:
        """The length of one of these recordings, None for any other URL."""
        for recording in self.made:
            if recording.url == url:
                return recording.duration_s
        return None


def _since(heard: list[Heard], start: float) -> list[Heard]:
    return [
        attrs.evolve(
            one,
            start=round(one.start - start, 6),
            end=None if one.end is None else round(one.end - start, 6),
        )
        for one in heard
    ]
