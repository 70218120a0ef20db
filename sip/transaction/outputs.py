"""What the transaction layer asks for: messages to transmit, and news for the transaction user."""

from __future__ import annotations

import attrs

from sip.address import Destination
from sip.message import Request, Response

from .matching import ClientKey, ServerKey


@attrs.frozen(kw_only=True)
class Transmit:
    """Send these bytes; report a failure with `transaction` (None: nobody wants to know)."""

    data: bytes
    destination: Destination
    transaction: ClientKey | ServerKey | None
    call_id: str
    summary: str
    """The start line without the version, for traces."""
    retransmission: bool = False


@attrs.frozen
class RequestArrived:
    """A request that is new to the layer; answer it with `respond(key, ...)`."""

    key: ServerKey
    request: Request


@attrs.frozen
class AckArrived:
    """An ACK that belongs to no failure response, so to a 2xx: the dialog's business."""

    request: Request


@attrs.frozen
class ResponseArrived:
    key: ClientKey
    response: Response


@attrs.frozen
class RequestTimedOut:
    """No answer came in time (timer B or F). The transaction is over."""

    key: ClientKey


@attrs.frozen
class RequestFailed:
    """The request could not be delivered. The transaction is over."""

    key: ClientKey
    reason: str


@attrs.frozen
class ResponseFailed:
    """A response could not be delivered, or its ACK never came (timer H)."""

    key: ServerKey
    reason: str


@attrs.frozen
class TransactionEnded:
    """Nothing more will come of this key; comes once for each transaction, last."""

    key: ClientKey | ServerKey


LayerOutput = (
    Transmit
    | RequestArrived
    | AckArrived
    | ResponseArrived
    | RequestTimedOut
    | RequestFailed
    | ResponseFailed
    | TransactionEnded
)
