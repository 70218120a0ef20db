"""SIP messages: values, parser, framing, validation, serialising. Pure; no I/O."""

from .address import NameAddr as NameAddr
from .answer import response_to as response_to
from .cseq import CSeq as CSeq
from .error import MessageError as MessageError
from .framing import KeepAlive as KeepAlive
from .framing import StreamFramer as StreamFramer
from .headers import Headers as Headers
from .message import Message as Message
from .message import Request as Request
from .message import Response as Response
from .params import HeaderParams as HeaderParams
from .params import UriParams as UriParams
from .parser import parse_datagram as parse_datagram
from .reasons import reason_phrase as reason_phrase
from .uri import Uri as Uri
from .validation import validate as validate
from .via import Via as Via

__all__ = [
    "CSeq",
    "HeaderParams",
    "Headers",
    "KeepAlive",
    "Message",
    "MessageError",
    "NameAddr",
    "Request",
    "Response",
    "StreamFramer",
    "Uri",
    "UriParams",
    "Via",
    "parse_datagram",
    "reason_phrase",
    "response_to",
    "validate",
]
