"""The commands a scenario can give: one class per wire operation, with its strict schema.

Units (calls, players, recorders, conferences) are small integers scoped to the session: the worker
numbers what it creates oddly, the core evenly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import attrs

from runtime.decisions.directions import AudioDirection
from runtime.decisions.encodings import ENCODINGS
from runtime.decisions.http import MAX_URL, METHODS
from runtime.decisions.media_stream import MAX_CUSTOM, MAX_TAG
from runtime.decisions.retention import DAYS
from runtime.sandbox.command import Command as Command
from runtime.sandbox.conference_commands import CONFERENCE_COMMANDS
from runtime.sandbox.listening_commands import LISTENING_COMMANDS
from runtime.sandbox.mail_commands import MAIL_COMMANDS
from runtime.sandbox.player_commands import PLAYER_COMMANDS
from runtime.sandbox.recognition_commands import RECOGNITION_COMMANDS
from runtime.sandbox.schema import (
    MAX_CUSTOM_DATA,
    MAX_DIGITS,
    MAX_HTTP_BODY,
    MAX_HTTP_CONNECT_S,
    MAX_HTTP_S,
    MAX_INFO_BODY,
    MAX_NAME,
    MAX_TEXT,
    MAX_UNIT,
    MAX_URI,
    checked,
    flag,
    headers_field,
    http_headers_field,
    number,
    one_of,
    text_of,
    unit_field,
    whole_number,
)
from runtime.sandbox.socket_commands import SOCKET_COMMANDS
from runtime.sandbox.storage_commands import STORAGE_COMMANDS
from runtime.sandbox.transfer_commands import TRANSFER_COMMANDS


@attrs.frozen(kw_only=True)
class CreateCall(Command):
    """callSIP and its kin: an outgoing leg under a handle that the worker chose."""

    op: ClassVar[str] = "call.create"
    unit: int = unit_field()
    kind: str = checked(one_of("sip", "pstn", "user", "conference"))
    to: str = checked(text_of(MAX_URI, empty=False))
    callerid: str = checked(text_of(MAX_NAME), "")
    display_name: str = checked(text_of(MAX_NAME), "")
    auth_user: str = checked(text_of(MAX_NAME), "")
    password: str = checked(text_of(MAX_NAME), "")
    out_proxy: str = checked(text_of(MAX_URI), "")
    registration: str = checked(text_of(MAX_NAME), "")
    headers: dict[str, str] = headers_field()
    timeout_s: float = checked(number(1, 400), 60)
    allow_180_after_183: bool = checked(flag, False)
    follow_diversion: bool = checked(flag, False)
    direct_for: int | None = unit_field(optional=True)
    """callUserDirect: the incoming call with whose peer this one's talks directly."""


@attrs.frozen(kw_only=True)
class AnswerCall(Command):
    """Settles with "connected", or with an error when the leg ends first."""

    op: ClassVar[str] = "call.answer"
    unit: int = unit_field()
    headers: dict[str, str] = headers_field()
    display_name: str = checked(text_of(MAX_NAME), "")


@attrs.frozen(kw_only=True)
class AnswerCallDirect(Command):
    """`peer`: the call that was made for this one by callUserDirect. Settles as AnswerCall."""

    op: ClassVar[str] = "call.answer_direct"
    unit: int = unit_field()
    peer: int = unit_field()
    headers: dict[str, str] = headers_field()
    display_name: str = checked(text_of(MAX_NAME), "")


@attrs.frozen(kw_only=True)
class RejectCall(Command):
    op: ClassVar[str] = "call.reject"
    unit: int = unit_field()
    code: int = checked(whole_number(300, 699))
    headers: dict[str, str] = headers_field()


@attrs.frozen(kw_only=True)
class HangUpCall(Command):
    op: ClassVar[str] = "call.hangup"
    unit: int = unit_field()
    headers: dict[str, str] = headers_field()


@attrs.frozen(kw_only=True)
class RingCall(Command):
    op: ClassVar[str] = "call.ring"
    unit: int = unit_field()
    headers: dict[str, str] = headers_field()


@attrs.frozen(kw_only=True)
class StartEarlyMedia(Command):
    op: ClassVar[str] = "call.early_media"
    unit: int = unit_field()
    headers: dict[str, str] = headers_field()


