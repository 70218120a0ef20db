"""Key presses between legs: reported to the core, passed on to listeners, or sent for a script.

A leg that handles its tones reports presses and nobody hears them; otherwise they go on to the legs
that hear it, with the timestamps of those legs. Peers that did not negotiate telephone-event get
the tone itself, in place of what they would hear.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from runtime.media.dtmf import PressEnded, PressStarted
from runtime.media.frames import FRAME, RATE_HZ, WIDE_FRAME, WIDE_RATE_HZ, Samples
from runtime.media.mixing import cross_fade
from runtime.media.port import DigitsSent, ToneReceivedFromPeer
from runtime.media.tones import dtmf_samples

from .leg import Leg
from .legs import Legs
from .routes import Routes

OnTone = Callable[[Leg, ToneReceivedFromPeer | DigitsSent], None]


class Signalling:
    """Telephone events of all legs; touches only legs on which a key is down or due."""

    def __init__(self, legs: Legs, routes: Routes, emit: OnTone) -> None:
        self._legs = legs
        self._routes = routes
        self._emit = emit
        self._pressed: set[Leg] = set()
        self._sending: set[Leg] = set()

    @property
    def idle(self) -> bool:
        """Whether no key is down or due on any leg."""
        return not (self._sending or self._pressed)

    @property
    def sending(self) -> bool:
        """Whether anything is due to be sent in place of audio."""
        return bool(self._sending)

    # --- receiving ------------------------------------------------------------------------------

    def on_press(self, leg: Leg, press: PressStarted | PressEnded) -> None:
        """Something the leg's event receiver found."""
        if isinstance(press, PressStarted):
            self._pressed.add(leg)
            if not leg.handles_tones:
                leg.passing_to = self._sent_to(self._routes.legs_hearing(leg.id))
            for listener in leg.passing_to:
                listener.sender.press(press.digit)
                self._sending.add(listener)
            return
        for listener in leg.passing_to:
            listener.sender.release(press.digit)
        leg.passing_to = []
        if leg.handles_tones:
            tone = ToneReceivedFromPeer(tone=press.digit, duration_ms=press.duration_ms)
            self._emit(leg, tone)

    def on_time(self, now: float) -> None:
        """Presses whose end packets were lost end by themselves."""
        for leg in list(self._pressed):
            for press in leg.receiver.on_time(now):
                self.on_press(leg, press)
            if not leg.receiver.pressed:
                self._pressed.discard(leg)

    # --- sending --------------------------------------------------------------------------------

    def queue(self, leg: Leg, digits: str) -> None:
        leg.sender.queue(digits)
        self._sending.add(leg)

    def forget(self, leg: Leg) -> None:
        """The leg is gone; keys it held down on others come up."""
        for listener in leg.passing_to:
            listener.sender.release_all()
        self._pressed.discard(leg)
        self._sending.discard(leg)

    def play_in_band(self, heard: Samples, heard_wide: Samples) -> None:
        """Tones for legs without telephone-event, into what they hear."""
        for leg in self._due():
            if _by_event(leg):
                continue
            tone = leg.sender.on_frame_in_band()
            if tone is not None:
                heard[leg.index] = _tone(*tone, FRAME, RATE_HZ)
                heard_wide[leg.index] = _tone(*tone, WIDE_FRAME, WIDE_RATE_HZ)

    def replace_audio(self) -> set[int]:
        """Telephone-event packets in place of the audio packets just prepared; on which legs."""
        sending = self._legs.sending
        replaced: set[int] = set()
        for leg in self._due():
            if _by_event(leg):
                assert leg.stream is not None
                assert leg.stream.dtmf_send_payload_type is not None
                packet = leg.sender.on_frame(sending.frame_timestamp(leg.index))
                if packet is not None:
                    replaced.add(leg.index)
                    view = sending.replace_by_event(
                        leg.index,
                        packet.payload,
                        packet.timestamp,
                        packet.marker,
                        leg.stream.dtmf_send_payload_type,
                    )
                    sealed = self._legs.sealing.seal_instead(leg.index, view)
                    self._legs.sockets.send_instead(leg.index, sealed)
        for leg in list(self._sending):
            if leg.sender.take_announcement():
                self._emit(leg, DigitsSent())
            if not leg.sender.busy:
                self._sending.discard(leg)
        return replaced

    def _due(self) -> list[Leg]:
        """Legs that send; the digits of a held leg wait until it is taken off hold."""
        return self._sent_to(self._sending)

    def _sent_to(self, legs: Iterable[Leg]) -> list[Leg]:
        """Those that are not on hold; a press is like a word, and is heard now or never."""
        return [leg for leg in legs if self._legs.sending.active[leg.index]]


def _by_event(leg: Leg) -> bool:
    return leg.stream is not None and leg.stream.dtmf_send_payload_type is not None


def _tone(digit: str, start: int, last: bool, frame: int, rate_hz: int) -> Samples:
    """A frame of a key press, without a click at its ends; `start` counts samples at 8 kHz."""
    samples = dtmf_samples(digit, start * rate_hz // RATE_HZ, frame, rate_hz)
    silence = np.zeros_like(samples)
    if start == 0:
        samples = cross_fade(silence, samples)
    if last:
        samples = cross_fade(silence, samples[::-1])[::-1]
    return samples
