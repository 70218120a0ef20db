"""Transactions: retransmission, time-outs and matching, without I/O (RFC 3261 17, RFC 6026).

Requests and responses go in with the time; what to transmit and what happened come out.
"""

from .layer import TransactionLayer as TransactionLayer
from .matching import ClientKey as ClientKey
from .matching import ServerKey as ServerKey
from .matching import client_key as client_key
from .matching import server_key as server_key
from .outputs import AckArrived as AckArrived
from .outputs import LayerOutput as LayerOutput
from .outputs import RequestArrived as RequestArrived
from .outputs import RequestFailed as RequestFailed
from .outputs import RequestTimedOut as RequestTimedOut
from .outputs import ResponseArrived as ResponseArrived
from .outputs import ResponseFailed as ResponseFailed
from .outputs import TransactionEnded as TransactionEnded
from .outputs import Transmit as Transmit
from .schedule import Schedule as Schedule
from .timers import Timers as Timers
from .vocabulary import IllegalInputError as IllegalInputError

__all__ = [
    "AckArrived",
    "ClientKey",
    "IllegalInputError",
    "LayerOutput",
    "RequestArrived",
    "RequestFailed",
    "RequestTimedOut",
    "ResponseArrived",
    "ResponseFailed",
    "Schedule",
    "ServerKey",
    "Timers",
    "TransactionEnded",
    "TransactionLayer",
    "Transmit",
    "client_key",
    "server_key",
]