@attrs.frozen(kw_only=True)
class SendInfo(Command):
    op: ClassVar[str] = "call.info"
    unit: int = unit_field()
    mime_type: str = checked(text_of(MAX_NAME, empty=False))
    body: str = checked(text_of(MAX_INFO_BODY, lines=True))
    headers: dict[str, str] = headers_field()


@attrs.frozen(kw_only=True)
class SendMessage(Command):
    op: ClassVar[str] = "call.message"
    unit: int = unit_field()
    text: str = checked(text_of(MAX_INFO_BODY, lines=True))


@attrs.frozen(kw_only=True)
class ReinviteCall(Command):
    op: ClassVar[str] = "call.reinvite"
    unit: int = unit_field()
    direction: str = checked(one_of("", *AudioDirection))
    """Empty: as it is."""
    headers: dict[str, str] = headers_field()


@attrs.frozen(kw_only=True)
class HandleTones(Command):
    """`kinds`: 0 all, 1 RFC 4733, 2 in-band, 3 SIP INFO (DTMFType)."""

    op: ClassVar[str] = "call.tones"
    unit: int = unit_field()
    handle: bool = checked(flag)
    kinds: int = checked(whole_number(0, 3), 0)


@attrs.frozen(kw_only=True)
class SendDigits(Command):
    op: ClassVar[str] = "call.digits"
    unit: int = unit_field()
    digits: str = checked(text_of(MAX_DIGITS))


@attrs.frozen(kw_only=True)
class RecordCall(Command):
    op: ClassVar[str] = "call.record"
    unit: int = unit_field()
    container: str = checked(one_of("mp3", "wav", "flac", "ogg"), "mp3")
    stereo: bool = checked(flag, False)
    hd_audio: bool = checked(flag, False)
    expire: str = checked(one_of(*DAYS), "")
    name_prefix: str = checked(text_of(MAX_NAME), "")


@attrs.frozen(kw_only=True)
class Say(Command):
    """Speak into a call.

    Settles when the playback is over: "finished", "stopped", "replaced", "call_ended", or an error.
    `playback` is chosen by the worker, rises, and comes back in the playback's events, so that the
    end of a playback that was already replaced can be dropped there.
    """

    op: ClassVar[str] = "media.say"
    unit: int = unit_field()
    playback: int = checked(whole_number(0, MAX_UNIT))
    text: str = checked(text_of(MAX_TEXT, lines=True))
    voice: str = checked(text_of(MAX_NAME), "")
    rate: str = checked(text_of(MAX_NAME), "")
    pitch: str = checked(text_of(MAX_NAME), "")
    volume: str = checked(text_of(MAX_NAME), "")
    progressive: bool = checked(flag, False)


@attrs.frozen(kw_only=True)
class StartPlayback(Command):
    """A sound file of the bundle, of the data folder, or an http(s) URL. Settles as `Say`.

    `progressive`: it begins while the rest still arrives.
    """

    op: ClassVar[str] = "media.play"
    unit: int = unit_field()
    playback: int = checked(whole_number(0, MAX_UNIT))
    url: str = checked(text_of(MAX_URI, empty=False))
    loop: bool = checked(flag, False)
    progressive: bool = checked(flag, False)


@attrs.frozen(kw_only=True)
class PlayProgressTone(Command):
    op: ClassVar[str] = "media.progress_tone"
    unit: int = unit_field()
    playback: int = checked(whole_number(0, MAX_UNIT))
    country: str = checked(text_of(8, empty=False))


@attrs.frozen(kw_only=True)
class StopPlayback(Command):
    op: ClassVar[str] = "media.stop"
    unit: int = unit_field()


@attrs.frozen(kw_only=True)
class SendMediaTo(Command):
    """`encoding`, `tag` and `custom_parameters` (JSON) are for a WebSocket."""

    op: ClassVar[str] = "media.send"
    source: int = unit_field()
    sink: int = unit_field()
    encoding: str = checked(one_of("", *ENCODINGS), "")
    tag: str = checked(text_of(MAX_TAG), "")
    custom_parameters: str = checked(text_of(MAX_CUSTOM, lines=True), "")


