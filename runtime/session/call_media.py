"""The audio side of one call: digits, first packets, lost streams, and its recording."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from runtime.decisions.call_state import CAN_HEAR
from runtime.decisions.problems import Calls
from runtime.decisions.quality import mos_of
from runtime.decisions.tones import PRESSES, ToneGate, Way
from runtime.media.findings import Finding
from runtime.media.port import (
    AudioMissing,
    DigitsSent,
    FirstPacketReceived,
    LegClosed,
    LegMeasured,
    LegMediaEvent,
    MediaLeg,
    MediaLost,
    MediaRecorder,
    RtpResumed,
    RtpStopped,
    ToneReceivedFromPeer,
)
from runtime.session.calls import Side
from runtime.session.info_digits import InfoDigits
from runtime.session.recording import RecordingJob, RecordingOrder
from runtime.session.timeline import seconds

if TYPE_CHECKING:
    from runtime.session.call_leg import CallLeg

STOPPED: Final = "Stopped by user"
"""The reason that VoxEngine's logs show when the call of a recording ends."""
MAX_HELD_DIGITS: Final = 1_024
"""Before the answer; four times the longest string of digits that can be sent at once."""


LiveEvent = (
    FirstPacketReceived
    | ToneReceivedFromPeer
    | DigitsSent
    | RtpStopped
    | RtpResumed
    | AudioMissing
    | Finding
    | LegMeasured
    | MediaLost
)
"""All but the last event of a leg."""


class DigitsRefused(Exception):
    """The digits cannot be sent; str() says why."""


