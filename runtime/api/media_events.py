"""CallEvents of a leg's media: playback, recording, audio analysis, RTP.

Playback: PlaybackReady, PlaybackStarted, PlaybackFinished. A playback that was stopped or replaced
ends without PlaybackFinished; one that could not be played has only PlaybackFinished(error).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import attrs

from runtime.api.call_events import CallEvent


@attrs.frozen(kw_only=True)
class PlaybackReady(CallEvent):
    """The sound of a say or startPlayback is there."""

    name: ClassVar[str] = "Call.PlaybackReady"


@attrs.frozen(kw_only=True)
class PlaybackStarted(CallEvent):
    """The first sample is on its way; `duration` in milliseconds, 0 while unknown."""

    name: ClassVar[str] = "Call.PlaybackStarted"
    duration: float = 0


@attrs.frozen(kw_only=True)
class PlaybackFinished(CallEvent):
    """A playback reached its end, or could not be played (`error`)."""

    name: ClassVar[str] = "Call.PlaybackFinished"
    error: str | None = None


@attrs.frozen(kw_only=True)
class RecordStarted(CallEvent):
    """Recording runs; the file will be at `url`."""

    name: ClassVar[str] = "Call.RecordStarted"
    url: str = ""


@attrs.frozen(kw_only=True)
class RecordStopped(CallEvent):
    """The recording is complete; after Disconnected. `duration` in whole seconds."""

    name: ClassVar[str] = "Call.RecordStopped"
    url: str = ""
    cost: str = ""
    duration: int = 0


@attrs.frozen(kw_only=True)
class RecordError(CallEvent):
    """The call cannot be recorded, or is being recorded already (`error`)."""

    name: ClassVar[str] = "Call.RecordError"
    error: str = ""


@attrs.frozen(kw_only=True)
class VideoTrackCreated(CallEvent):
    name: ClassVar[str] = "Call.Video.TrackCreated"
    url: str = ""


@attrs.frozen(kw_only=True)
class FirstAudioPacketReceived(CallEvent):
    """The leg's first audio packet arrived."""

    name: ClassVar[str] = "Call.FirstAudioPacketReceived"


@attrs.frozen(kw_only=True)
class FirstVideoPacketReceived(CallEvent):
    name: ClassVar[str] = "Call.FirstVideoPacketReceived"


@attrs.frozen(kw_only=True)
class RtpStopped(CallEvent):
    """No RTP or RTCP came for some seconds (7 at most)."""

    name: ClassVar[str] = "Call.RtpStopped"


@attrs.frozen(kw_only=True)
class RtpResumed(CallEvent):
    """Packets come again, after RtpStopped."""

    name: ClassVar[str] = "Call.RtpResumed"


@attrs.frozen(kw_only=True)
class AudioIdentificationStarted(CallEvent):
    name: ClassVar[str] = "Call.AudioIdentificationStarted"


@attrs.frozen(kw_only=True)
class AudioIdentificationResult(CallEvent):
    name: ClassVar[str] = "Call.AudioIdentificationResult"
    audioType: str = ""
    audioSubType: str = ""
    confidence: float = 0


@attrs.frozen(kw_only=True)
class AudioIdentificationStopped(CallEvent):
    name: ClassVar[str] = "Call.AudioIdentificationStopped"


@attrs.frozen(kw_only=True)
class AudioIdentificationError(CallEvent):
    name: ClassVar[str] = "Call.AudioIdentificationError"


@attrs.frozen(kw_only=True)
class BeepDetectionComplete(CallEvent):
    """`timeout`: None = a beep was heard, True = timed out, False = disabled."""

    name: ClassVar[str] = "Call.BeepDetectionComplete"
    frequencies: Sequence[float] = ()
    timeout: bool | None = None


@attrs.frozen(kw_only=True)
class BeepDetectionError(CallEvent):
    name: ClassVar[str] = "Call.BeepDetectionError"
    reason: str = ""


@attrs.frozen(kw_only=True)
class AudioQualityDetected(CallEvent):
    """`quality` is "HD" or "STANDARD"."""

    name: ClassVar[str] = "Call.AudioQualityDetected"
    quality: str = ""


@attrs.frozen(kw_only=True)
class MediaStatisticsReceived(CallEvent):
    name: ClassVar[str] = "Call.MediaStatisticsReceived"
    audio: Mapping[str, Any] = attrs.field(factory=dict[str, Any])


@attrs.frozen(kw_only=True)
class ToneDetected(CallEvent):
    name: ClassVar[str] = "Call.ToneDetected"
    ProgressTone: bool = False
    VoicemailTone: bool = False


@attrs.frozen(kw_only=True)
class MicStatusChange(CallEvent):
    name: ClassVar[str] = "Call.MicStatusChange"
    active: bool = False


@attrs.frozen(kw_only=True)
class Statistics(CallEvent):
    name: ClassVar[str] = "Call.Statistics"
