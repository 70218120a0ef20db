"""What the engine's detectors would tell of a simulated person: voices, beeps, machines, tones.

Answering machines are judged by the very rules of the engine, fed with when the person speaks; so a
greeting of the same length is the same to a test and to a call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from runtime.media.detect.answering import AnsweringMachine
from runtime.media.detect.beep import TOLERANCE_HZ
from runtime.media.detect.voice import BEGIN_FRAMES, END_FRAMES
from runtime.media.findings import (
    BeepHeard,
    Detection,
    MachineJudged,
    ProgressToneHeard,
    VoiceChanged,
)
from runtime.media.frames import FRAME_MS
from runtime.media.port import (
    LegMediaEvent,
)
from runtime.testing.agenda import Agenda, Appointment

FRAME_S: Final = FRAME_MS / 1000


class SymbolicEars:
    """Belongs to one SymbolicLeg."""

    def __init__(
        self,
        agenda: Agenda,
        tell: Callable[[LegMediaEvent], None],
        speaks: Callable[[], bool],
    ) -> None:
        self._agenda = agenda
        self._tell = tell
        self._speaks = speaks
        self.wanted = Detection()
        self._voice: Appointment | None = None
        self._voice_told = False
        self._machine: AnsweringMachine | None = None

    def detect(self, what: Detection) -> None:
        before, self.wanted = self.wanted, what
        if what.machine and not before.machine:
            self._machine = AnsweringMachine()
            self._agenda.after(FRAME_S, self._judge)
        elif not what.machine:
            self._machine = None
        if what.voice != before.voice:
            self._voice_told = False
            self.voice_changed()

    def voice_changed(self) -> None:
        """The person begins or stops to speak."""
        if self._voice is not None:
            self._voice.cancel()
            self._voice = None
        speaks = self._speaks()
        if self.wanted.voice and speaks is not self._voice_told:
            frames = BEGIN_FRAMES if speaks else END_FRAMES
            self._voice = self._agenda.after(frames * FRAME_S, self._tell_voice)

    def _tell_voice(self) -> None:
        self._voice, self._voice_told = None, not self._voice_told
        self._tell(VoiceChanged(active=self._voice_told))

    def _judge(self) -> None:
        """20 ms of the person, as the engine would hear them."""
        if self._machine is None:
            return
        judged = self._machine.hear(self._speaks())
        if judged is None:
            self._agenda.after(FRAME_S, self._judge)
            return
        self._machine = None
        told = MachineJudged(human=judged.human, rule=judged.rule.value, words=judged.words)
        self._tell(told)

    def beep(self, hz: float, seconds: float) -> None:
        """A beep is over."""
        wanted = self.wanted.beeps_hz
        if wanted is not None and (
            not wanted or any(abs(hz - one) <= TOLERANCE_HZ for one in wanted)
        ):
            self._tell(BeepHeard(frequency_hz=hz, duration_ms=round(seconds * 1000)))

    def progress(self, tone: str, country: str) -> None:
        """A progress tone has sounded for long enough."""
        if self.wanted.progress_of == country:
            self._tell(ProgressToneHeard(tone=tone, country=country))

    def close(self) -> None:
        self.detect(Detection())
