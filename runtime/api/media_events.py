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
    """The sound of a say or startPlayback is there.

    Order: before PlaybackStarted of the same playback. None of the three is fired for a playback
    that was stopped or replaced before.
    """

    name: ClassVar[str] = "Call.PlaybackReady"


@attrs.frozen(kw_only=True)
class PlaybackStarted(CallEvent):
    """The first sample is on its way; `duration` in milliseconds, 0 while unknown.

    Order: after PlaybackReady, before PlaybackFinished of the same playback; after Connected for
    one that waited for the answer.
    """

    name: ClassVar[str] = "Call.PlaybackStarted"
    duration: float = 0


@attrs.frozen(kw_only=True)
class PlaybackFinished(CallEvent):
    """A playback reached its end, or could not be played (`error`).

    Order: the last of a playback, once: after PlaybackStarted, or alone when it could not be
    played. Never for one that was stopped or replaced, nor after Disconnected.
    """

    name: ClassVar[str] = "Call.PlaybackFinished"
    error: str | None = None


@attrs.frozen(kw_only=True)
class RecordStarted(CallEvent):
    """Recording runs; the file will be at `url`.

    Order: after record(), from the answer (or early media) on; RecordStopped or RecordError of the
    same recording follows.
    """

    name: ClassVar[str] = "Call.RecordStarted"
    url: str = ""


@attrs.frozen(kw_only=True)
class RecordStopped(CallEvent):
    """The recording is complete; after Disconnected. `duration` in whole seconds.

    Order: after RecordStarted and after Disconnected (or Failed); the last event of a call.
    """

    name: ClassVar[str] = "Call.RecordStopped"
    url: str = ""
    cost: str = ""
    duration: int = 0


@attrs.frozen(kw_only=True)
class RecordError(CallEvent):
    """The call cannot be recorded, or is being recorded already (`error`).

    Order: instead of RecordStarted, or after it instead of RecordStopped; of a second record() at
    any time, and the first recording goes on.
    """

    name: ClassVar[str] = "Call.RecordError"
    error: str = ""


@attrs.frozen(kw_only=True)
class VideoTrackCreated(CallEvent):
    name: ClassVar[str] = "Call.Video.TrackCreated"
    url: str = ""


@attrs.frozen(kw_only=True)
class FirstAudioPacketReceived(CallEvent):
    """The leg's first audio packet arrived.

    Order: once, before or after Connected, before Disconnected.
    """

    name: ClassVar[str] = "Call.FirstAudioPacketReceived"


@attrs.frozen(kw_only=True)
class FirstVideoPacketReceived(CallEvent):
    name: ClassVar[str] = "Call.FirstVideoPacketReceived"


@attrs.frozen(kw_only=True)
class RtpStopped(CallEvent):
    """No RTP or RTCP came for some seconds (7 at most; 31 after comfort noise).

    Order: after audio has come, before Disconnected; in turn with RtpResumed.
    """

    name: ClassVar[str] = "Call.RtpStopped"


@attrs.frozen(kw_only=True)
class RtpResumed(CallEvent):
    """Packets come again, after RtpStopped.

    Order: after an RtpStopped, once for each.
    """

    name: ClassVar[str] = "Call.RtpResumed"


@attrs.frozen(kw_only=True)
class AudioIdentificationStarted(CallEvent):
    """The call's AMD detector begins to listen: with Connected.

    Order: once, right after Connected.
    """

    name: ClassVar[str] = "Call.AudioIdentificationStarted"


@attrs.frozen(kw_only=True)
class AudioIdentificationResult(CallEvent):
    """Who answered, as AMD.Events.DetectionComplete tells it right after: `audioType` is an
    AMD.ResultClass, `confidence` in percent.

    Order: once, after AudioIdentificationStarted; AMD.Events.DetectionComplete and
    AudioIdentificationStopped follow at once. Before Disconnected.
    """

    name: ClassVar[str] = "Call.AudioIdentificationResult"
    audioType: str = ""
    audioSubType: str = ""
    confidence: float = 0


