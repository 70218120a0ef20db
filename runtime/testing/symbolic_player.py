"""A symbolic player: a source with its own clock, which runs whoever listens."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from runtime.media.port import (
    MediaLost,
    PlayerEvent,
    PlayerFinished,
    PlayerListener,
    PlayerMarkerReached,
    PlayerStarted,
    Sound,
)
from runtime.media.tone_script import ToneScript
from runtime.testing.agenda import Agenda, Appointment
from runtime.testing.hearing import Audio
from runtime.testing.symbolic_nodes import OnClose, SymbolicNode, SymbolicSource
from runtime.testing.symbolic_sounds import SymbolicSound


class SymbolicPlayer(SymbolicSource):
    """Plays a sound or a cadence from `resume` on, for as long as it is."""

    def __init__(
        self,
        agenda: Agenda,
        on_close: OnClose,
        *,
        name: str,
        source: Sound | ToneScript,
        listener: PlayerListener,
        loop: bool,
    ) -> None:
        super().__init__(agenda, on_close)
        self._listener = listener
        self._length_s = _length(source)
        self._loop = loop or (isinstance(source, ToneScript) and source.loop)
        kind = source.kind if isinstance(source, SymbolicSound) else "tone"
        self._audio = Audio(what=source.label, kind=kind, source=name)
        self._name = name
        self._played_s = 0.0
        self._running_since: float | None = None
        self._started = False
        self._markers: list[int] = []
        self._appointments: list[Appointment] = []

    def resume(self) -> None:
        if self.closed or self._running_since is not None:
            return
        self._running_since = self._agenda.now()
        if not self._started:
            self._started = True
            self._tell_later(PlayerStarted())
        self._plan()
        self.changed()

    def pause(self) -> None:
        if self.closed or self._running_since is None:
            return
        self._played_s = self._position()
        self._running_since = None
        self._cancel_plans()
        self.changed()

    def add_marker(self, offset_ms: int) -> None:
        """Negative counts from the end; a marker that lies behind the position never comes."""
        at_ms = offset_ms if offset_ms >= 0 else round(self._length_s * 1000) + offset_ms
        if self._position() * 1000 <= at_ms <= self._length_s * 1000:
            self._markers.append(offset_ms)
            self._plan()

    def sounding(self, listener: SymbolicNode, through: frozenset[SymbolicNode]) -> list[Audio]:
        return [] if self._running_since is None or self.closed else [self._audio]

    def _position(self) -> float:
        running = 0.0
        if self._running_since is not None:
            running = self._agenda.now() - self._running_since
        return self._played_s + running

    def _plan(self) -> None:
        """Make the appointments of what is still to come."""
        self._cancel_plans()
        if self._running_since is None:
            return
        position = self._position()
        for offset_ms in self._markers:
            at_s = offset_ms / 1000 if offset_ms >= 0 else self._length_s + offset_ms / 1000
            self._appoint(at_s - position, partial(self._mark, offset_ms))
        if not self._loop:
            self._appoint(self._length_s - position, self._finish)

    def _appoint(self, delay_s: float, action: Callable[[], None]) -> None:
        self._appointments.append(self._agenda.after(delay_s, action))

    def _mark(self, offset_ms: int) -> None:
        self._markers.remove(offset_ms)
        self._listener(PlayerMarkerReached(offset_ms=offset_ms))

    def _finish(self) -> None:
        self._running_since = None
        self._cancel_plans()
        self.cut()
        self._listener(PlayerFinished())

    def _tell_later(self, event: PlayerEvent) -> None:
        def tell() -> None:
            if not self.closed or isinstance(event, MediaLost):
                self._listener(event)

        self._agenda.after(0, tell)

    def _cancel_plans(self) -> None:
        for appointment in self._appointments:
            appointment.cancel()
        self._appointments.clear()

    def _drop(self) -> None:
        self._cancel_plans()
        self._running_since = None
        self.cut()

    def lose(self) -> None:
        if not self.closed:
            super().lose()
            self._tell_later(MediaLost())

    def __repr__(self) -> str:
        return f"<{self._name}: {self._audio.what!r} at {self._position():.2f} s>"


def _length(source: Sound | ToneScript) -> float:
    if isinstance(source, ToneScript):
        return sum(step.duration_ms for step in source.steps) / 1000
    if source.duration_s is None:
        raise TypeError(f"{source!r}: symbolic media plays only sounds whose length is known")
    return source.duration_s