@attrs.frozen(kw_only=True)
class StopMediaTo(Command):
    op: ClassVar[str] = "media.stop_send"
    source: int = unit_field()
    sink: int = unit_field()


@attrs.frozen(kw_only=True)
class CreateRecorder(Command):
    op: ClassVar[str] = "recorder.create"
    unit: int = unit_field()
    container: str = checked(one_of("mp3", "wav", "flac", "ogg"), "mp3")
    hd_audio: bool = checked(flag, False)
    name: str = checked(text_of(MAX_NAME), "")
    expire: str = checked(one_of(*DAYS), "")
    name_prefix: str = checked(text_of(MAX_NAME), "")


@attrs.frozen(kw_only=True)
class MuteRecorder(Command):
    op: ClassVar[str] = "recorder.mute"
    unit: int = unit_field()
    mute: bool = checked(flag)


@attrs.frozen(kw_only=True)
class StopRecorder(Command):
    op: ClassVar[str] = "recorder.stop"
    unit: int = unit_field()


@attrs.frozen(kw_only=True)
class CreateConference(Command):
    op: ClassVar[str] = "conference.create"
    unit: int = unit_field()


@attrs.frozen(kw_only=True)
class StopConference(Command):
    op: ClassVar[str] = "conference.stop"
    unit: int = unit_field()


@attrs.frozen(kw_only=True)
class RequestHttp(Command):
    """Net.httpRequest. Settles with a ResponseFrame, or with an error when it is not taken.

    `body_bytes` of body follow at once, in BodyFrames with the number of this command. `shown`:
    path, parameters and headers may stand in the timeline.
    """

    op: ClassVar[str] = "http.request"
    url: str = checked(text_of(MAX_URL, empty=False))
    method: str = checked(one_of(*METHODS), "GET")
    headers: tuple[tuple[str, str], ...] = http_headers_field()
    body_bytes: int = checked(whole_number(0, MAX_HTTP_BODY), 0)
    timeout_s: float = checked(number(0, MAX_HTTP_S), MAX_HTTP_S)
    connect_timeout_s: float = checked(number(0, MAX_HTTP_CONNECT_S), MAX_HTTP_CONNECT_S)
    shown: bool = checked(flag, True)


@attrs.frozen(kw_only=True)
class SetSessionData(Command):
    op: ClassVar[str] = "session.custom_data"
    value: str = checked(text_of(MAX_CUSTOM_DATA, lines=True))


@attrs.frozen(kw_only=True)
class SetCallData(Command):
    op: ClassVar[str] = "call.custom_data"
    unit: int = unit_field()
    value: str = checked(text_of(MAX_CUSTOM_DATA, lines=True))


@attrs.frozen(kw_only=True)
class HideTones(Command):
    """Logger.hideTones: digits are masked in the timeline from now on."""

    op: ClassVar[str] = "session.hide_tones"
    hide: bool = checked(flag)


@attrs.frozen(kw_only=True)
class Terminate(Command):
    op: ClassVar[str] = "session.terminate"


_ALL: Final[tuple[type[Command], ...]] = (
    CreateCall,
    AnswerCall,
    AnswerCallDirect,
    RejectCall,
    HangUpCall,
    RingCall,
    StartEarlyMedia,
    SendInfo,
    SendMessage,
    ReinviteCall,
    HandleTones,
    SendDigits,
    *LISTENING_COMMANDS,
    *TRANSFER_COMMANDS,
    RecordCall,
    Say,
    StartPlayback,
    PlayProgressTone,
    StopPlayback,
    SendMediaTo,
    StopMediaTo,
    *PLAYER_COMMANDS,
    CreateRecorder,
    MuteRecorder,
    StopRecorder,
    CreateConference,
    StopConference,
    *CONFERENCE_COMMANDS,
    RequestHttp,
    *MAIL_COMMANDS,
    *SOCKET_COMMANDS,
    *RECOGNITION_COMMANDS,
    *STORAGE_COMMANDS,
    SetSessionData,
    SetCallData,
    HideTones,
    Terminate,
)
COMMANDS: Final[Mapping[str, type[Command]]] = {command.op: command for command in _ALL}
