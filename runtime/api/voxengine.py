"""VoxEngine: the session itself, as a scenario sees it.

Stateless: every method acts on the session that runs the calling code.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

import trio

from runtime.api.bridging import Forwarding
from runtime.api.call import SAY_OPTIONS, speech_fields
from runtime.api.conference import Conference
from runtime.api.event_constants import AppEvents
from runtime.api.handle import CommandHandle
from runtime.api.listeners import EventSource, Listeners
from runtime.api.options import flag, merge, text
from runtime.api.player import Player
from runtime.api.recorder import Recorder, recording_fields
from runtime.api.running import current
from runtime.api.values import Modules
from runtime.sandbox.commands import (
    CreateConference,
    CreateRecorder,
    CreateTtsPlayer,
    CreateUrlPlayer,
    SetSessionData,
)

URL_OPTIONS: Final = ("url", "method", "headers", "body")
PLAYER_OPTIONS: Final = (
    "loop",
    "onPause",
    "progressivePlayback",
    "hideHeaders",
    "hideBody",
)
TTS_PLAYER_OPTIONS: Final = (*SAY_OPTIONS, "onPause")


class Making(EventSource):
    """createURLPlayer, createTTSPlayer, createRecorder, createConference."""

    __slots__ = ()

    def createURLPlayer(
        self, url: str | Mapping[str, object], *parameters: object, **options: object
    ) -> Player:
        """A player of a sound file (a file of the scenario's folder, or http(s); 10 MB at most).

        Options, as keywords or one dict: loop, onPause (wait for resume()), progressivePlayback.
        The older positional form (url, loop, onPause) works. Created, PlaybackReady and Started
        follow, PlaybackFinished at the end, PlaybackFinished(error) when it cannot be played.
        VoxEngine reference: VoxEngine.createURLPlayer.
        """
        what = "VoxEngine.createURLPlayer"
        if isinstance(url, Mapping):
            url = merge(what, URL_OPTIONS, (url,), {}).get("url", "")
        legacy = ("loop", "onPause")
        given = merge(what, PLAYER_OPTIONS, parameters, options, legacy=legacy)
        session = current()
        session.refuse_late(what)
        unit = session.new_unit()
        command = session.build(
            what,
            CreateUrlPlayer,
            unit=unit,
            url=text(what, "url", url),
            loop=flag(what, "loop", given.get("loop", False)),
            on_pause=flag(what, "onPause", given.get("onPause", False)),
        )
        session.command(command, CommandHandle(what))
        return Player(session, unit)

    def createTTSPlayer(self, text: str, *parameters: object, **options: object) -> Player:
        """A player that speaks `text` (at most 1,500 characters).

        Options, as keywords or one dict: voice, onPause; the others of Call.say are accepted.
        Events as for createURLPlayer. VoxEngine reference: VoxEngine.createTTSPlayer.
        """
        what = "VoxEngine.createTTSPlayer"
        given = merge(what, TTS_PLAYER_OPTIONS, parameters, options, legacy=("voice",))
        spoken = speech_fields(what, text, given)
        session = current()
        session.refuse_late(what)
        unit = session.new_unit()
        command = session.build(
            what,
            CreateTtsPlayer,
            unit=unit,
            text=spoken["text"],
            voice=spoken["voice"],
            on_pause=flag(what, "onPause", given.get("onPause", False)),
        )
        session.command(command, CommandHandle(what))
        return Player(session, unit)

    def createRecorder(self, *parameters: object, **options: object) -> Recorder:
        """A recorder of whatever is sent to it with x.sendMediaTo(recorder).

        Options, as keywords or one dict: name, hd_audio, lossless, container ("mp3", "wav",
        "flac", "ogg"). The older positional form (name, secure) works.
        RecorderEvents.Started(url) follows. VoxEngine reference:
        VoxEngine.createRecorder.
        """
        what = "VoxEngine.createRecorder"
        session = current()
        session.refuse_late(what)
        fields = recording_fields(session, what, parameters, options)
        fields.pop("stereo")
        unit = session.new_unit()
        command = session.build(what, CreateRecorder, unit=unit, **fields)
        session.command(command, CommandHandle(what))
        return Recorder(session, unit)

    def createConference(self, *parameters: object, **options: object) -> Conference:
        """An audio mixer. Option hd_audio is accepted. ConferenceEvents.Started follows.
        VoxEngine reference: VoxEngine.createConference."""
        what = "VoxEngine.createConference"
        merge(what, ("hd_audio",), parameters, options)
        session = current()
        session.refuse_late(what)
        unit = session.new_unit()
        session.command(CreateConference(unit=unit), CommandHandle(what))
        return Conference(session, unit)

    def destroyConference(self, conference: Conference) -> None:
        """End a mixer; as conference.stop(). VoxEngine reference: VoxEngine.destroyConference."""
        conference.stop()


class Engine(Forwarding, Making):
    """The VoxEngine name space. VoxEngine reference: VoxEngine."""

    __slots__ = ()
    _shown_as = "VoxEngine"
    _namespace = AppEvents
    _later = frozenset(
        {
            "allowWebSocketConnections",
            "callConference",
            "callUserDirect",
            "callWhatsappUser",
            "createASR",
            "createSequencePlayer",
            "createStreamingAgent",
            "createToneScriptPlayer",
            "createWebSocket",
            "enqueueACDRequest",
            "enqueueTask",
            "forwardCallToUserDirect",
            "getSecretValue",
        }
    )

    @property
    def _listeners(self) -> Listeners:
        return current().listeners

    def __repr__(self) -> str:
        return "VoxEngine"

    def customData(self, customData: str | None = None) -> str:
        """The session's own string; with an argument, set it first.

        Preset by whoever started the session; shown in the call history. Raises ValueError above
        the limit (200 bytes by default). VoxEngine reference: VoxEngine.customData.
        """
        session = current()
        if customData is not None:
            what = "VoxEngine.customData"
            value = text(what, "customData", customData)
            session.check_custom_data(what, value)
            command = session.build(what, SetSessionData, value=value)
            session.command(command, CommandHandle(what), late=True)
            session.custom_data = value
        return session.custom_data

    def terminate(self) -> None:
        """End the session: all calls and media.

        The running handler goes on to its end; after it only Terminating and Terminated are
        delivered, no timer fires, and tasks that wait are cancelled after Terminated. Commands
        given after it are ignored with a log line. Safe to call twice, and as a handler. VoxEngine
        reference: VoxEngine.terminate.
        """
        current().terminate()

    async def sleep(self, seconds: float) -> None:
        """Wait; other handlers go on meanwhile. In tests the mock clock drives it."""
        if not 0 <= seconds < float("inf"):
            raise ValueError("VoxEngine.sleep(): seconds must be a number of at least 0")
        await trio.sleep(seconds)

    def now(self, tz: str | tzinfo | None = None) -> datetime:
        """The time, aware, in `tz` ("Europe/Berlin", or a tzinfo; UTC by default).

        Runs with the session's clock: in tests the mock clock drives it.
        """
        if tz is None:
            return current().now()
        return current().now().astimezone(ZoneInfo(tz) if isinstance(tz, str) else tz)


VoxEngine: Final = Engine()


def require(module: str) -> None:
    """Accept one of Modules, or its string; everything is loaded already.

    Raises ValueError for another name. VoxEngine reference: require.
    """
    known: Mapping[str, Any] = {name: getattr(Modules, name) for name in dir(Modules)}
    if not isinstance(module, str) or module.lower() not in known.values():
        names = ", ".join(sorted(name for name in known if not name.startswith("_")))
        raise ValueError(f"require(): unknown module {str(module)[:60]!r}; known are {names}")
