"""WebSockets that scripts open: their connection, and the audio in them."""

from .client import SocketClient as SocketClient
from .port import MAX_QUEUED_BYTES as MAX_QUEUED_BYTES
from .port import Socket as Socket
from .port import SocketBegan as SocketBegan
from .port import SocketClosed as SocketClosed
from .port import SocketEnded as SocketEnded
from .port import SocketEvent as SocketEvent
from .port import SocketFull as SocketFull
from .port import SocketListener as SocketListener
from .port import SocketNote as SocketNote
from .port import SocketPort as SocketPort
from .port import SocketRequest as SocketRequest
from .port import SocketText as SocketText

__all__ = [
    "MAX_QUEUED_BYTES",
    "Socket",
    "SocketBegan",
    "SocketClient",
    "SocketClosed",
    "SocketEnded",
    "SocketEvent",
    "SocketFull",
    "SocketListener",
    "SocketNote",
    "SocketPort",
    "SocketRequest",
    "SocketText",
]