class CallMedia:
    """Belongs to one CallLeg."""

    def __init__(self, call: CallLeg) -> None:
        self._call = call
        self._media: MediaLeg | None = None
        self._gate = ToneGate()
        self._recording: RecordingJob | None = None
        self._held_recording: RecordingOrder | None = None
        self._digits: list[str] = []
        self._info_digits = InfoDigits(call)

    def attach(self, media: MediaLeg) -> None:
        """The leg is there; what was asked for before is made good."""
        self._media = media
        media.listen(self._call.session.tasks.edge(self._on_media_event))
        self._tell_of_tones()
        self._call.detection.attach(media)

    # --- digits ---------------------------------------------------------------------------------

    def handle_tones(self, handle: bool, kinds: int) -> None:
        self._gate.handle(handle, kinds)
        self._tell_of_tones()

    def _tell_of_tones(self) -> None:
        if self._media is not None:
            self._media.handle_tones(self._gate.wants_rfc4733)
        self._call.detection.digits(self._gate.wants_in_band)

    def send_digits(self, digits: str) -> None:
        """Now, or as soon as the peer can hear them. Raises DigitsRefused."""
        if self._media is not None and self._call.phase in CAN_HEAR:
            self._send_digits(self._media, digits)
        elif sum(map(len, self._digits)) + len(digits) > MAX_HELD_DIGITS:
            raise DigitsRefused(
                f"more than {MAX_HELD_DIGITS} digits wait for the answer; nothing was sent"
            )
        else:
            self._digits.append(digits)

    def _send_digits(self, media: MediaLeg, digits: str) -> None:
        leg = self._call.leg
        if leg is not None and leg.digits_by_info:
            self._info_digits.send(digits)
        else:
            media.send_digits(digits)

    def tone(self, tone: str, way: Way, duration_s: float = 0.0) -> None:
        """The peer pressed a key, for so long."""
        listened = self._gate.wants_in_band
        if self._gate.admit(tone, way, self._call.session.now(), duration_s):
            self._call.emit("ToneReceived", tone=tone, type=way.value)
        elif way is Way.SIP_INFO and not self._gate.handled and tone in PRESSES:
            self._pass_on(tone)
        if self._gate.wants_in_band is not listened:
            self._call.detection.digits(self._gate.wants_in_band)

    def _pass_on(self, tone: str) -> None:
        """Unhandled digits pass through the bridge; those in the audio do so by themselves."""
        direct = self._call.direct_peer
        if direct is not None:
            direct.media.pass_by_info(tone)
            return
        for sink in self._call.session.routes.heard_by(self._call.unit):
            other = self._call.session.units.get(sink) if isinstance(sink, int) else None
            if isinstance(other, type(self._call)) and other is not self._call:
                other.media.send_digits(tone)

    # --- the engine -----------------------------------------------------------------------------

    def _on_media_event(self, event: LegMediaEvent) -> None:
        if isinstance(event, LegClosed):
            figures = attrs.asdict(event.statistics)
            self._note("audio of the leg closed", **figures, mos=mos_of(event.statistics))
        elif self._call.alive:
            self._on_live_event(event)
        if isinstance(event, LegClosed | MediaLost):
            self._call.session.calls.said_last(self._call, Side.AUDIO)

    def _on_live_event(self, event: LiveEvent) -> None:
        match event:
            case FirstPacketReceived(wideband=wideband):
                self._call.emit("FirstAudioPacketReceived")
                self._call.detection.quality(wideband)
            case ToneReceivedFromPeer(tone=tone, in_band=in_band, duration_ms=ms):
                self.tone(tone, Way.IN_BAND if in_band else Way.RFC4733, ms / 1000)
            case DigitsSent():
                self._note("digits sent")
            case RtpStopped():
                self._call.emit("RtpStopped")
            case RtpResumed():
                self._call.emit("RtpResumed")
            case AudioMissing(cause=cause):
                self._note(f"no audio from the peer for 2 s: {cause}")
            case MediaLost():
                self._note("the media engine was lost")
                self._call.refuse(Calls.AUDIO_LOST, "the media engine was lost")
            case _:
                self._call.detection.found(event)

    def pass_by_info(self, tone: str) -> None:
        """A digit of the other peer of a direct call, which the audio does not carry."""
        self._info_digits.send(tone)

    def _note(self, what: str, **detail: Any) -> None:
        self._call.session.timeline.record("media", what, leg=self._call.id, **detail)

    # --- recording ------------------------------------------------------------------------------

    def record(self, order: RecordingOrder) -> None:
        """Now, or as soon as there is something to hear; one recording at a time."""
        if self._recording is not None or self._held_recording is not None:
            self.recording_failed("this call is being recorded already", of_this=False)
        elif self._call.phase in CAN_HEAR:
            self._start_recording(order)
        else:
            self._held_recording = order

    def leg_hears(self) -> None:
        """The peer hears us from now on: what was asked for before is made good."""
        order, self._held_recording = self._held_recording, None
        if order is not None:
            self._start_recording(order)
        held, self._digits = self._digits, []
        if self._media is not None:
            for digits in held:
                self._send_digits(self._media, digits)

    def finish_recording(self) -> bool:
        """The call is over; whether RecordStopped follows."""
        if self._recording is None:
            return False
        self._recording.close()
        return True

    def passes_by(self) -> None:
        """The audio is not here any more: what was asked for before cannot be done."""
        order, self._held_recording = self._held_recording, None
        self._digits = []
        if order is not None:
            self.recording_failed("the audio of this call passes directly between its peers")

    def _start_recording(self, order: RecordingOrder) -> None:
        self._recording = self._call.session.recordings.start(order, self, self._tap)

    def _tap(self, recorder: MediaRecorder) -> None:
        if self._media is not None:
            recorder.tap_leg(self._media)

    def recording_started(self, url: str) -> None:
        self._call.emit("RecordStarted", url=url)

    def recording_stopped(self, url: str, duration_s: float) -> None:
        cost = self._call.session.settings.rates.recording(duration_s)
        self._call.emit(
            "RecordStopped", url=url, cost=cost, duration=seconds(duration_s), reason=STOPPED
        )
        self._recording_over()

    def recording_failed(self, error: str, *, of_this: bool = True) -> None:
        self._call.emit("RecordError", error=error)
        if of_this:
            self._recording_over()

    def recording_dropped(self) -> None:
        self._recording_over()

    def _recording_over(self) -> None:
        self._recording = None
        if not self._call.alive:
            self._call.released()
