"""Session descriptions and the offer/answer decisions on them. Pure; no I/O."""

from .agreement import LocalMedia as LocalMedia
from .agreement import MediaCapabilities as MediaCapabilities
from .agreement import NegotiatedAudio as NegotiatedAudio
from .agreement import SrtpAgreement as SrtpAgreement
from .agreement import SrtpPolicy as SrtpPolicy
from .codec import G722 as G722
from .codec import L16_NARROW as L16_NARROW
from .codec import L16_WIDE as L16_WIDE
from .codec import OPUS as OPUS
from .codec import PCMA as PCMA
from .codec import PCMU as PCMU
from .codec import Codec as Codec
from .crypto import SUITES as SUITES
from .crypto import SrtpKey as SrtpKey
from .direction import Direction as Direction
from .error import NegotiationError as NegotiationError
from .error import SdpError as SdpError
from .lines import Attribute as Attribute
from .lines import Connection as Connection
from .lines import Origin as Origin
from .media import MediaDescription as MediaDescription
from .negotiate import accept_answer as accept_answer
from .negotiate import answer_offer as answer_offer
from .negotiate import make_offer as make_offer
from .session import SessionDescription as SessionDescription

__all__ = [
    "G722",
    "L16_NARROW",
    "L16_WIDE",
    "OPUS",
    "PCMA",
    "PCMU",
    "SUITES",
    "Attribute",
    "Codec",
    "Connection",
    "Direction",
    "LocalMedia",
    "MediaCapabilities",
    "MediaDescription",
    "NegotiatedAudio",
    "NegotiationError",
    "Origin",
    "SdpError",
    "SessionDescription",
    "SrtpAgreement",
    "SrtpKey",
    "SrtpPolicy",
    "accept_answer",
    "answer_offer",
    "make_offer",
]
