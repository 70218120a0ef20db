"""Legs, players, conferences and recorders as the core holds them: each turns calls into commands.

A proxy whose unit has ended (closed, finished, or lost with the engine) accepts every call and does
nothing, so that nobody has to ask first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from runtime.media.findings import Detection
from runtime.media.pcm import PcmBuffer, PcmRing
from runtime.media.port import (
    LegAddress,
    LegMediaEvent,
    LegMediaListener,
    MediaLeg,
    MediaLost,
    PlayerEvent,
    PlayerFinished,
    PlayerListener,
    RecorderClosed,
    RecorderEvent,
    RecorderListener,
    RtpStream,
)
from runtime.media.protocol import (
    AddMarker,
    CloseUnit,
    Command,
    ConfigureLeg,
    Detect,
    HandleTones,
    MeasureLeg,
    MuteRecorder,
    PausePlayer,
    ResumePlayer,
    SendDigits,
    TapLeg,
    UnitEvent,
)

Send = Callable[[Command], None]
MAX_EARLY_EVENTS: Final = 64
"""Events of a leg before its first listener; legs get theirs within the same second."""
_LEG_EVENTS: Final = LegMediaEvent.__args__
_PLAYER_EVENTS: Final = PlayerEvent.__args__
_RECORDER_EVENTS: Final = RecorderEvent.__args__


class Proxy:
    """One unit of the engine."""

    ends_silently = False
    """Whether no event follows `close`."""

    def __init__(self, unit: int, send: Send) -> None:
        self.unit = unit
        self.open = True
        """Until `close` or the end of the unit."""
        self._send = send

    def __repr__(self) -> str:
        state = "" if self.open else " closed"
        return f"<{type(self).__name__} {self.unit}{state}>"

    def deliver(self, what: UnitEvent | MediaLost) -> None:
        """An event of this unit, in order."""

    def lost(self) -> None:
        """The engine died."""
        self.open = False
        self.deliver(MediaLost())

    def refused(self, reason: str) -> None:
        """The unit was never opened."""
        self.open = False

    def close(self) -> None:
        if self.open:
            self._command(CloseUnit(self.unit))
            self.open = False

    def _command(self, command: Command) -> None:
        if self.open:
            self._send(command)


class LegProxy(Proxy):
    """Implements MediaLeg."""

    def __init__(self, unit: int, send: Send, address: LegAddress) -> None:
        super().__init__(unit, send)
        self._address = address
        self._listener: LegMediaListener | None = None
        self._early: deque[LegMediaEvent] = deque(maxlen=MAX_EARLY_EVENTS)

    @property
    def address(self) -> LegAddress:
        return self._address

    def listen(self, listener: LegMediaListener) -> None:
        self._listener = listener
        while self._early and self._listener is listener:
            listener(self._early.popleft())

    def configure(self, stream: RtpStream) -> None:
        self._command(ConfigureLeg(self.unit, stream))

    def handle_tones(self, handle: bool) -> None:
        self._command(HandleTones(self.unit, handle))

    def detect(self, what: Detection) -> None:
        self._command(Detect(self.unit, what))

    def measure(self) -> None:
        self._command(MeasureLeg(self.unit))

    def send_digits(self, digits: str) -> None:
        self._command(SendDigits(self.unit, digits))

    def deliver(self, what: UnitEvent | MediaLost) -> None:
        if not isinstance(what, _LEG_EVENTS):
            return
        if self._listener is None:
            self._early.append(what)
        else:
            self._listener(what)


class PlayerProxy(Proxy):
    """Implements MediaPlayer."""

    ends_silently = True

    def __init__(self, unit: int, send: Send, listener: PlayerListener) -> None:
        super().__init__(unit, send)
        self._listener = listener

    def pause(self) -> None:
        self._command(PausePlayer(self.unit))

    def resume(self) -> None:
        self._command(ResumePlayer(self.unit))

    def add_marker(self, offset_ms: int) -> None:
        self._command(AddMarker(self.unit, offset_ms))

    def refused(self, reason: str) -> None:
        super().refused(reason)
        self._listener(PlayerFinished(error=reason))

    def deliver(self, what: UnitEvent | MediaLost) -> None:
        if isinstance(what, _PLAYER_EVENTS):
            self._listener(what)


class ConferenceProxy(Proxy):
    """Implements MediaConference."""

    ends_silently = True


class RecorderProxy(Proxy):
    """Implements MediaRecorder."""

    def __init__(self, unit: int, send: Send, listener: RecorderListener) -> None:
        super().__init__(unit, send)
        self._listener = listener

    def tap_leg(self, leg: MediaLeg) -> None:
        self._command(TapLeg(self.unit, unit_of(leg).unit))

    def mute(self, muted: bool) -> None:
        self._command(MuteRecorder(self.unit, muted))

    def refused(self, reason: str) -> None:
        super().refused(reason)
        self._listener(RecorderClosed(frames=0, overrun_frames=0))

    def deliver(self, what: UnitEvent | MediaLost) -> None:
        if isinstance(what, _RECORDER_EVENTS):
            self._listener(what)


def unit_of(thing: object) -> Proxy:
    """The proxy behind a port type; things of another MediaPort are a local error."""
    if not isinstance(thing, Proxy):
        raise TypeError(f"{thing!r} was not opened by this media engine")
    return thing


def buffer_of(sound: object) -> PcmBuffer | None:
    """The audio of a Sound made by the sound library; None once it was closed."""
    buffer = getattr(sound, "buffer", None)
    if not isinstance(buffer, PcmBuffer):
        raise TypeError(f"{sound!r} has no PcmBuffer; sounds for the engine come from its library")
    return buffer if buffer.fd >= 0 else None


def ring_of(recording: object) -> PcmRing | None:
    """The ring of a Recording made by the recording store; None once it was closed."""
    ring = getattr(recording, "ring", None)
    if not isinstance(ring, PcmRing):
        raise TypeError(f"{recording!r} has no PcmRing; recordings come from the store")
    return ring if ring.fd >= 0 else None
