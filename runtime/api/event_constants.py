"""The name spaces of event constants: AppEvents, CallEvents, PlayerEvents and their kin."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from runtime.api import app_events as app
from runtime.api import asr_events as asr
from runtime.api import call_events as life
from runtime.api import media_events as media
from runtime.api import socket_events as socket
from runtime.api import unit_events as unit
from runtime.api.events import Event
from runtime.api.names import NamespaceType


class AppEvents(metaclass=NamespaceType):
    """Events of the session, for VoxEngine.addEventListener. VoxEngine reference: AppEvents."""

    Started: TypeAlias = app.Started
    CallAlerting: TypeAlias = app.CallAlerting
    HttpRequest: TypeAlias = app.HttpRequest
    WebSocket: TypeAlias = app.NewWebSocketConnection
    NewWebSocketFailed: TypeAlias = app.NewWebSocketFailed
    Terminating: TypeAlias = app.Terminating
    Terminated: TypeAlias = app.Terminated
    NewWebSocketConnection: TypeAlias = app.NewWebSocketConnection  # as our scripts had it first


class CallEvents(metaclass=NamespaceType):
    """Events of one call, for Call.addEventListener. VoxEngine reference: CallEvents."""

    AudioIdentificationError: TypeAlias = media.AudioIdentificationError
    AudioIdentificationResult: TypeAlias = media.AudioIdentificationResult
    AudioIdentificationStarted: TypeAlias = media.AudioIdentificationStarted
    AudioIdentificationStopped: TypeAlias = media.AudioIdentificationStopped
    AudioQualityDetected: TypeAlias = media.AudioQualityDetected
    AudioStarted: TypeAlias = life.AudioStarted
    BeepDetectionComplete: TypeAlias = media.BeepDetectionComplete
    BeepDetectionError: TypeAlias = media.BeepDetectionError
    BlindTransferRequested: TypeAlias = life.BlindTransferRequested
    Connected: TypeAlias = life.Connected
    Disconnected: TypeAlias = life.Disconnected
    Failed: TypeAlias = life.Failed
    FirstAudioPacketReceived: TypeAlias = media.FirstAudioPacketReceived
    FirstVideoPacketReceived: TypeAlias = media.FirstVideoPacketReceived
    Forwarding: TypeAlias = life.Forwarding
    InfoReceived: TypeAlias = life.InfoReceived
    MediaStatisticsReceived: TypeAlias = media.MediaStatisticsReceived
    MessageReceived: TypeAlias = life.MessageReceived
    MicStatusChange: TypeAlias = media.MicStatusChange
    OffHold: TypeAlias = life.OffHold
    OnHold: TypeAlias = life.OnHold
    PlaybackFinished: TypeAlias = media.PlaybackFinished
    PlaybackReady: TypeAlias = media.PlaybackReady
    PlaybackStarted: TypeAlias = media.PlaybackStarted
    PushSent: TypeAlias = life.PushSent
    RecordError: TypeAlias = media.RecordError
    RecordStarted: TypeAlias = media.RecordStarted
    RecordStopped: TypeAlias = media.RecordStopped
    ReInviteAccepted: TypeAlias = life.ReInviteAccepted
    ReInviteReceived: TypeAlias = life.ReInviteReceived
    ReInviteRejected: TypeAlias = life.ReInviteRejected
    Ringing: TypeAlias = life.Ringing
    RtpResumed: TypeAlias = media.RtpResumed
    RtpStopped: TypeAlias = media.RtpStopped
    StateChanged: TypeAlias = life.StateChanged
    Statistics: TypeAlias = media.Statistics
    ToneDetected: TypeAlias = media.ToneDetected
    ToneReceived: TypeAlias = life.ToneReceived
    TransferComplete: TypeAlias = life.TransferComplete
    TransferFailed: TypeAlias = life.TransferFailed
    VideoTrackCreated: TypeAlias = media.VideoTrackCreated
    VoicemailToneDetected: TypeAlias = media.VoicemailToneDetected
    VoicemailToneNotDetected: TypeAlias = media.VoicemailToneNotDetected


class PlayerEvents(metaclass=NamespaceType):
    """Events of a player. VoxEngine reference: PlayerEvents."""

    Created: TypeAlias = unit.PlayerCreated
    PlaybackReady: TypeAlias = unit.PlayerPlaybackReady
    Started: TypeAlias = unit.PlayerStarted
    Stopped: TypeAlias = unit.PlayerStopped
    PlaybackFinished: TypeAlias = unit.PlayerPlaybackFinished
    Error: TypeAlias = unit.PlayerError
    PlaybackMarkerReached: TypeAlias = unit.PlaybackMarkerReached
    PlaybackBuffering: TypeAlias = unit.PlaybackBuffering


class SequencePlayerEvents(metaclass=NamespaceType):
    """Events of a sequence player. VoxEngine reference: SequencePlayerEvents."""

    Created: TypeAlias = unit.SequenceCreated
    PlaybackReady: TypeAlias = unit.SequencePlaybackReady
    Started: TypeAlias = unit.SequenceStarted
    Stopped: TypeAlias = unit.SequenceStopped
    PlaybackFinished: TypeAlias = unit.SequencePlaybackFinished
    Error: TypeAlias = unit.SequenceError
    PlaybackMarkerReached: TypeAlias = unit.SequenceMarkerReached


class RecorderEvents(metaclass=NamespaceType):
    """Events of a recorder. VoxEngine reference: RecorderEvents."""

    Started: TypeAlias = unit.RecorderStarted
    Stopped: TypeAlias = unit.RecorderStopped
    RecorderError: TypeAlias = unit.RecorderError
    Error: TypeAlias = unit.RecorderError  # as our scripts had it first


class ConferenceEvents(metaclass=NamespaceType):
    """Events of a conference. VoxEngine reference: ConferenceEvents."""

    Started: TypeAlias = unit.ConferenceStarted
    Stopped: TypeAlias = unit.ConferenceStopped
    ConferenceError: TypeAlias = unit.ConferenceError
    EndpointAdded: TypeAlias = unit.EndpointAdded
    EndpointRemoved: TypeAlias = unit.EndpointRemoved
    EndpointUpdated: TypeAlias = unit.EndpointUpdated
    Error: TypeAlias = unit.ConferenceError  # as our scripts had it first


class ASREvents(metaclass=NamespaceType):
    """Events of speech recognition. VoxEngine reference: ASREvents."""

    Started: TypeAlias = asr.RecognitionStarted
    CaptureStarted: TypeAlias = asr.CaptureStarted
    SpeechCaptured: TypeAlias = asr.SpeechCaptured
    Result: TypeAlias = asr.Result
    InterimResult: TypeAlias = asr.InterimResult
    Stopped: TypeAlias = asr.RecognitionStopped
    ASRError: TypeAlias = asr.RecognitionError


class WebSocketEvents(metaclass=NamespaceType):
    """Events of a WebSocket. VoxEngine reference: WebSocketEvents."""

    CREATED: TypeAlias = socket.SocketCreated
    OPEN: TypeAlias = socket.SocketOpen
    MESSAGE: TypeAlias = socket.SocketMessage
    ERROR: TypeAlias = socket.SocketError
    CLOSE: TypeAlias = socket.SocketClose
    MEDIA_STARTED: TypeAlias = socket.SocketMediaStarted
    MEDIA_ENDED: TypeAlias = socket.SocketMediaEnded


def constants(space: NamespaceType) -> dict[type[Event], str]:
    """Event class -> its constant, in the order of the space; the first name counts."""
    found: dict[type[Event], str] = {}
    for name, value in vars(space).items():
        if not name.startswith("_"):
            found.setdefault(value, name)
    return found


SPACES: Final = (
    AppEvents,
    CallEvents,
    PlayerEvents,
    SequencePlayerEvents,
    RecorderEvents,
    ConferenceEvents,
    WebSocketEvents,
    ASREvents,
)
"""All of them but AMD.Events."""


_NO_VIDEO: Final = "calls carry audio only"
NEVER_FIRED: Final[Mapping[str, str]] = MappingProxyType(
    {
        media.FirstVideoPacketReceived.name: _NO_VIDEO,
        media.VideoTrackCreated.name: _NO_VIDEO,
        life.Forwarding.name: "calls are forwarded by the vendor's platform only; 181 is no event",
        life.PushSent.name: "push notifications are the vendor's service; registered phones ring",
        media.Statistics.name: "call figures come with MediaStatisticsReceived, after "
        "Call.monitorMediaStatistics()",
    }
)
"""Known events that nothing here will ever cause, and why; registering for one says so."""