@attrs.frozen(kw_only=True)
class AudioIdentificationStopped(CallEvent):
    """The detector has told its result and listens no more.

    Order: once, after AudioIdentificationResult.
    """

    name: ClassVar[str] = "Call.AudioIdentificationStopped"


@attrs.frozen(kw_only=True)
class AudioIdentificationError(CallEvent):
    """The call cannot be listened to; AMD.Events.DetectionError tells why.

    Order: instead of AudioIdentificationResult and AudioIdentificationStopped;
    AMD.Events.DetectionError follows at once.
    """

    name: ClassVar[str] = "Call.AudioIdentificationError"


@attrs.frozen(kw_only=True)
class BeepDetectionComplete(CallEvent):
    """The end of enableBeepDetection. `timeout`: None = a beep was heard, and is over; True = none
    came in time; False = disableBeepDetection. `frequencies` in Hz, as heard.

    Order: once for each enableBeepDetection, after Connected; VoicemailToneDetected or, after the
    time-out, VoicemailToneNotDetected follows at once.
    """

    name: ClassVar[str] = "Call.BeepDetectionComplete"
    frequencies: Sequence[float] = ()
    timeout: bool | None = None


@attrs.frozen(kw_only=True)
class BeepDetectionError(CallEvent):
    """The call cannot be listened to (`reason`); nothing follows.

    Order: instead of BeepDetectionComplete; VoicemailToneNotDetected follows at once.
    """

    name: ClassVar[str] = "Call.BeepDetectionError"
    reason: str = ""


@attrs.frozen(kw_only=True)
class VoicemailToneDetected(CallEvent):
    """The older name of a BeepDetectionComplete that heard a beep, fired right after it: the beep,
    of `frequency` Hz, is over.

    Order: right after BeepDetectionComplete.
    """

    name: ClassVar[str] = "Call.VoicemailToneDetected"
    frequency: float = 0.0


@attrs.frozen(kw_only=True)
class VoicemailToneNotDetected(CallEvent):
    """No beep came in time, or the call cannot be listened to; right after BeepDetectionComplete or
    BeepDetectionError.

    Order: right after BeepDetectionComplete or BeepDetectionError.
    """

    name: ClassVar[str] = "Call.VoicemailToneNotDetected"


@attrs.frozen(kw_only=True)
class AudioQualityDetected(CallEvent):
    """Once, after Connected and the first audio packet: `quality` is "HD" when the call's codec
    carries more than telephone audio, else "STANDARD".

    Order: once, after the later one of Connected and FirstAudioPacketReceived.
    """

    name: ClassVar[str] = "Call.AudioQualityDetected"
    quality: str = ""


@attrs.frozen(kw_only=True)
class MediaStatisticsReceived(CallEvent):
    """Every interval of monitorMediaStatistics, counted since the call began. `audio` holds
    incoming {packets, octets, lost, late, duplicated, loss (a fraction), jitter and maxGap (ms),
    mos (1 to 4.4, or None)}, outgoing {packets, octets, and what the peer reports, or None: lost,
    loss, jitter} and roundTrip (ms, or None). VoxEngine's reference does not name the fields; these
    are ours.

    Order: between Connected and Disconnected, one each interval.
    """

    name: ClassVar[str] = "Call.MediaStatisticsReceived"
    audio: Mapping[str, Any] = attrs.field(factory=dict[str, Any])


@attrs.frozen(kw_only=True)
class ToneDetected(CallEvent):
    """Once, after detectProgressTone: a dial, ringback, busy or congestion tone of that country
    (`ProgressTone`). `VoicemailTone` is always False: VoicemailToneDetected tells of beeps.

    Order: once, between Connected and Disconnected.
    """

    name: ClassVar[str] = "Call.ToneDetected"
    ProgressTone: bool = False
    VoicemailTone: bool = False


@attrs.frozen(kw_only=True)
class MicStatusChange(CallEvent):
    """After handleMicStatus(True): the peer began to speak (`active`), or has stopped.

    Order: the first one is `active`, then in turn; before Disconnected.
    """

    name: ClassVar[str] = "Call.MicStatusChange"
    active: bool = False


@attrs.frozen(kw_only=True)
class Statistics(CallEvent):
    name: ClassVar[str] = "Call.Statistics"
