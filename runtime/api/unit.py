"""What calls, players, recorders and conferences have in common: a number, listeners, media out.

A unit may send its media to any number of others. A call hears one at a time: a new one replaces
the old for good; conferences and recorders hear all of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

from runtime.api.handle import CommandHandle, PlaybackHandle
from runtime.api.listeners import EventSource, Listeners
from runtime.api.options import merge, text
from runtime.api.session import SPELLED, Session
from runtime.api.values import PlaybackOutcome
from runtime.sandbox.commands import SendMediaTo, StopMediaTo
from runtime.sandbox.frames import call_id

MEDIA_OPTIONS: Final = ("customParameters", "encoding", "tag")
NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


def stream_fields(what: str, given: Mapping[str, Any]) -> dict[str, str]:
    """The wire fields of what a WebSocket is told of a stream."""
    custom = given.get("customParameters", "")
    try:
        encoded = custom if isinstance(custom, str) else json.dumps(custom, ensure_ascii=False)
    except (TypeError, ValueError) as exc:
        raise TypeError(f"{what}(): customParameters cannot be JSON: {exc}") from None
    return {
        "encoding": text(what, "encoding", given.get("encoding", "")),
        "tag": text(what, "tag", given.get("tag", "")),
        "custom_parameters": encoded,
    }


class MediaUnit(EventSource):
    """Anything that sends or hears media in a session."""

    __slots__ = ("_playing", "_session", "_stopped", "_table", "_unit", "_unit_id")
    _hears: ClassVar[bool] = False
    _made_by: ClassVar[str] = "VoxEngine"

    if not TYPE_CHECKING:

        def __new__(cls, *made: object, **_: object) -> Self:
            if not made or not isinstance(made[0], Session):
                raise TypeError(f"a {cls.__name__} cannot be made by hand; use {cls._made_by}")
            return super().__new__(cls)

    def __init__(self, session: Session, unit: int) -> None:
        self._session = session
        self._unit = unit
        self._unit_id = call_id(session.id, unit)
        self._table = Listeners(session)
        self._playing: tuple[int, PlaybackHandle] | None = None
        self._stopped = False
        session.units[unit] = self

    @property
    def _listeners(self) -> Listeners:
        return self._table

    @property
    def _over(self) -> bool:
        """Whether commands for it have no effect any more."""
        return self._stopped

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._unit_id}>"

    def id(self) -> str:
        """Its own id, unique in the system, as it stands in logs and timelines. VoxEngine
        reference: Call.id."""
        return self._unit_id

    def _superseded(self, outcome: PlaybackOutcome) -> None:
        """What this unit hears was replaced or stopped; its playback will report nothing more."""
        if self._playing is not None:
            self._playing[1]._supersede(outcome)
            self._playing = None

    def _command(
        self,
        what: str,
        command: type[Any],
        spelled: Mapping[str, str] = SPELLED,
        **fields: Any,
    ) -> CommandHandle:
        """Send a command about this unit; ignored with a log line when it is over."""
        handle = CommandHandle(f"{type(self).__name__}.{what}")
        built = self._session.build(handle._what, command, spelled, unit=self._unit, **fields)
        if self._over:
            return self._session.ignored(handle, f"{self} has ended")
        return self._session.command(built, handle)


class MediaSource(MediaUnit):
    """A unit whose media can be heard: calls, players, conferences."""

    __slots__ = ()

    def sendMediaTo(
        self, mediaUnit: MediaUnit, parameters: object = None, **options: object
    ) -> CommandHandle:
        """Let `mediaUnit` hear this one, from now on or as soon as both have media.

        A call hears one source at a time: what it heard before is replaced for good, and a
        playback that ends this way fires no PlaybackFinished. Conferences and recorders hear all.
        Neither side needs to be connected yet. Fires no event. Raises TypeError when `mediaUnit`
        hears nothing. Options, for a WebSocket: encoding (WebSocketAudioEncoding, PCM8 by default),
        tag (256 characters) and customParameters (JSON of 2,000 characters), which its server is
        told. VoxEngine reference: Call.sendMediaTo.
        """
        self._check_sink("sendMediaTo", mediaUnit)
        given = () if parameters is None else (parameters,)
        what = f"{type(self).__name__}.sendMediaTo"
        stream = stream_fields(what, merge(what, MEDIA_OPTIONS, given, options))
        handle = self._edge("sendMediaTo", SendMediaTo, mediaUnit, stream)
        if not self._over and not mediaUnit._over:
            mediaUnit._superseded(PlaybackOutcome.REPLACED)
        return handle

    def stopMediaTo(self, mediaUnit: MediaUnit) -> CommandHandle:
        """`mediaUnit` no longer hears this one; no effect when it was replaced already.

        The call then hears silence. Fires no event. VoxEngine reference: Call.stopMediaTo.
        """
        self._check_sink("stopMediaTo", mediaUnit)
        return self._edge("stopMediaTo", StopMediaTo, mediaUnit)

    def _check_sink(self, what: str, sink: MediaUnit) -> None:
        if not isinstance(sink, MediaUnit) or not sink._hears:
            raise TypeError(
                f"{type(self).__name__}.{what}(): media goes to a Call, Conference, Recorder, "
                f"ASR or WebSocket, not to {type(sink).__name__}"
            )

    def _edge(
        self,
        what: str,
        command: type[SendMediaTo | StopMediaTo],
        sink: MediaUnit,
        fields: Mapping[str, Any] = NOTHING,
    ) -> CommandHandle:
        handle = CommandHandle(f"{type(self).__name__}.{what}")
        for end in (self, sink):
            if end._over:
                return self._session.ignored(handle, f"{end} has ended")
        built = self._session.build(
            handle._what, command, source=self._unit, sink=sink._unit, **fields
        )
        return self._session.command(built, handle)
