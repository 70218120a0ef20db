"""WebSockets of scripts, which they open or take: their connection, and the audio in them."""

from .arrival import Arrival as Arrival
from .client import SocketClient as SocketClient
from .handshake import Handshake as Handshake
from .handshake import HandshakeFailed as HandshakeFailed
from .port import MAX_QUEUED_BYTES as MAX_QUEUED_BYTES
from .port import MAX_STREAMS as MAX_STREAMS
from .port import Socket as Socket
from .port import SocketArrival as SocketArrival
from .port import SocketBegan as SocketBegan
from .port import SocketClosed as SocketClosed
from .port import SocketEnded as SocketEnded
from .port import SocketEvent as SocketEvent
from .port import SocketFull as SocketFull
from .port import SocketGone as SocketGone
from .port import SocketLane as SocketLane
from .port import SocketListener as SocketListener
from .port import SocketNote as SocketNote
from .port import SocketPort as SocketPort
from .port import SocketRequest as SocketRequest
from .port import SocketText as SocketText
from .port import Turn as Turn

__all__ = [
    "MAX_QUEUED_BYTES",
    "MAX_STREAMS",
    "Arrival",
    "Handshake",
    "HandshakeFailed",
    "Socket",
    "SocketArrival",
    "SocketBegan",
    "SocketClient",
    "SocketClosed",
    "SocketEnded",
    "SocketEvent",
    "SocketFull",
    "SocketGone",
    "SocketLane",
    "SocketListener",
    "SocketNote",
    "SocketPort",
    "SocketRequest",
    "SocketText",
    "Turn",
]
