"""Speech recognition: the embedded recogniser, and the ways to those of the operator."""

from .embedded import EmbeddedRecogniser as EmbeddedRecogniser
from .port import Recognition as Recognition
from .port import RecognitionEvent as RecognitionEvent
from .port import RecognitionListener as RecognitionListener
from .port import RecognitionLost as RecognitionLost
from .port import RecognitionNote as RecognitionNote
from .port import RecognitionPort as RecognitionPort
from .port import RecognitionRequest as RecognitionRequest
from .port import RecognitionUnavailable as RecognitionUnavailable
from .providers import Recognisers as Recognisers

__all__ = [
    "EmbeddedRecogniser",
    "Recognisers",
    "Recognition",
    "RecognitionEvent",
    "RecognitionListener",
    "RecognitionLost",
    "RecognitionNote",
    "RecognitionPort",
    "RecognitionRequest",
    "RecognitionUnavailable",
]
