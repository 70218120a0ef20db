"""A player of the script: one sound with its own clock, heard by whoever it is sent to."""

from __future__ import annotations

import contextlib
import enum
from functools import partial
from typing import Any, assert_never

import trio

from runtime.decisions.routing import PLAYER
from runtime.media.port import (
    MediaLost,
    MediaPlayer,
    PlayerEvent,
    PlayerFed,
    PlayerFinished,
    PlayerMarkerReached,
    PlayerStarted,
    PlayerStarved,
    Sound,
    SoundError,
)
from runtime.media.tone_script import ToneScript
from runtime.session.context import SessionContext
from runtime.session.playback import ENGINE_LOST
from runtime.session.sequence import SequenceLoader, Span
from runtime.session.sounds import WAITS, Loader, duration_ms, load_sound, went_on, why_ended
from runtime.session.units import TooManyUnits

MAX_MARKERS = 100
"""Far more than a prompt has words to point at; bounds what a script can queue."""


class _Stage(enum.Enum):
    LOADING = "loading"
    READY = "in the engine"
    OVER = "over"


class Player:
    """A player of any kind, from its creation to its end."""

    def __init__(
        self,
        session: SessionContext,
        *,
        kind: str = "Player",
        loop: bool = False,
        paused: bool = False,
        progressive: bool = False,
    ) -> None:
        """`kind` is what its events are called by; `progressive`: it begins while the rest of its
        sound still comes."""
        self.unit = 0
        self.kind = kind
        self._session = session
        self._loop = loop
        self._progressive = progressive
        self._paused = paused
        self._stage = _Stage.LOADING
        self._scope: trio.CancelScope | None = None
        self._sound: Sound | None = None
        self._player: MediaPlayer | None = None
        self._tone: ToneScript | None = None
        self._segments: SequenceLoader | None = None
        self._markers: list[tuple[int, int]] = []
        """Offset and segment, as the script gave them."""
        self._set: dict[int, list[int]] = {}
        """Place in the sound, in milliseconds: the offsets given for it."""
        self._whole = not progressive
        """Whether the sound's length is known for good."""

    def open(self, unit: int, source: Loader | ToneScript) -> None:
        """It has its handle: load the sound. Whoever it is sent to hears it once it is there."""
        self.unit = unit
        self._session.routes.add(unit, PLAYER)
        self._emit("Created")
        if isinstance(source, ToneScript):
            self._tone = source
            self._begin(source)
            return
        self._segments = source if isinstance(source, SequenceLoader) else None
        self._scope = self._session.tasks.start(partial(self._load, source))

    def pause(self) -> None:
        self._paused = True
        if self._player is not None:
            self._player.pause()

    def resume(self) -> None:
        self._paused = False
        if self._player is not None:
            self._player.resume()

    def add_marker(self, offset_ms: int, segment: int = 0) -> None:
        """From the start, or from the end when negative. Raises UnitRefused."""
        if len(self._markers) >= MAX_MARKERS:
            raise TooManyUnits(f"a player has at most {MAX_MARKERS} markers")
        self._markers.append((offset_ms, segment))
        self._mark(offset_ms, segment)

    def stop(self) -> None:
        """Its end, without PlaybackFinished."""
        self._over()
        self._emit("Stopped")

    def close(self) -> None:
        """Give everything back without a word. Safe twice."""
        self._over()

    async def _load(self, loader: Loader) -> None:
        try:
            await load_sound(loader, self._keep, progressive=self._progressive)
        except SoundError as exc:
            self._finish(str(exc))
            return
        if self._stage is not _Stage.LOADING or self._sound is None:
            return
        self._begin(self._sound)
        if not self._whole:
            await self._mark_from_the_end(self._sound)

    def _begin(self, source: Sound | ToneScript) -> None:
        self._stage = _Stage.READY
        self._emit("PlaybackReady")
        self._player = self._session.ports.media.open_player(
            source,
            self._session.tasks.edge(self._on_engine),
            loop=self._loop,
            paused=self._paused,
        )
        for offset_ms, segment in self._markers:
            self._mark(offset_ms, segment)
        self._session.routes.bind(self.unit, self._player)
        self._session.routes.update(self.unit, can_hear=False, can_be_heard=True)

    async def _mark_from_the_end(self, sound: Sound) -> None:
        """Once it is known where that is; never when the sound breaks off."""
        with contextlib.suppress(SoundError):
            await sound.ready()
            self._whole = True
            for offset_ms, segment in self._markers:
                if offset_ms < 0:
                    self._mark(offset_ms, segment)

    def _keep(self, sound: Sound) -> None:
        if self._stage is _Stage.OVER:
            sound.close()
        else:
            self._sound = sound

    def _on_engine(self, event: PlayerEvent) -> None:
        if self._stage is _Stage.OVER:
            return
        match event:
            case PlayerStarted():
                self._emit("Started", duration=self._length_ms)
            case PlayerMarkerReached(offset_ms=offset_ms):
                given = self._set.get(offset_ms) or [offset_ms]
                self._emit("PlaybackMarkerReached", offset=given.pop(0))
            case PlayerStarved():
                self._session.timeline.record("media", f"player {self.unit}: {WAITS}")
                self._emit("Buffering")
            case PlayerFed(missed_frames=frames):
                self._session.timeline.record("media", f"player {self.unit}: {went_on(frames)}")
            case PlayerFinished(error=error):
                self._finish(why_ended(self._sound, error))
            case MediaLost():
                self._finish(ENGINE_LOST)
            case _:
                assert_never(event)

    @property
    def _length_ms(self) -> int:
        if self._tone is not None:
            return self._tone.duration_ms
        return duration_ms(self._sound) if self._sound is not None else 0

    def _mark(self, offset_ms: int, segment: int) -> None:
        if self._player is None or (offset_ms < 0 and not self._whole):
            return
        spans = self._segments.spans if self._segments is not None else ()
        if segment >= max(1, len(spans)):
            return  # the script was told when it named the segment
        span = spans[segment] if spans else Span(0, self._length_ms)
        at = offset_ms if offset_ms >= 0 and not spans else span.place(offset_ms)
        if at is not None:
            self._set.setdefault(at, []).append(offset_ms)
            self._player.add_marker(at)

    def _finish(self, error: str | None) -> None:
        self._over()
        fields = {} if error is None else {"error": error}
        for name in ("PlaybackFinished",) if error is None else ("Error", "PlaybackFinished"):
            self._emit(name, **fields)

    def turn_away(self, unit: int, error: str) -> None:
        """There are too many."""
        self.unit = unit
        self._finish(error)

    def _over(self) -> None:
        if self._stage is _Stage.OVER:
            return
        self._stage = _Stage.OVER
        if self._scope is not None:
            self._scope.cancel()
        self._session.routes.remove(self.unit)
        if self._player is not None:
            self._player.close()
        if self._sound is not None:
            self._sound.close()
        self._session.units.drop(self.unit)

    def _emit(self, name: str, **fields: Any) -> None:
        self._session.events.emit(f"{self.kind}.{name}", unit=self.unit, fields=fields)
