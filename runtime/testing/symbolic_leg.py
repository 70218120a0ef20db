"""The audio side of a simulated call leg: what its person says, hears and presses.

The session's side is the MediaLeg port; the person's side (`says`, `presses`, `ear`, `digits`) is
driven by SimCaller and SimCallee. A leg holds one inbound edge: a new one replaces the old.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

import attrs
import trio

from runtime.media.findings import Detection
from runtime.media.port import (
    DigitsSent,
    FirstPacketReceived,
    LegAddress,
    LegClosed,
    LegMeasured,
    LegMediaEvent,
    LegMediaListener,
    LegStatistics,
    MediaLost,
    RtpResumed,
    RtpStopped,
    RtpStream,
    ToneReceivedFromPeer,
)
from runtime.testing.agenda import Act, Agenda, Appointment, Signal
from runtime.testing.hearing import Audio, Ear
from runtime.testing.symbolic_ears import SymbolicEars
from runtime.testing.symbolic_nodes import (
    OnClose,
    SymbolicNode,
    SymbolicSource,
    Tapped,
)

DIGIT_S: Final = 0.1
"""Length of a key press, ours or theirs (the port: 100 ms tone, 100 ms gap)."""
DIGIT_GAP_S: Final = 0.1
DIGIT_PAUSE_S: Final = 0.5
"""What `p` waits in send_digits."""
SILENCE_BEFORE_STOPPED_S: Final = 5.0
"""How long a peer sends nothing before RtpStopped (the port)."""
PACKETS_PER_SECOND: Final = 50
OCTETS_PER_PACKET: Final = 172
"""160 of G.711 and the RTP header."""


@attrs.frozen(kw_only=True)
class DigitHeard:
    """A key press that reached this leg's person."""

    t: float
    digit: str


