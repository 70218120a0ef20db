"""Speech recognition: what a session may ask of it.

Who provides it is in modules of its own, which the start-up wiring alone loads."""

from .port import Recognition as Recognition
from .port import RecognitionEvent as RecognitionEvent
from .port import RecognitionListener as RecognitionListener
from .port import RecognitionLost as RecognitionLost
from .port import RecognitionNote as RecognitionNote
from .port import RecognitionPort as RecognitionPort
from .port import RecognitionRequest as RecognitionRequest
from .port import RecognitionUnavailable as RecognitionUnavailable

__all__ = [
    "Recognition",
    "RecognitionEvent",
    "RecognitionListener",
    "RecognitionLost",
    "RecognitionNote",
    "RecognitionPort",
    "RecognitionRequest",
    "RecognitionUnavailable",
]
