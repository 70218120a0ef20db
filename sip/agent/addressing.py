"""What the user agent asks about addresses; `sip.transport.nat` answers for real listeners."""

from __future__ import annotations

from typing import Protocol

import attrs

from sip.address import Destination, Flow, Lookup
from sip.message import Request, Uri


class UnroutableError(Exception):
    """There is no way to this URI from here; the text says why, for people."""


@attrs.frozen(kw_only=True)
class SentBy:
    """Host and port of our Via."""

    host: str
    port: int


class Addressing(Protocol):
    """Which address we show to whom, and where messages go."""

    def route(self, next_hop: Uri, flow: Flow | None) -> Destination | Lookup:
        """Where a request to `next_hop` goes; `flow` is where its dialog was last heard.

        A Lookup when that is a name. UnroutableError when we have no transport for it.
        """
        ...

    def reach(self, place: Destination) -> Destination | None:
        """A place that a name led to, with the socket to use; None when none can reach it."""
        ...

    def by_tcp(self, destination: Destination) -> Destination | None:
        """The same place over TCP, by an open connection if there is one; None when TCP cannot
        lead there."""
        ...

    def reply_to(self, request: Request, flow: Flow) -> Destination:
        """Where the response to `request` goes; its Via has been stamped."""
        ...

    def stamp(self, request: Request, flow: Flow) -> None:
        """Note in the top Via where the request came from (received, rport)."""
        ...

    def sent_by(self, destination: Destination) -> SentBy: ...

    def contact(self, destination: Destination) -> str:
        """`host:port` and perhaps `;transport=tcp`: where the peer there can reach us."""
        ...

    def contact_on(self, flow: Flow) -> str:
        """The same for a peer that we hear on `flow`: the listener it reached already."""
        ...

    def flow_opened(self, flow: Flow) -> None: ...

    def flow_closed(self, flow: int) -> None: ...