class SymbolicLeg(Tapped):
    """MediaLeg of a simulated call."""

    def __init__(self, agenda: Agenda, on_close: OnClose, address: LegAddress) -> None:
        super().__init__(agenda, on_close)
        self._address = address
        self.name = "leg"
        self.ear = Ear()
        self.digits: list[DigitHeard] = []
        self.signal = Signal()
        self._listener: LegMediaListener | None = None
        self._early_events: list[LegMediaEvent] = []
        self._stream: RtpStream | None = None
        self._opened = agenda.now()
        self._got_packet = False
        self._handling_tones = False
        self._passes_by = False
        self._voice: dict[Audio, None] = {}
        self._digits_sent_at = 0.0
        self._busy_until: dict[str, float] = {}
        self._silent: Appointment | None = None
        self._stopped = False
        self._ears = SymbolicEars(agenda, self._tell, lambda: self._speaks)

    # --- the session's side: MediaLeg ---

    @property
    def address(self) -> LegAddress:
        return self._address

    def listen(self, listener: LegMediaListener) -> None:
        self._listener = listener
        early, self._early_events = self._early_events, []
        for event in early:
            listener(event)

    def configure(self, stream: RtpStream) -> None:
        if self.closed:
            return
        self._stream = stream
        if stream.receiving and not self._got_packet:
            self._got_packet = True
            self._agenda.after(1 / PACKETS_PER_SECOND, lambda: self._tell(FirstPacketReceived()))
        self.refresh()
        self.changed()

    def handle_tones(self, handle: bool) -> None:
        self._handling_tones = handle and not self._passes_by

    def detect(self, what: Detection) -> None:
        if not self.closed and not self._passes_by:
            self._ears.detect(what)

    def measure(self) -> None:
        self._agenda.after(0, lambda: self._tell(LegMeasured(statistics=self._statistics())))

    def send_digits(self, digits: str) -> None:
        if self.closed:
            return
        at = max(self._digits_sent_at, self._agenda.now())
        for digit in digits:
            if digit == "p":
                at += DIGIT_PAUSE_S
            else:
                self._agenda.after(at - self._agenda.now(), partial(self._digit_arrives, digit))
                at += DIGIT_S + DIGIT_GAP_S
        self._digits_sent_at = at
        self._agenda.after(at - self._agenda.now(), self._digits_are_sent)

    def _digits_are_sent(self) -> None:
        if self._agenda.now() >= self._digits_sent_at:
            self._tell(DigitsSent())

    # --- the person's side ---

    def pass_by(self) -> None:
        """The person's audio goes to another person directly: the session hears nothing of it."""
        self._passes_by, self._handling_tones = True, False
        self._ears.close()

    def take_turn(self, what: str, seconds: float) -> tuple[float, float]:
        """From when to when the person does this: after what it does already of that kind."""
        begin = max(self._busy_until.get(what, 0.0), self._agenda.now())
        self._busy_until[what] = begin + seconds
        return begin, begin + seconds

    def at(self, when: float, action: Callable[[], None]) -> Act:
        """Do something at a trio time."""
        done = trio.Event()

        def act() -> None:
            action()
            done.set()

        self._agenda.after(when - self._agenda.now(), act)
        return Act(done)

    def later(self, seconds: float, action: Callable[[], None]) -> Appointment:
        """Do something after so much time, unless it is cancelled."""
        return self._agenda.after(seconds, action)

    def begins(self, audio: Audio) -> None:
        """The person makes this sound from now on."""
        self._voice[audio] = None
        self._voice_changed()

    def stops(self, audio: Audio) -> None:
        self._voice.pop(audio, None)
        self._voice_changed()

    def presses(self, tone: str, seconds: float = DIGIT_S, *, in_band: bool = False) -> None:
        """One key as RFC 4733, or in the audio. As in the engine it is reported when it ends: an
        event when such tones are handled by then, else it was sound for whoever hears this leg."""
        if self.closed or self._stream is None or not self._stream.receiving:
            return
        audio = Audio(what=tone, kind="digit", source=self.name)
        if not self._handles(in_band):
            self.begins(audio)
        self._agenda.after(seconds, partial(self._released, tone, seconds, audio, in_band))

    def _handles(self, in_band: bool) -> bool:
        return self._ears.wanted.digits if in_band else self._handling_tones

    def _released(self, tone: str, seconds: float, audio: Audio, in_band: bool) -> None:
        self.stops(audio)
        if self._handles(in_band):
            press = ToneReceivedFromPeer(
                tone=tone, duration_ms=round(seconds * 1000), in_band=in_band
            )
            self._tell(press)
            return
        if in_band:
            return  # whoever heard it heard the tone
        for sink in list(self._sinks):
            if isinstance(sink, SymbolicLeg):
                sink._digit_arrives(tone)

    def beeps(self, audio: Audio, hz: float, seconds: float) -> None:
        """An answering machine's beep is over."""
        self.stops(audio)
        if self._stream is not None and self._stream.receiving:
            self._ears.beep(hz, seconds)

    def signals_progress(self, tone: str, country: str) -> None:
        """An exchange's tone has sounded for as long as it takes to know it."""
        if self._stream is not None and self._stream.receiving:
            self._ears.progress(tone, country)

    @property
    def _speaks(self) -> bool:
        return any(audio.kind == "voice" for audio in self.saying)

    def goes_silent(self) -> None:
        """The peer's packets stop, as when its network is gone."""
        self._silent = self._agenda.after(SILENCE_BEFORE_STOPPED_S, self._rtp_stopped)

    def comes_back(self) -> None:
        """The peer's packets come again."""
        if self._silent is not None:
            self._silent.cancel()
            self._silent = None
        if self._stopped:
            self._stopped = False
            self._tell(RtpResumed())

    def _rtp_stopped(self) -> None:
        self._stopped = True
        self._tell(RtpStopped())

    # --- edges ---

    def attached(self, source: SymbolicSource) -> None:
        for old in [old for old in self._sources if old is not source]:
            old.disconnect(self)
        super().attached(source)

    def sounding(self, listener: SymbolicNode, through: frozenset[SymbolicNode]) -> list[Audio]:
        return list(self.saying)

    @property
    def saying(self) -> Iterable[Audio]:
        receiving = self._stream is not None and self._stream.receiving
        return list(self._voice) if receiving and not self.closed else []

    @property
    def hearing(self) -> Iterable[Audio]:
        return self.ear.sounding

    def refresh(self) -> None:
        sending = self._stream is not None and self._stream.sending and not self.closed
        if self.ear.hear(self.incoming() if sending else (), self._agenda.now()):
            self.tell_taps()
            self.signal.notify()

    def _voice_changed(self) -> None:
        self.changed()
        self.tell_taps()
        self._ears.voice_changed()

    def _digit_arrives(self, digit: str) -> None:
        if not self.closed:
            self.digits.append(DigitHeard(t=self._agenda.now(), digit=digit))
            self.signal.notify()

    # --- events and the end ---

    def _tell(self, event: LegMediaEvent) -> None:
        if (self.closed or self._passes_by) and not isinstance(event, LegClosed | MediaLost):
            return
        if self._listener is None:
            self._early_events.append(event)
        else:
            self._listener(event)

    def _release(self) -> None:
        self._drop()
        closed = LegClosed(statistics=self._statistics())
        self._agenda.after(0, lambda: self._tell(closed))

    def lose(self) -> None:
        if not self.closed:
            super().lose()
            self._agenda.after(0, lambda: self._tell(MediaLost()))

    def _drop(self) -> None:
        self._voice.clear()
        self._ears.close()
        if self._silent is not None:
            self._silent.cancel()
        self.cut()
        self.detach_all()
        self.refresh()

    def _statistics(self) -> LegStatistics:
        if self._stream is None or self._passes_by:
            return LegStatistics()
        packets = round((self._agenda.now() - self._opened) * PACKETS_PER_SECOND)
        octets = packets * OCTETS_PER_PACKET
        return LegStatistics(
            packets_sent=packets,
            packets_received=packets,
            octets_sent=octets,
            octets_received=octets,
        )

    def __repr__(self) -> str:
        return f"<audio of {self.name}>"
