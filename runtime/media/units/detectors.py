"""What is listened for on which leg, and what was heard; runs once a tick, right after the rows.

Nothing runs on a leg that nobody asked about. Digits of legs that handle them are taken out of the
rows before anybody reads them; recordings of the call itself get them back through `unheard`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import attrs
import numpy as np

from runtime.decisions.seats import Seats
from runtime.media.detect.answering import AnsweringMachine
from runtime.media.detect.beep import BeepFinder
from runtime.media.detect.dtmf import InBandDigits
from runtime.media.detect.progress import ProgressTones, country_code
from runtime.media.detect.spectrum import Glimpse, Spectrum
from runtime.media.detect.voice import VoiceActivity, VoiceFrames
from runtime.media.findings import (
    BeepHeard,
    Detection,
    DetectionRefused,
    Finding,
    MachineJudged,
    ProgressToneHeard,
    VoiceChanged,
)
from runtime.media.frames import FADE, FrameTable, Samples
from runtime.media.port import (
    ToneReceivedFromPeer,
)
from runtime.media.rtp.header import Bools

from .leg import Leg
from .legs import Legs

OnFinding = Callable[[Leg, Finding | ToneReceivedFromPeer], None]

MAX_LISTENED: Final = 300
"""Legs whose voices and tones are listened to at once: 10 to 25 us each and frame, a third of a
tick at most. Digits cost so little that every leg may have them. One application has three quarters
at most (decisions/seats.py)."""
PATIENCE_FRAMES: Final = 3
"""So many lost frames are passed over; more of them are silence."""
_SILENCE: Final = Glimpse(level_db=-96.0)


@attrs.define
class _Ears:
    """What one leg is listened to with, digits apart."""

    leg: Leg
    what: Detection
    owner: str
    """Whose place it takes."""
    frames: VoiceFrames | None = None
    activity: VoiceActivity | None = None
    machine: AnsweringMachine | None = None
    beep: BeepFinder | None = None
    progress: ProgressTones | None = None
    lost: int = 0
    """Frames in a row."""

    @property
    def spectral(self) -> bool:
        return self.beep is not None or self.progress is not None

    def ask(self, what: Detection) -> None:
        """What is asked for anew begins; what was asked for before goes on."""
        before, self.what = self.what, what
        if what.voice != (self.activity is not None):
            self.activity = VoiceActivity() if what.voice else None
        if what.machine != before.machine:
            self.machine = AnsweringMachine() if what.machine else None
        if what.beeps_hz != before.beeps_hz:
            self.beep = None if what.beeps_hz is None else BeepFinder(what.beeps_hz)
        if what.progress_of != before.progress_of:
            country = country_code(what.progress_of or "")
            self.progress = None if country is None else ProgressTones(country)
        if self.activity is None and self.machine is None:
            self.frames = None
        elif self.frames is None:
            self.frames = VoiceFrames()


class Detectors:
    """All legs' detectors."""

    def __init__(self, legs: Legs, frames: FrameTable, emit: OnFinding) -> None:
        self._legs = legs
        self._frames = frames
        self._emit = emit
        self._digits = InBandDigits(legs.capacity)
        self._spectrum = Spectrum(legs.capacity)
        self._ears: dict[int, _Ears] = {}
        self._seats = Seats(MAX_LISTENED)
        self.unheard: dict[int, Samples] = {}
        """What legs (by number) said in this frame and nobody else hears."""

    @property
    def listening(self) -> bool:
        """Whether anything is listened for, or a digit still fades."""
        return bool(self._ears) or self._digits.listening or bool(self.unheard)

    def watch(self, leg: Leg, what: Detection) -> None:
        """Listen for exactly this from now on."""
        if what.digits:
            self._digits.listen(leg.index)
        else:
            self._digits.forget(leg.index)
        if attrs.evolve(what, digits=False) == Detection():
            self._listen_no_more(leg)
            return
        ears = self._ears.get(leg.index)
        if ears is None:
            if not self._seats.take(what.owner):
                self._emit(leg, DetectionRefused(reason=self._why_not(what.owner)))
                return
            ears = self._ears[leg.index] = _Ears(leg, Detection(), what.owner)
            self._spectrum.reset(leg.index)
        ears.ask(what)

    def forget(self, leg: Leg) -> None:
        """The leg is gone."""
        self._digits.forget(leg.index)
        self._listen_no_more(leg)
        self.unheard.pop(leg.index, None)

    def _listen_no_more(self, leg: Leg) -> None:
        ears = self._ears.pop(leg.index, None)
        if ears is not None:
            self._seats.leave(ears.owner)

    def _why_not(self, owner: str) -> str:
        own = self._seats.held_by(owner)
        others = self._seats.taken - own
        return (
            f"{own} legs of this application and {others} of others are being listened to already; "
            "try again later"
        )

    def hear(self, arrived: Bools) -> None:
        """This frame of all legs; `arrived`: it came from the peer and was not made up."""
        rows = self._frames.of_legs(len(arrived))
        # Before the digits are taken out, or every key would end a beep.
        if self._ears:
            self._hear_voices(rows, arrived)
            self._hear_tones(rows, arrived)
        self._hear_digits(rows, arrived)

    # --- digits ---------------------------------------------------------------------------------

    def _hear_digits(self, rows: Samples, arrived: Bools) -> None:
        heard = self._digits.hear(rows, ~arrived)
        for press in heard.presses:
            leg = self._legs.by_index[press.leg]
            assert leg is not None, "a leg that is gone is forgotten"
            tone = ToneReceivedFromPeer(
                tone=press.digit, duration_ms=press.duration_ms, in_band=True
            )
            self._emit(leg, tone)
        if not len(heard.sounding) and not self.unheard:
            return
        before, self.unheard = self.unheard, {}
        for index in heard.sounding.tolist():
            row = rows[index]
            self.unheard[index] = row.copy()
            beginning = row[: len(FADE)] * FADE[::-1]
            row[:] = 0
            self._frames.wide[self._frames.of_leg(index)] = 0
            if index not in before:
                row[: len(FADE)] = beginning
        for index in before.keys() - self.unheard.keys():
            rows[index, : len(FADE)] = rows[index, : len(FADE)] * FADE

    # --- voices ---------------------------------------------------------------------------------

    def _hear_voices(self, rows: Samples, arrived: Bools) -> None:
        for index, ears in self._ears.items():
            if ears.frames is None:
                continue
            voiced = bool(arrived[index]) and ears.frames.hear(rows[index])
            if ears.activity is not None:
                changed = ears.activity.hear(voiced)
                if changed is not None:
                    self._emit(ears.leg, VoiceChanged(active=changed))
            if ears.machine is not None:
                judged = ears.machine.hear(voiced)
                if judged is not None:
                    ears.machine = None
                    self._emit(
                        ears.leg,
                        MachineJudged(
                            human=judged.human, rule=judged.rule.value, words=judged.words
                        ),
                    )

    # --- tones ----------------------------------------------------------------------------------

    def _hear_tones(self, rows: Samples, arrived: Bools) -> None:
        asked = [(index, ears) for index, ears in self._ears.items() if ears.spectral]
        if not asked:
            return
        legs = np.array([index for index, _ in asked], dtype=np.int64)
        glimpses = self._spectrum.look(legs, rows[legs])
        for (index, ears), seen in zip(asked, glimpses, strict=True):
            ears.lost = 0 if arrived[index] else ears.lost + 1
            if not ears.lost:
                self._hear_glimpse(ears, seen)
            elif ears.lost > PATIENCE_FRAMES:
                self._hear_glimpse(ears, _SILENCE)

    def _hear_glimpse(self, ears: _Ears, seen: Glimpse) -> None:
        if ears.beep is not None:
            beep = ears.beep.hear(seen)
            if beep is not None:
                self._emit(
                    ears.leg,
                    BeepHeard(frequency_hz=beep.frequency_hz, duration_ms=beep.duration_ms),
                )
        if ears.progress is not None:
            found = ears.progress.hear(seen)
            if found is not None:
                self._emit(
                    ears.leg,
                    ProgressToneHeard(tone=found.value, country=ears.progress.country),
                )
