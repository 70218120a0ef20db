"""VoxEngine: the session itself, as a scenario sees it.

Stateless: every method acts on the session that runs the calling code.
"""

from __future__ import annotations

import math
import zoneinfo
from datetime import UTC, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import trio

from runtime.api.asr import RecogniserMaking
from runtime.api.bridging import Forwarding
from runtime.api.conference import Conference
from runtime.api.event_constants import AppEvents
from runtime.api.handle import CommandHandle
from runtime.api.listeners import Listeners
from runtime.api.names import close_matches, public_names, unknown
from runtime.api.options import merge, text
from runtime.api.player_making import PlayerMaking
from runtime.api.recorder import Recorder, recording_fields
from runtime.api.running import current
from runtime.api.values import Modules
from runtime.api.websocket import SocketMaking
from runtime.sandbox.commands import CreateConference, CreateRecorder, SetSessionData


class Making(PlayerMaking, SocketMaking, RecogniserMaking):
    """createRecorder, createConference, the players, WebSockets, recognition."""

    __slots__ = ()

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
        if not isinstance(conference, Conference):
            kind = type(conference).__name__
            raise TypeError(
                f"VoxEngine.destroyConference(): conference must be a Conference, not {kind}"
            )
        conference.stop()


class Engine(Forwarding, Making):
    """The session itself. VoxEngine reference: VoxEngine."""

    __slots__ = ()
    _shown_as = "VoxEngine"
    _namespace = AppEvents
    _later = frozenset({"allowWebSocketConnections"})

    @property
    def _listeners(self) -> Listeners:
        return current().listeners

    def __repr__(self) -> str:
        return "VoxEngine"

    def customData(self, customData: str | None = None) -> str:
        """The session's own string; with an argument, set it first.

        Preset by whoever started the session, or by the `custom_data` of the rule that took the
        call. Hidden in timelines. Raises ValueError above the limit (200 bytes by default; what
        is preset may be longer). VoxEngine reference: VoxEngine.customData.
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

    def getSecretValue(self, name: str) -> str | None:
        """What stands for a secret of the operator's; None when there is none of that name.

        It is no value: it can be put into headers, URL and postData of Net.httpRequest and into
        password and authUser of callSIP, and becomes the value on its way to the hosts that the
        secret is meant for. Sent to another host, the request fails with code 0, the call with 403.
        Where an answer repeats the value, what stands for it is read instead. VoxEngine reference:
        VoxEngine.getSecretValue.
        """
        return current().secrets.get(text("VoxEngine.getSecretValue", "name", name))

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
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            kind = type(seconds).__name__
            raise TypeError(f"VoxEngine.sleep(): seconds must be a number, not {kind}")
        if not 0 <= seconds < math.inf:
            raise ValueError(f"VoxEngine.sleep(): seconds must be at least 0, not {seconds}")
        await trio.sleep(seconds)

    def now(self, tz: str | tzinfo | None = None) -> datetime:
        """The time, aware, in `tz` ("Europe/Berlin", or a tzinfo; UTC by default).

        Runs with the session's clock: in tests the mock clock drives it. Raises ValueError for a
        name that is no time zone.
        """
        return current().now().astimezone(zone_of(tz))


VoxEngine: Final = Engine()


def zone_of(tz: object) -> tzinfo:
    """The zone that VoxEngine.now was asked for."""
    if tz is None:
        return UTC
    if isinstance(tz, tzinfo):
        return tz
    name = text("VoxEngine.now", "tz", tz)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        zones = zoneinfo.available_timezones()
        raise ValueError(unknown("VoxEngine.now(): there is no time zone", name, zones)) from None


def require(module: str) -> None:
    """Accept one of Modules, or its string; everything is loaded already.

    Raises ValueError for another name. VoxEngine reference: require.
    """
    names = public_names(Modules)
    name = text("require", "module", module)
    if name.lower() not in {getattr(Modules, each) for each in names}:
        matches = close_matches(name, names)
        meant = f"; did you mean Modules.{matches[0]}?" if matches else ""
        raise ValueError(
            f"require(): unknown module {name[:60]!r}{meant or '; known are ' + ', '.join(names)}"
        )
