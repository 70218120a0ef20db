"""The edges of symbolic audio: sources know their sinks, sinks ask their sources what sounds.

Conferences and recorders live here too, because they are nothing but edges. A change at a source
travels downstream once; two conferences that feed each other do not go round for ever.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable

from runtime.media.port import (
    MediaLeg,
    MediaLost,
    RecorderClosed,
    RecorderListener,
)
from runtime.testing.agenda import Agenda
from runtime.testing.hearing import Audio
from runtime.testing.symbolic_recordings import SimRecording

OnClose = Callable[["SymbolicNode"], None]


class SymbolicNode(ABC):
    """Anything that the engine opened; `close` once, `lose` when the engine dies."""

    def __init__(self, agenda: Agenda, on_close: OnClose) -> None:
        self._agenda = agenda
        self._on_close = on_close
        self.closed = False

    def close(self) -> None:
        """Give it back; safe twice."""
        if not self.closed:
            self.closed = True
            self._release()
            self._on_close(self)

    def lose(self) -> None:
        """The engine died with it: one MediaLost, then nothing."""
        if not self.closed:
            self.closed = True
            self._drop()
            self._on_close(self)

    def _release(self) -> None:
        """Cut the edges and say goodbye."""
        self._drop()

    @abstractmethod
    def _drop(self) -> None:
        """Cut the edges."""


class SymbolicSource(SymbolicNode):
    """Something that can be heard."""

    def __init__(self, agenda: Agenda, on_close: OnClose) -> None:
        super().__init__(agenda, on_close)
        self._sinks: dict[SymbolicSink, None] = {}

    @abstractmethod
    def sounding(self, listener: SymbolicNode, through: frozenset[SymbolicNode]) -> list[Audio]:
        """What `listener` hears of it now; `through` are the conferences asked already."""

    def connect(self, sink: SymbolicSink) -> None:
        if self.closed or sink.closed:
            return
        self._sinks[sink] = None
        sink.attached(self)
        sink.refresh()

    def disconnect(self, sink: SymbolicSink) -> None:
        if self._sinks.pop(sink, self) is not self:
            sink.detached(self)
            sink.refresh()

    def changed(self) -> None:
        """What sounds here is different from now on."""
        for sink in list(self._sinks):
            sink.refresh()

    def cut(self) -> None:
        """Silence every edge from here."""
        for sink in list(self._sinks):
            self.disconnect(sink)


class SymbolicSink(SymbolicNode):
    """Something that can hear; holds any number of edges unless it says otherwise."""

    def __init__(self, agenda: Agenda, on_close: OnClose) -> None:
        super().__init__(agenda, on_close)
        self._sources: dict[SymbolicSource, None] = {}

    def attached(self, source: SymbolicSource) -> None:
        self._sources[source] = None

    def detached(self, source: SymbolicSource) -> None:
        self._sources.pop(source, None)

    @abstractmethod
    def refresh(self) -> None:
        """Look again at what the sources say."""

    def incoming(self, through: frozenset[SymbolicNode] = frozenset()) -> list[Audio]:
        """Everything that its sources say to it now."""
        return [audio for source in self._sources for audio in source.sounding(self, through)]

    def detach_all(self) -> None:
        for source in list(self._sources):
            source.disconnect(self)


class SymbolicConference(SymbolicSource, SymbolicSink):
    """A mixer: each listener hears all sources except its own."""

    def __init__(self, agenda: Agenda, on_close: OnClose) -> None:
        SymbolicSource.__init__(self, agenda, on_close)
        self._sources = {}
        self._telling = False

    def sounding(self, listener: SymbolicNode, through: frozenset[SymbolicNode]) -> list[Audio]:
        if self in through:
            return []
        inner = through | {self}
        others = [source for source in self._sources if source is not listener]
        return [audio for source in others for audio in source.sounding(self, inner)]

    def refresh(self) -> None:
        if self._telling:
            return
        self._telling = True
        try:
            self.changed()
        finally:
            self._telling = False

    def _drop(self) -> None:
        self.cut()
        self.detach_all()

    def __repr__(self) -> str:
        return f"<conference of {len(self._sources)} sources, {len(self._sinks)} listeners>"


class SymbolicRecorder(SymbolicSink):
    """Writes what its taps and sources say into a SimRecording."""

    def __init__(
        self,
        agenda: Agenda,
        on_close: OnClose,
        recording: SimRecording,
        listener: RecorderListener,
    ) -> None:
        super().__init__(agenda, on_close)
        self._recording = recording
        self._listener = listener
        self._taps: list[Tapped] = []
        self._muted = False

    def tap_leg(self, leg: MediaLeg) -> None:
        if not isinstance(leg, Tapped):
            raise TypeError(f"{leg!r} is not a leg of this simulation")
        self._taps.append(leg)
        leg.taps.append(self)
        self.refresh()

    def mute(self, muted: bool) -> None:
        self._muted = muted
        self.refresh()

    def refresh(self) -> None:
        if self.closed:
            return
        if self._muted:
            self._recording.write((), ())
            return
        said = [audio for leg in self._taps for audio in leg.saying]
        heard = [audio for leg in self._taps for audio in leg.hearing]
        self._recording.write([*said, *self.incoming()], heard)

    def _release(self) -> None:
        self._drop()
        closed = RecorderClosed(frames=self._recording.frames, overrun_frames=0)
        self._agenda.after(0, lambda: self._listener(closed))

    def _drop(self) -> None:
        self._recording.stop()
        self.detach_all()
        for leg in self._taps:
            leg.taps.remove(self)

    def lose(self) -> None:
        if not self.closed:
            super().lose()
            self._agenda.after(0, lambda: self._listener(MediaLost()))

    def __repr__(self) -> str:
        return f"<recorder of {self._recording!r}>"


class Tapped(SymbolicSource, SymbolicSink):
    """A leg, as far as recorders know it."""

    def __init__(self, agenda: Agenda, on_close: OnClose) -> None:
        SymbolicSource.__init__(self, agenda, on_close)
        self._sources = {}
        self.taps: list[SymbolicRecorder] = []

    @property
    @abstractmethod
    def saying(self) -> Iterable[Audio]:
        """What its endpoint sends."""

    @property
    @abstractmethod
    def hearing(self) -> Iterable[Audio]:
        """What its endpoint hears."""

    def tell_taps(self) -> None:
        for recorder in self.taps:
            recorder.refresh()
