"""Player: a sound of its own that any number of calls, recorders and conferences can hear."""

from __future__ import annotations

from runtime.api.event_constants import PlayerEvents
from runtime.api.handle import CommandHandle
from runtime.api.session import Session
from runtime.api.unit import MediaSource
from runtime.sandbox.player_commands import (
    AddPlayerMarker,
    PausePlayer,
    ResumePlayer,
    StopPlayer,
)


class Player(MediaSource):
    """Made by VoxEngine.createURLPlayer or createTTSPlayer. VoxEngine reference: Player.

    Its clock runs from its creation (with onPause from resume()), whether anybody hears it or not.
    Created, PlaybackReady, Started(duration), PlaybackFinished follow; PlaybackFinished(error)
    when the sound cannot be played.
    """

    __slots__ = ("_stopped",)
    _namespace = PlayerEvents
    _made_by = "VoxEngine.createURLPlayer() or createTTSPlayer()"

    def __init__(self, session: Session, unit: int) -> None:
        super().__init__(session, unit)
        self._stopped = False

    @property
    def _over(self) -> bool:
        return self._stopped

    def __repr__(self) -> str:
        return f"<Player {self._unit_id}>"

    def pause(self) -> CommandHandle:
        """Hold the sound where it is; its listeners hear silence. No event follows."""
        return self._command("pause", PausePlayer)

    def resume(self) -> CommandHandle:
        """Go on, or begin when it was made with onPause (then Started follows)."""
        return self._command("resume", ResumePlayer)

    def stop(self) -> CommandHandle:
        """End the player for good: Stopped follows, everything else on it is ignored then.

        After PlaybackFinished it is over by itself."""
        handle = self._command("stop", StopPlayer)
        self._stopped = True
        return handle

    def addMarker(self, offset: int) -> CommandHandle:
        """Fire PlaybackMarkerReached at `offset` milliseconds, from the end when negative.

        At most 100 for one player; one beyond the sound's length is never reached."""
        return self._command("addMarker", AddPlayerMarker, offset_ms=offset)
