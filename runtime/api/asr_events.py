"""Events of speech recognition. VoxEngine reference: ASREvents.

Order of one utterance: CaptureStarted, InterimResult*, SpeechCaptured, Result. Stopped or ASRError
is the last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import attrs

from runtime.api.events import Event

if TYPE_CHECKING:
    from runtime.api.asr import ASR


@attrs.frozen(kw_only=True)
class RecognitionEvent(Event):
    asr: ASR

    @property
    def id(self) -> str:
        return self.asr.id()


@attrs.frozen(kw_only=True)
class RecognitionStarted(RecognitionEvent):
    """The recogniser listens.

    Order: once, before all others; Error instead when there is no recogniser.
    """

    name: ClassVar[str] = "ASR.Started"


@attrs.frozen(kw_only=True)
class CaptureStarted(RecognitionEvent):
    """Somebody begins to speak: the moment to stop a prompt.

    Order: after Started; SpeechCaptured of the same utterance follows.
    """

    name: ClassVar[str] = "ASR.CaptureStarted"


@attrs.frozen(kw_only=True)
class SpeechCaptured(RecognitionEvent):
    """The utterance is over; its Result follows.

    Order: after CaptureStarted and InterimResult, before Result of the same utterance.
    """

    name: ClassVar[str] = "ASR.SpeechCaptured"


@attrs.frozen(kw_only=True)
class Result(RecognitionEvent):
    """What was said; "" when it was nothing that the recogniser knows. `confidence` 0 to 100,
    `resultEndTime` in ms: 0 when the recogniser does not tell.

    Order: once for each utterance, after SpeechCaptured.
    """

    name: ClassVar[str] = "ASR.Result"
    text: str = ""
    confidence: float = 0
    resultEndTime: float = 0
    languageCode: str = ""


@attrs.frozen(kw_only=True)
class InterimResult(RecognitionEvent):
    """What was said so far; with interimResults only, and from recognisers that stream.

    Order: between CaptureStarted and SpeechCaptured, as often as the recogniser changes its mind.
    """

    name: ClassVar[str] = "ASR.InterimResult"
    text: str = ""


@attrs.frozen(kw_only=True)
class RecognitionStopped(RecognitionEvent):
    """The result of stop(). `duration` in whole seconds since Started.

    Order: the last event, instead of ASRError.
    """

    name: ClassVar[str] = "ASR.Stopped"
    cost: str = "0"
    duration: int = 0


@attrs.frozen(kw_only=True)
class RecognitionError(RecognitionEvent):
    """Nothing can be recognised, or not any more (`error` says why); nothing follows.

    Order: the last event, instead of Stopped; instead of Started when it cannot begin.
    """

    name: ClassVar[str] = "ASR.Error"
    error: str = ""
