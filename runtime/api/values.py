"""The constants and result values of the scenario API.

What VoxEngine has keeps its name and value; results of our own awaitable commands are frozen values
that can be tested for truth where that reads well.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final

import attrs

from runtime.api.names import NamespaceType


class CallState(StrEnum):
    """Call.state(): equal to the plain strings too. VoxEngine reference: Call.state."""

    ALERTING = "ALERTING"
    PROGRESSING = "PROGRESSING"
    CONNECTED = "CONNECTED"
    TERMINATED = "TERMINATED"


class PlaybackOutcome(StrEnum):
    """How a say or startPlayback ended; what `await call.say(...)` gives."""

    FINISHED = "finished"
    """The last sample was played."""
    STOPPED = "stopped"
    """stopPlayback(), or a digit that barged in."""
    REPLACED = "replaced"
    """Another say, playback, leg, player or conference took the leg's one inbound stream."""
    CALL_ENDED = "call_ended"
    ERROR = "error"
    """The text, file or URL could not be played; the handle's `error` says why."""


class DTMFType(IntEnum):
    """Which kinds of digits Call.handleTones listens for. VoxEngine reference: DTMFType."""

    ALL = 0
    TELEPHONE_EVENT = 1
    """RFC 4733 packets in the RTP stream."""
    IN_BAND = 2
    """Tones in the audio."""
    SIP_INFO = 3


class GatherReason(StrEnum):
    """Why Call.gather ended."""

    MAX_DIGITS = "max_digits"
    FINISH_KEY = "finish_key"
    SPEECH = "speech"
    """Something was said."""
    TIMEOUT = "timeout"
    """No (further) digit came in time, and nothing was said."""
    CALL_ENDED = "call_ended"


@attrs.frozen(kw_only=True)
class Gathered:
    """What Call.gather collected; true when there is a digit or a word."""

    digits: str
    reason: GatherReason
    speech: str = ""
    """What was said, with reason SPEECH."""
    confidence: float = 0.0
    """How sure the recogniser is, 0 to 100."""
    error: str = ""
    """Why nothing that was said could be understood: the recogniser is not there, or left."""

    def __bool__(self) -> bool:
        return bool(self.digits or self.speech)


@attrs.frozen(kw_only=True)
class Answered:
    """What became of a call that was to be answered; true when it is connected.

    `code` is the SIP status (200 when connected, 408 when the wait timed out), `reason` is for
    people.
    """

    connected: bool
    code: int
    reason: str

    def __bool__(self) -> bool:
        return self.connected


class CallAudioQuality(StrEnum):
    """AudioQualityDetected.quality: equal to the plain strings too. VoxEngine reference:
    CallAudioQuality."""

    HD = "HD"
    """The codec carries more than telephone audio."""
    STANDARD = "STANDARD"


class ConferenceMode(StrEnum):
    """The `mode` option of Conference.add; audio is mixed for both. VoxEngine reference:
    ConferenceMode."""

    MIX = "MIX"
    FORWARD = "FORWARD"


class ConferenceDirection(StrEnum):
    """The `direction` option of Conference.add. VoxEngine reference: ConferenceDirection."""

    SEND = "SEND"
    """The call is heard."""
    RECEIVE = "RECEIVE"
    """It hears."""
    BOTH = "BOTH"


class WebSocketAudioEncoding(StrEnum):
    """How audio is encoded for a WebSocket. VoxEngine reference: WebSocketAudioEncoding."""

    PCM8 = "PCM8"
    """16-bit samples, 8 kHz, little-endian; the default."""
    PCM16 = "PCM16"
    """16-bit samples, 16 kHz, little-endian."""
    PCM16_8KHZ = "PCM8"
    PCM16_16KHZ = "PCM16"
    ALAW = "ALAW"
    ULAW = "ULAW"
    OPUS = "OPUS"
    """Packets of Opus, 48 kHz timestamps; one in each message."""


class WebSocketReadyState(StrEnum):
    """WebSocket.readyState: equal to the plain strings too."""

    CONNECTING = "connecting"
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


class RecordExpireTime(metaclass=NamespaceType):
    """How long a recording is to be kept. VoxEngine reference: RecordExpireTime."""

    THREEMONTHS: Final = ""
    SIXMONTHS: Final = "-6m"
    ONEYEAR: Final = "-1y"
    TWOYEARS: Final = "-2y"
    THREEYEARS: Final = "-3y"
    FIVEYEARS: Final = "-5y"


class Modules(metaclass=NamespaceType):
    """Names for require(). VoxEngine reference: Modules."""

    ACD: Final = "acd"
    AI: Final = "ai"
    AMD: Final = "amd"
    ApplicationStorage: Final = "applicationstorage"
    ASR: Final = "asr"
    Avatar: Final = "avatar"
    CallList: Final = "calllist"
    Cartesia: Final = "cartesia"
    Conference: Final = "conference"
    ElevenLabs: Final = "elevenlabs"
    Gemini: Final = "gemini"
    IVR: Final = "ivr"
    OpenAI: Final = "openai"
    Player: Final = "player"
    PushService: Final = "pushservice"
    Recorder: Final = "recorder"
    SmartQueue: Final = "smartqueue"
    StreamingAgent: Final = "streamingagent"
    Ultravox: Final = "ultravox"
    VoximplantAPI: Final = "voximplantapi"
    WebSocket: Final = "websocket"
    Yandex: Final = "yandex"
