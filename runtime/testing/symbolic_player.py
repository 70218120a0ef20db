"""A symbolic player: a source with its own clock, which runs whoever listens."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from runtime.media.port import (
    MediaLost,
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

INSTANT_S: Final = 1e-6
"""What rounding may do to a time."""


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
        self._label = source.label
        self._parts = _parts(source, name)
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
            self._agenda.after(0, self._start)
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
        if self._running_since is None or self.closed:
            return []
        position = self._position()
        begun = [audio for start_s, audio in self._parts if start_s <= position + INSTANT_S]
        return begun[-1:]

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
        for start_s, _ in self._parts:
            if start_s > position + INSTANT_S:
                self._appoint(start_s - position, self.changed)
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

    def _start(self) -> None:
        """As in the engine: what is paused within the same instant has not begun."""
        if not (self.closed or self._started or self._running_since is None):
            self._started = True
            self._listener(PlayerStarted())

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
            self._agenda.after(0, partial(self._listener, MediaLost()))

    def __repr__(self) -> str:
        return f"<{self._name}: {self._label!r} at {self._position():.2f} s>"


def _parts(source: Sound | ToneScript, name: str) -> list[tuple[float, Audio]]:
    """What is heard one after the other, each with its begin in seconds."""
    if not isinstance(source, SymbolicSound):
        return [(0.0, Audio(what=source.label, kind="tone", source=name))]
    begin = 0.0
    parts: list[tuple[float, Audio]] = []
    for part in source.parts or (source,):
        parts.append((begin, Audio(what=part.label, kind=part.kind, source=name)))
        begin += part.duration_s
    return parts


def _length(source: Sound | ToneScript) -> float:
    if isinstance(source, ToneScript):
        return source.duration_ms / 1000
    if source.duration_s is None:
        raise TypeError(f"{source!r}: symbolic media plays only sounds whose length is known")
    return source.duration_s
