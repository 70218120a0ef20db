"""What the transports tell the endpoint; every call is synchronous and never raises."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sip.address import BoundAddress, Destination, Flow, PeerAddress
from sip.message import Message, MessageError
from sip.transaction import ClientKey, Transmit


class Receiver(Protocol):
    def datagram(self, data: bytes, flow: Flow) -> None:
        """A UDP packet that is no keep-alive arrived."""
        ...

    def message(self, message: Message, flow: Flow) -> None:
        """A message arrived on a connection."""
        ...

    def fault(self, error: MessageError, data: bytes, flow: Flow) -> None:
        """Something that is no message arrived on a connection."""
        ...

    def sent(self, output: Transmit, local: BoundAddress, remote: PeerAddress) -> None:
        """A message left, or was queued on a connection."""
        ...

    def sent_on(self, key: ClientKey, flow: int) -> None:
        """A request depends on this connection now."""
        ...

    def undelivered(self, output: Transmit, reason: str) -> None:
        """A message could not be sent, or did not get out before its connection was gone."""
        ...

    def located(self, key: ClientKey, found: Sequence[Destination], reason: str) -> None:
        """What a name led to; nothing, and the reason."""
        ...

    def returned(self, data: bytes, reason: str) -> None:
        """The network said that nobody takes this datagram of ours (it may be cut short)."""
        ...

    def flow_opened(self, flow: Flow) -> None: ...

    def flow_closed(self, flow: int, reason: str, peer: PeerAddress | None) -> None:
        """A connection is gone, or never came up (no peer)."""
        ...

    def needs_flow(self, flow: int) -> bool:
        """Whether a dialog was last heard on this connection."""
        ...

    def welcomes(self, peer: PeerAddress) -> bool:
        """Whether a peer may open a connection."""
        ...

    def turned_away(self, peer: PeerAddress, what: str, why: str) -> None:
        """A peer's connection was closed before any message could come on it."""
        ...

    def notice(self, text: str) -> None:
        """Something that the operator should know, and that is no peer's doing."""
        ...
