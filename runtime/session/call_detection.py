"""What a script wants to know of a call's audio: beeps, voices, machines, progress tones, figures.

The engine only tells what it hears; what was asked for, for how long, and what the answer is called
is kept here. Beeps, machines and progress tones are listened for once the call is connected: before
that, ringing and announcements would be taken for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, assert_never

import attrs

from runtime.decisions.call_state import Phase
from runtime.decisions.quality import loss_of, mos_of
from runtime.media.findings import (
    BeepHeard,
    Detection,
    DetectionRefused,
    Finding,
    MachineJudged,
    ProgressToneHeard,
    VoiceChanged,
)
from runtime.media.port import (
    LegMeasured,
    LegStatistics,
    MediaLeg,
)

if TYPE_CHECKING:
    from runtime.session.call_leg import CallLeg

HUMAN: Final = "HUMAN"
VOICEMAIL: Final = "VOICEMAIL"
TIMEOUT: Final = "TIMEOUT"
CALL_ENDED: Final = "CALL_ENDED"
CONFIDENCE: Final = {
    "silence instead of a greeting": 60,
    "a long greeting": 85,
    "many words": 80,
    "a short greeting, then silence": 75,
}
"""In percent, by the rule that decided: an order, not a measurement."""


@attrs.frozen
class _MachineSearch:
    """A detector of the script, and how long it waits."""

    unit: int
    timeout_ms: int


class CallDetection:
    """Belongs to one CallLeg."""

    def __init__(self, call: CallLeg) -> None:
        self._call = call
        self._media: MediaLeg | None = None
        self._asked = Detection(owner=call.session.application)
        self._told = Detection()
        """What the engine was asked for last."""
        self._beep_timeout_s = 0.0
        self._machine: _MachineSearch | None = None
        self._interval_s = 0.0
        self._progress_told = False
        self._wideband: bool | None = None
        self._quality_told = False

    def attach(self, media: MediaLeg) -> None:
        self._media = media
        self._ask()

    def connected(self) -> None:
        """What waited for the connection begins."""
        if self._asked.beeps_hz is not None:
            self._begin_beep()
        if self._machine is not None:
            self._begin_machine(self._machine)
        if self._interval_s:
            self._measure_later()
        self._tell_quality()
        self._ask()

    def call_ended(self) -> None:
        """Nothing is told after the call's own last event."""
        for alarm in ("beep", "amd", "statistics"):
            self._call.session.alarms.clear((alarm, self._call.unit))
        if self._machine is not None:
            self._machine_result(CALL_ENDED, 100)

    @property
    def _connected(self) -> bool:
        return self._call.phase is Phase.CONNECTED

    def _want(self, **changes: Any) -> None:
        self._asked = attrs.evolve(self._asked, **changes)
        self._ask()

    def _ask(self) -> None:
        asked = self._asked
        if not self._connected:
            asked = attrs.evolve(asked, beeps_hz=None, machine=False, progress_of=None)
        if self._media is not None and asked != self._told:
            self._told = asked
            self._media.detect(asked)

    def _alarm(self, name: str, delay_s: float, action: Any) -> None:
        self._call.session.alarms.set((name, self._call.unit), delay_s, action)

    # --- what the script asks for ---------------------------------------------------------------

    def digits(self, wanted: bool) -> None:
        """Presses in the audio."""
        self._want(digits=wanted)

    def voice(self, wanted: bool) -> None:
        """handleMicStatus."""
        self._want(voice=wanted)

    def beep(self, frequencies_hz: Sequence[float], timeout_ms: int) -> None:
        """enableBeepDetection; a second one begins anew."""
        self._want(beeps_hz=None)
        self._beep_timeout_s = timeout_ms / 1000
        self._want(beeps_hz=tuple(frequencies_hz))
        if self._connected:
            self._begin_beep()

    def no_beep(self) -> None:
        """disableBeepDetection."""
        if self._asked.beeps_hz is not None:
            self._beep_over([], timeout=False)

    def machine(self, unit: int, timeout_ms: int) -> bool:
        """A detector begins with the connection; False when the call has one already."""
        if self._machine is not None:
            return False
        self._machine = _MachineSearch(unit, timeout_ms)
        if self._connected:
            self._begin_machine(self._machine)
        return True

    def progress(self, country: str) -> None:
        """detectProgressTone."""
        self._want(progress_of=country)

    def monitor(self, interval_s: float) -> None:
        """monitorMediaStatistics; 0 ends it."""
        self._interval_s = interval_s
        self._call.session.alarms.clear(("statistics", self._call.unit))
        if interval_s and self._connected:
            self._measure_later()

    # --- what was heard -------------------------------------------------------------------------

    def quality(self, wideband: bool) -> None:
        """The first packet came, of a codec of this kind."""
        self._wideband = wideband
        self._tell_quality()

    def found(self, finding: Finding | LegMeasured) -> None:
        """The engine heard something; what nobody asks about any more is dropped."""
        match finding:
            case BeepHeard(frequency_hz=hz):
                if self._asked.beeps_hz is not None:
                    self._beep_over([hz], timeout=None)
            case VoiceChanged(active=active):
                if self._asked.voice:
                    self._call.emit("MicStatusChange", active=active)
            case MachineJudged():
                self._on_judged(finding)
            case ProgressToneHeard(tone=tone, country=country):
                self._on_progress(tone, country)
            case DetectionRefused(reason=reason):
                self._on_refused(reason)
            case LegMeasured(statistics=statistics):
                audio = audio_statistics(statistics)
                self._call.emit("MediaStatisticsReceived", audio=audio)
            case _:
                assert_never(finding)

    def _tell_quality(self) -> None:
        if self._connected and self._wideband is not None and not self._quality_told:
            self._quality_told = True
            self._call.emit("AudioQualityDetected", quality="HD" if self._wideband else "STANDARD")

    # --- beeps ----------------------------------------------------------------------------------

    def _begin_beep(self) -> None:
        self._alarm("beep", self._beep_timeout_s, lambda: self._beep_over([], timeout=True))

    def _beep_over(self, frequencies: list[float], *, timeout: bool | None) -> None:
        self._call.session.alarms.clear(("beep", self._call.unit))
        self._want(beeps_hz=None)
        self._call.emit("BeepDetectionComplete", frequencies=frequencies, timeout=timeout)
        for frequency in frequencies:
            self._call.emit("VoicemailToneDetected", frequency=frequency)
        if timeout:
            self._call.emit("VoicemailToneNotDetected")

    # --- machines -------------------------------------------------------------------------------

    def _begin_machine(self, search: _MachineSearch) -> None:
        self._want(machine=True)
        self._call.emit("AudioIdentificationStarted")
        delay_s = search.timeout_ms / 1000
        self._alarm("amd", delay_s, lambda: self._machine_result(TIMEOUT, 0))

    def _on_judged(self, judged: MachineJudged) -> None:
        if self._machine is None:
            return
        self._note(f"who answered: {judged.rule}", words=judged.words)
        if judged.human is not None:  # else the detector's own time-out follows
            result = HUMAN if judged.human else VOICEMAIL
            self._machine_result(result, CONFIDENCE.get(judged.rule, 50))

    def _machine_result(self, result: str, confidence: int) -> None:
        search, self._machine = self._machine, None
        if search is None:
            return
        began = self._asked.machine
        self._want(machine=False)
        subtype = "NONE"
        if began:
            self._call.emit(
                "AudioIdentificationResult",
                audioType=result,
                audioSubType=subtype,
                confidence=confidence,
            )
        self._tell_detector(
            search,
            "DetectionComplete",
            resultClass=result,
            resultSubtype=subtype,
            confidence=confidence,
        )
        if began:
            self._call.emit("AudioIdentificationStopped")

    def _tell_detector(self, search: _MachineSearch, name: str, **fields: Any) -> None:
        """The detector's only event; nothing is left of it."""
        session = self._call.session
        session.alarms.clear(("amd", self._call.unit))
        fields["callId"] = self._call.id
        session.events.emit(f"AMD.{name}", unit=search.unit, fields=fields)
        session.units.drop(search.unit)

    def _on_refused(self, reason: str) -> None:
        """The engine listens to as many legs as it can."""
        self._note(f"not listened to: {reason}")
        if self._asked.beeps_hz is not None:
            self._call.session.alarms.clear(("beep", self._call.unit))
            self._call.emit("BeepDetectionError", reason=reason)
            self._call.emit("VoicemailToneNotDetected")
        search, self._machine = self._machine, None
        if search is not None:
            self._call.emit("AudioIdentificationError")
            self._tell_detector(search, "DetectionError", message=reason)
        self._want(voice=False, beeps_hz=None, machine=False, progress_of=None)

    # --- progress tones, figures ----------------------------------------------------------------

    def _on_progress(self, tone: str, country: str) -> None:
        if self._asked.progress_of is None or self._progress_told:
            return
        self._progress_told = True
        self._want(progress_of=None)
        self._note(f"progress tone: {tone} of {country}")
        self._call.emit("ToneDetected", ProgressTone=True, VoicemailTone=False)

    def _measure_later(self) -> None:
        self._alarm("statistics", self._interval_s, self._measure)

    def _measure(self) -> None:
        if self._media is not None:
            self._media.measure()
        self._measure_later()

    def _note(self, what: str, **detail: Any) -> None:
        self._call.session.timeline.record("media", what, leg=self._call.id, **detail)


def audio_statistics(statistics: LegStatistics) -> dict[str, Any]:
    """MediaStatisticsReceived.audio: counters since the leg began; times in milliseconds."""
    return {
        "incoming": {
            "packets": statistics.packets_received,
            "octets": statistics.octets_received,
            "lost": statistics.packets_lost,
            "late": statistics.packets_late,
            "duplicated": statistics.packets_duplicated,
            "loss": round(loss_of(statistics), 4),
            "jitter": statistics.jitter_ms,
            "maxGap": statistics.max_gap_ms,
            "mos": mos_of(statistics),
        },
        "outgoing": {
            "packets": statistics.packets_sent,
            "octets": statistics.octets_sent,
            "lost": statistics.remote_packets_lost,
            "loss": statistics.remote_loss_fraction,
            "jitter": statistics.remote_jitter_ms,
        },
        "roundTrip": statistics.round_trip_ms,
    }
