"""Players: sounds of their own that any number of calls, recorders and conferences can hear."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, cast

from runtime.api.event_constants import PlayerEvents, SequencePlayerEvents
from runtime.api.handle import CommandHandle
from runtime.api.session import Session
from runtime.api.unit import MediaSource
from runtime.sandbox.player_commands import AddPlayerMarker, PausePlayer, ResumePlayer, StopPlayer


class Playing(MediaSource):
    """What players of all kinds have."""

    __slots__ = ()

    def pause(self) -> CommandHandle:
        """Hold the sound where it is; its listeners hear silence. No event follows. VoxEngine
        reference: Player.pause."""
        return self._command("pause", PausePlayer)

    def resume(self) -> CommandHandle:
        """Go on, or begin when it was made with onPause (then Started follows). VoxEngine
        reference: Player.resume."""
        return self._command("resume", ResumePlayer)

    def stop(self) -> CommandHandle:
        """End the player for good: Stopped follows, everything else on it is ignored then.

        After PlaybackFinished it is over by itself. VoxEngine reference: Player.stop."""
        handle = self._command("stop", StopPlayer)
        self._stopped = True
        return handle


class Player(Playing):
    """Made by VoxEngine.createURLPlayer, createTTSPlayer or createToneScriptPlayer. VoxEngine
    reference: Player.

    Its clock runs from its creation (with onPause from resume()), whether anybody hears it or not.
    Created, PlaybackReady, Started(duration), PlaybackFinished follow; PlaybackFinished(error)
    when the sound cannot be played.
    """

    __slots__ = ()
    _namespace = PlayerEvents
    _made_by: ClassVar[str] = (
        "VoxEngine.createURLPlayer(), createTTSPlayer() or createToneScriptPlayer()"
    )

    def addMarker(self, offset: int) -> CommandHandle:
        """Fire PlaybackMarkerReached at `offset` milliseconds, from the end when negative.

        Once, also in a loop. At most 100 for one player; one beyond the sound's length is never
        reached. VoxEngine reference: Player.addMarker."""
        return self._command("addMarker", AddPlayerMarker, offset_ms=offset)


class SequencePlayer(Playing):
    """Made by VoxEngine.createSequencePlayer. VoxEngine reference: SequencePlayer.

    All its segments are fetched first, and then played as one sound without a gap. Its events are
    those of Player, under the name of SequencePlayer.
    """

    __slots__ = ("_segments",)
    _namespace = SequencePlayerEvents
    _made_by: ClassVar[str] = "VoxEngine.createSequencePlayer()"

    def __init__(self, session: Session, unit: int, segments: list[Any]) -> None:
        super().__init__(session, unit)
        self._segments = segments

    def addMarker(self, offset: int, segment: int | Mapping[str, object] = 0) -> CommandHandle:
        """Fire PlaybackMarkerReached at `offset` milliseconds of a segment, from its end when
        negative.

        `segment` is its number, from 0, or the very dict that was given for it. At most 100 for one
        player. Raises ValueError and TypeError for what is no segment. VoxEngine reference:
        SequencePlayer.addMarker."""
        number = self._number(segment)
        return self._command("addMarker", AddPlayerMarker, offset_ms=offset, segment=number)

    def _number(self, segment: object) -> int:
        what = "SequencePlayer.addMarker"
        known = self._segments
        if isinstance(segment, Mapping):
            given = cast("Mapping[str, object]", segment)
            for number, each in enumerate(known):
                if each is given:
                    return number
            if given in known:
                return known.index(given)
            raise ValueError(f"{what}(): segment is none of those that the player was made of")
        if type(segment) is not int:
            kind = type(segment).__name__
            raise TypeError(f"{what}(): segment must be a number or one of the dicts, not {kind}")
        if not 0 <= segment < len(known):
            raise ValueError(
                f"{what}(): there is no segment {segment}, they are 0 to {len(known) - 1}"
            )
        return segment
