"""Events of players, recorders and conferences. VoxEngine reference: PlayerEvents and others."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import attrs

from runtime.api.events import Event

if TYPE_CHECKING:
    from runtime.api.conference import Conference
    from runtime.api.endpoint import Endpoint
    from runtime.api.player import Player, SequencePlayer
    from runtime.api.recorder import Recorder


@attrs.frozen(kw_only=True)
class PlayerEvent(Event):
    player: Player

    @property
    def id(self) -> str:
        return self.player.id()


@attrs.frozen(kw_only=True)
class PlayerCreated(PlayerEvent):
    """The player is there; its sound is being fetched.

    Order: once, before all others of the player; none when there are too many (Error).
    """

    name: ClassVar[str] = "Player.Created"


@attrs.frozen(kw_only=True)
class PlayerPlaybackReady(PlayerEvent):
    """The sound is there.

    Order: after Created, before Started; Error and PlaybackFinished(error) instead when the sound
    cannot be had.
    """

    name: ClassVar[str] = "Player.PlaybackReady"


@attrs.frozen(kw_only=True)
class PlayerStarted(PlayerEvent):
    """The player runs; `duration` in milliseconds. With onPause only after resume().

    Order: after PlaybackReady, before markers, Buffering, PlaybackFinished and Stopped.
    """

    name: ClassVar[str] = "Player.Started"
    duration: float = 0


@attrs.frozen(kw_only=True)
class PlayerStopped(PlayerEvent):
    """The result of stop().

    Order: the last event, instead of PlaybackFinished.
    """

    name: ClassVar[str] = "Player.Stopped"


@attrs.frozen(kw_only=True)
class PlayerPlaybackFinished(PlayerEvent):
    """The end was reached, or the sound could not be played (`error`).

    Order: the last event, instead of Stopped; after Started, or right after Created with an error.
    With loop only with an error.
    """

    name: ClassVar[str] = "Player.PlaybackFinished"
    error: str | None = None


@attrs.frozen(kw_only=True)
class PlayerError(PlayerEvent):
    """The playback has ended with an error: the sound cannot be had or read, it broke off, or there
    are too many players (a session has at most 10 at once).

    Order: right before PlaybackFinished, which has the same error and is the last event.
    """

    name: ClassVar[str] = "Player.Error"
    error: str = ""


@attrs.frozen(kw_only=True)
class PlaybackMarkerReached(PlayerEvent):
    """A place set by addMarker was played; `offset` is the one that was given there.

    Order: after Started, in the order in which the places are played, before PlaybackFinished.
    """

    name: ClassVar[str] = "Player.PlaybackMarkerReached"
    offset: int = 0


@attrs.frozen(kw_only=True)
class PlaybackBuffering(PlayerEvent):
    """All that came of a progressive sound is played; silence until more comes. It then goes on
    without an event.

    Order: after Started, before PlaybackFinished; as often as the download is too slow.
    """

    name: ClassVar[str] = "Player.Buffering"


@attrs.frozen(kw_only=True)
class SequencePlayerEvent(Event):
    sequencePlayer: SequencePlayer

    @property
    def id(self) -> str:
        return self.sequencePlayer.id()


@attrs.frozen(kw_only=True)
class SequenceCreated(SequencePlayerEvent):
    """The player is there; its segments are being fetched.

    Order: once, before all others of the player; none when there are too many (Error).
    """

    name: ClassVar[str] = "SequencePlayer.Created"


@attrs.frozen(kw_only=True)
class SequencePlaybackReady(SequencePlayerEvent):
    """All segments are there.

    Order: after Created, before Started; PlaybackFinished(error) instead when a segment cannot be
    had.
    """

    name: ClassVar[str] = "SequencePlayer.PlaybackReady"


@attrs.frozen(kw_only=True)
class SequenceStarted(SequencePlayerEvent):
    """The first segment runs; `duration` of all of them in milliseconds.

    Order: after PlaybackReady, before markers, PlaybackFinished and Stopped.
    """

    name: ClassVar[str] = "SequencePlayer.Started"
    duration: float = 0


@attrs.frozen(kw_only=True)
class SequenceStopped(SequencePlayerEvent):
    """The result of stop().

    Order: the last event, instead of PlaybackFinished.
    """

    name: ClassVar[str] = "SequencePlayer.Stopped"


@attrs.frozen(kw_only=True)
class SequencePlaybackFinished(SequencePlayerEvent):
    """The end of the last segment was reached, or one of them could not be played (`error`).

    Order: the last event, instead of Stopped; after Started, or right after Created with an error.
    """

    name: ClassVar[str] = "SequencePlayer.PlaybackFinished"
    error: str | None = None


@attrs.frozen(kw_only=True)
class SequenceError(SequencePlayerEvent):
    """The playback has ended with an error: the sound cannot be had or read, it broke off, or there
    are too many players (a session has at most 10 at once).

    Order: right before PlaybackFinished, which has the same error and is the last event.
    """

    name: ClassVar[str] = "SequencePlayer.Error"
    error: str = ""


@attrs.frozen(kw_only=True)
class SequenceMarkerReached(SequencePlayerEvent):
    """A place set by addMarker was played; `offset` is the one that was given there.

    Order: after Started, in the order in which the places are played, before PlaybackFinished.
    """

    name: ClassVar[str] = "SequencePlayer.PlaybackMarkerReached"
    offset: int = 0


@attrs.frozen(kw_only=True)
class RecorderEvent(Event):
    recorder: Recorder

    @property
    def id(self) -> str:
        return self.recorder.id()


@attrs.frozen(kw_only=True)
class RecorderStarted(RecorderEvent):
    """Recording runs; the file will be at `url`.

    Order: once; Stopped or Error follows.
    """

    name: ClassVar[str] = "Recorder.Started"
    url: str = ""


@attrs.frozen(kw_only=True)
class RecorderStopped(RecorderEvent):
    """The recording is complete; `duration` in whole seconds.

    Order: the last event, after Started.
    """

    name: ClassVar[str] = "Recorder.Stopped"
    cost: str = ""
    duration: int = 0


@attrs.frozen(kw_only=True)
class RecorderError(RecorderEvent):
    """The recording could not begin, or be finished (`error`); nothing follows.

    Order: the last event: instead of Started, or after it instead of Stopped.
    """

    name: ClassVar[str] = "Recorder.Error"
    error: str = ""


@attrs.frozen(kw_only=True)
class ConferenceEvent(Event):
    conference: Conference

    @property
    def id(self) -> str:
        return self.conference.id()


@attrs.frozen(kw_only=True)
class ConferenceStarted(ConferenceEvent):
    """The mixer runs.

    Order: once, before Stopped and before an Error with code 486.
    """

    name: ClassVar[str] = "Conference.Started"


@attrs.frozen(kw_only=True)
class ConferenceStopped(ConferenceEvent):
    """The result of stop() or destroyConference().

    Order: the last event, after Started.
    """

    name: ClassVar[str] = "Conference.Stopped"


@attrs.frozen(kw_only=True)
class EndpointEvent(ConferenceEvent):
    endpoint: Endpoint
    endpointId: str = ""
    mode: str = "MIX"
    direction: str = "BOTH"


@attrs.frozen(kw_only=True)
class EndpointAdded(EndpointEvent):
    """A call was let in by Conference.add: `endpoint.getCall()`, with the `mode` and `direction`
    that were asked for.

    Order: once for each, before its Updated and Removed.
    """

    name: ClassVar[str] = "Conference.EndpointAdded"


@attrs.frozen(kw_only=True)
class EndpointUpdated(EndpointEvent):
    """Endpoint.setDisplayName has named it anew.

    Order: between Added and Removed, any number of times.
    """

    name: ClassVar[str] = "Conference.EndpointUpdated"


@attrs.frozen(kw_only=True)
class EndpointRemoved(EndpointEvent):
    """The call of an endpoint has ended.

    Order: once, after the last event of the call but RecordStopped; not when the conference was
    stopped before.
    """

    name: ClassVar[str] = "Conference.EndpointRemoved"


@attrs.frozen(kw_only=True)
class ConferenceError(ConferenceEvent):
    """There is no such mixer: a session has at most 10 at once. With `code` 486 the mixer goes on,
    and one call was not let in: a conference has at most 50. `endpointId` is set when it was
    Conference.add that asked.

    Order: alone when there are too many; with `code` 486 between Started and Stopped, as often as a
    call is not let in.
    """

    name: ClassVar[str] = "Conference.Error"
    error: str = ""
    code: int = 0
    endpointId: str | None = None
