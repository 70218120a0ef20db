"""Events of an answering-machine detector. VoxEngine reference: AMD.Events."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

import attrs

from runtime.api.events import Event

if TYPE_CHECKING:
    from runtime.api.amd import AMDDetector
    from runtime.api.call import Call


class AMDResultClass(StrEnum):
    """Who answered. VoxEngine reference: AMD.ResultClass."""

    HUMAN = "HUMAN"
    VOICEMAIL = "VOICEMAIL"
    TIMEOUT = "TIMEOUT"
    CALL_ENDED = "CALL_ENDED"


class AMDResultSubtype(StrEnum):
    """VoxEngine reference: AMD.ResultSubtype."""

    MIMIC = "MIMIC"
    NONE = "NONE"


@attrs.frozen(kw_only=True)
class AMDEvent(Event):
    amd: AMDDetector
    callId: str = ""

    @property
    def call(self) -> Call:
        return self.amd.call()


@attrs.frozen(kw_only=True)
class DetectionComplete(AMDEvent):
    """It is decided who answered, the time is over (TIMEOUT), or the call is (CALL_ENDED).

    `confidence` in percent is an order of the rules that decided, not a measurement;
    `resultSubtype` is always NONE here.

    Order: once, instead of DetectionError: right after CallEvents.AudioIdentificationResult, before
    AudioIdentificationStopped. Of a call that ends before Connected it comes alone, before Failed
    or Disconnected.
    """

    name: ClassVar[str] = "AMD.DetectionComplete"
    resultClass: AMDResultClass = attrs.field(
        default=AMDResultClass.TIMEOUT, converter=AMDResultClass
    )
    resultSubtype: AMDResultSubtype = attrs.field(
        default=AMDResultSubtype.NONE, converter=AMDResultSubtype
    )
    confidence: int = 0


@attrs.frozen(kw_only=True)
class DetectionError(AMDEvent):
    """The call cannot be listened to (`message`).

    Order: once, instead of DetectionComplete, right after CallEvents.AudioIdentificationError.
    """

    name: ClassVar[str] = "AMD.DetectionError"
    message: str = ""
