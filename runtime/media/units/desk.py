"""Commands to the engine's units: one handler each, found in a table.

Ids are the core's. A command that names a unit which has ended meanwhile does nothing, since the
core cannot know yet; only a leg that is told to hear an ended source falls silent.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from runtime.media.frames import WIDE_RATE_HZ, FrameTable, RowsExhausted
from runtime.media.pcm import PcmBuffer, PcmError, PcmRing
from runtime.media.port import LegClosed, LegMeasured, PlayerFinished, RecorderClosed
from runtime.media.protocol import (
    AddMarker,
    CloseUnit,
    Command,
    ConfigureLeg,
    Connect,
    Detect,
    Disconnect,
    HandleTones,
    LegOpened,
    LegRefused,
    MeasureLeg,
    MuteRecorder,
    OpenConference,
    OpenLeg,
    OpenPlayer,
    OpenRecorder,
    OpenTonePlayer,
    PausePlayer,
    ProtocolError,
    ResumePlayer,
    SendDigits,
    TapLeg,
    UnitEvent,
)
from runtime.media.rtp.datagrams import NoPorts

from .coded import CodedLegs
from .content import BrokenContent, Content, ToneContent, content_of
from .detectors import Detectors
from .edges import Conference
from .leg import Leg
from .legs import Legs, LegsExhausted
from .players import Player, Players
from .recorders import Recorder, Recorders, RecordersExhausted
from .routes import Routes
from .signalling import Signalling
from .upkeep import Upkeep


@attrs.frozen
class Refused:
    """Stands for a unit that could not be opened, so that its event has an owner."""

    id: int


Unit = Leg | Player | Conference | Recorder | Refused


@attrs.frozen(kw_only=True)
class Parts:
    """What the units live in."""

    frames: FrameTable
    legs: Legs
    routes: Routes
    coded: CodedLegs
    players: Players
    wide_players: Players
    recorders: Recorders
    wide_recorders: Recorders
    signalling: Signalling
    detectors: Detectors
    upkeep: Upkeep


class Desk:
    """Knows every unit by its id."""

    def __init__(self, parts: Parts, tell: Callable[[Unit, UnitEvent], None]) -> None:
        self._parts = parts
        self._tell = tell
        self._units: dict[int, Unit] = {}
        self._fds: Sequence[int] = ()
        self._now = self._wall = 0.0
        self._handlers: dict[type[Any], Callable[[Any], None]] = {
            OpenLeg: self._open_leg,
            ConfigureLeg: self._configure_leg,
            HandleTones: self._handle_tones,
            Detect: self._detect,
            MeasureLeg: self._measure,
            SendDigits: self._send_digits,
            OpenPlayer: self._open_player,
            OpenTonePlayer: self._open_tone_player,
            PausePlayer: self._pause,
            ResumePlayer: self._resume,
            AddMarker: self._add_marker,
            OpenConference: self._open_conference,
            OpenRecorder: self._open_recorder,
            TapLeg: self._tap,
            MuteRecorder: self._mute,
            CloseUnit: self._close,
            Connect: self._connect,
            Disconnect: self._disconnect,
        }

    def apply(
        self, commands: Sequence[Command], fds: Sequence[int], now: float, wall: float
    ) -> None:
        """All commands of one packet, in order; closes the descriptors that came with them."""
        self._fds, self._now, self._wall = fds, now, wall
        for command in commands:
            handler = self._handlers.get(type(command))
            if handler is None:
                raise ProtocolError(f"{type(command).__name__} to an engine that runs already")
            handler(command)
        for fd in fds:
            os.close(fd)

    def forget(self, unit: Unit) -> None:
        """The unit has ended; nothing is left of it."""
        parts = self._parts
        self._units.pop(unit.id, None)
        parts.routes.remove(unit.id)
        match unit:
            case Leg():
                parts.routes.forget(unit)
                parts.recorders.forget(unit)
                parts.wide_recorders.forget(unit)
                parts.routes.retapped()
                parts.coded.forget(unit)
                parts.signalling.forget(unit)
                parts.detectors.forget(unit)
                parts.upkeep.forget(unit)
                statistics = parts.legs.close(unit, parts.frames, self._now, self._wall)
                self._tell(unit, LegClosed(statistics=statistics))
            case Player():
                self._players_of(unit.content).release(unit)
            case Recorder():
                parts.routes.hear_wide(unit, False)
                self._tell(unit, self._recorders_of(unit.ring).close(unit))

    # --- legs -----------------------------------------------------------------------------------

    def _leg(self, unit: int) -> Leg | None:
        leg = self._units.get(unit)
        return leg if isinstance(leg, Leg) else None

    def _open_leg(self, command: OpenLeg) -> None:
        try:
            leg, (rtp_port, rtcp_port) = self._parts.legs.open(command.unit)
        except (LegsExhausted, NoPorts) as exc:
            self._tell(Refused(command.unit), LegRefused(reason=str(exc)))
            return
        self._units[leg.id] = leg
        self._tell(leg, LegOpened(rtp_port=rtp_port, rtcp_port=rtcp_port))

    def _configure_leg(self, command: ConfigureLeg) -> None:
        if leg := self._leg(command.unit):
            sending = self._parts.legs.sending.active
            before = bool(sending[leg.index])
            self._parts.legs.configure(leg, command.stream, self._now, self._wall)
            wide = self._parts.coded.configure(leg, command.stream)
            self._parts.routes.hear_wide(leg, wide)
            if sending[leg.index] and not before:
                self._parts.routes.begin(leg)

    def _handle_tones(self, command: HandleTones) -> None:
        if leg := self._leg(command.unit):
            leg.handles_tones = command.handle

    def _detect(self, command: Detect) -> None:
        if leg := self._leg(command.unit):
            self._parts.detectors.watch(leg, command.what)

    def _measure(self, command: MeasureLeg) -> None:
        if leg := self._leg(command.unit):
            self._tell(leg, LegMeasured(statistics=self._parts.legs.statistics(leg)))

    def _send_digits(self, command: SendDigits) -> None:
        if leg := self._leg(command.unit):
            self._parts.signalling.queue(leg, command.digits)

    # --- players --------------------------------------------------------------------------------

    def _player(self, unit: int) -> Player | None:
        player = self._units.get(unit)
        return player if isinstance(player, Player) else None

    def _players_of(self, content: Content) -> Players:
        wide = content.rate_hz == WIDE_RATE_HZ
        return self._parts.wide_players if wide else self._parts.players

    def _open_player(self, command: OpenPlayer) -> None:
        content: Content
        try:
            content = content_of(PcmBuffer.attach(self._fds[command.fd]), loop=command.loop)
        except (PcmError, IndexError) as exc:
            content = BrokenContent(f"the sound cannot be played: {exc}")
        self._start_player(command.unit, content, paused=command.paused)

    def _open_tone_player(self, command: OpenTonePlayer) -> None:
        self._start_player(command.unit, ToneContent(command.script), paused=command.paused)

    def _start_player(self, unit: int, content: Content, *, paused: bool) -> None:
        try:
            players = self._players_of(content)
            self._units[unit] = players.open(unit, content, paused=paused)
        except RowsExhausted as exc:
            content.close()
            self._tell(Refused(unit), PlayerFinished(error=str(exc)))

    def _pause(self, command: PausePlayer) -> None:
        if player := self._player(command.unit):
            self._players_of(player.content).pause(player)

    def _resume(self, command: ResumePlayer) -> None:
        if player := self._player(command.unit):
            self._players_of(player.content).resume(player)

    def _add_marker(self, command: AddMarker) -> None:
        if player := self._player(command.unit):
            self._players_of(player.content).add_marker(player, command.offset_ms)

    # --- conferences and recorders --------------------------------------------------------------

    def _recorder(self, unit: int) -> Recorder | None:
        recorder = self._units.get(unit)
        return recorder if isinstance(recorder, Recorder) else None

    def _recorders_of(self, ring: PcmRing) -> Recorders:
        wide = ring.rate_hz == WIDE_RATE_HZ
        return self._parts.wide_recorders if wide else self._parts.recorders

    def _open_conference(self, command: OpenConference) -> None:
        self._units[command.unit] = Conference(command.unit)

    def _open_recorder(self, command: OpenRecorder) -> None:
        try:
            ring = PcmRing.attach(self._fds[command.fd], writable=True)
            recorder = self._recorders_of(ring).open(command.unit, ring)
        except (PcmError, IndexError, RecordersExhausted):
            self._tell(Refused(command.unit), RecorderClosed(frames=0, overrun_frames=0))
            return
        self._units[command.unit] = recorder
        self._parts.routes.hear_wide(recorder, recorder.wide)

    def _tap(self, command: TapLeg) -> None:
        recorder, leg = self._recorder(command.unit), self._leg(command.leg)
        if recorder and leg:
            self._recorders_of(recorder.ring).tap(recorder, leg)
            self._parts.routes.retapped()

    def _mute(self, command: MuteRecorder) -> None:
        if recorder := self._recorder(command.unit):
            self._recorders_of(recorder.ring).mute(recorder, command.muted)

    # --- all ------------------------------------------------------------------------------------

    def _close(self, command: CloseUnit) -> None:
        if unit := self._units.get(command.unit):
            self.forget(unit)

    def _connect(self, command: Connect) -> None:
        source, sink = self._units.get(command.source), self._units.get(command.sink)
        if not isinstance(sink, Leg | Conference | Recorder):
            return
        if isinstance(source, Leg | Player | Conference):
            try:
                self._parts.routes.connect(source, sink)
            except RowsExhausted:
                source = None
        if source is None and isinstance(sink, Leg):
            self._parts.routes.silence(sink)

    def _disconnect(self, command: Disconnect) -> None:
        self._parts.routes.disconnect(command.source, command.sink)
