"""What a session needs from the user agent around it.

A session never sees a transaction layer, a socket or a clock: it answers requests that were given
to it, sends requests and hears their outcome, sets timers, and reports events.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Literal, Protocol

import attrs

from sip.address import Flow
from sip.message import Request, Response, Uri
from sip.transaction import ClientKey, ServerKey, Timers

from .events import SessionEvent

HeaderItems = Iterable[tuple[str, str]]


class IdSource(Protocol):
    """Random values; each call gives a new one that nobody can guess."""

    def branch(self) -> str:
        """The part after the magic cookie."""
        ...

    def tag(self) -> str: ...

    def call_id(self) -> str: ...

    def cnonce(self) -> str: ...

    def number(self) -> int:
        """A first CSeq or RSeq: 1 to 2**31 - 1, with room to count up."""
        ...

    def fraction(self) -> float:
        """0 up to 1, for random waiting times."""
        ...


@attrs.frozen(kw_only=True)
class Incoming:
    """A request of the peer that this session has to answer."""

    key: ServerKey
    request: Request
    flow: Flow
    sdp: bytes | None


@attrs.frozen(kw_only=True)
class Outcome:
    """What became of a request of ours: a response, or none."""

    status: int
    """408 when no response came in time, 503 when the request could not be delivered."""
    reason: str
    response: Response | None
    flow: Flow | None = None
    """Where the response came in."""
    fault: Literal["timeout", "transport"] | None = None


OnOutcome = Callable[[Outcome, float], None]


@attrs.frozen(kw_only=True)
class SentAck:
    """An ACK that went out, to be sent again when its 2xx is repeated."""

    resend: Callable[[], None]


class Port(Protocol):
    """The user agent, as one session sees it."""

    @property
    def ids(self) -> IdSource: ...

    @property
    def timers(self) -> Timers: ...

    @property
    def session_expires_s(self) -> int:
        """Session interval to ask for in our INVITEs; 0 asks for none."""
        ...

    def respond(
        self,
        incoming: Incoming,
        status: int,
        reason: str | None,
        now: float,
        *,
        why: str | None = None,
        to_tag: str | None = None,
        headers: HeaderItems = (),
        sdp: bytes | None = None,
    ) -> Response:
        """Answer a request; Contact, Allow, Supported and Warning are added where they belong.

        `reason` is the owner's phrase for the status line; `why` explains a refusal of our own
        beside the usual phrase. Either goes into the Warning.
        """
        ...

    def repeat(self, incoming: Incoming, response: Response, now: float) -> None:
        """Send a response again that the transaction does not repeat itself (2xx, reliable 1xx)."""
        ...

    def send(
        self, request: Request, next_hop: Uri, flow: Flow | None, outcome: OnOutcome, now: float
    ) -> ClientKey | None:
        """Send a request; each response and the final fault go to `outcome`.

        None when there is no way to the next hop; then the fault is reported a little later.
        """
        ...

    def cancel(self, invite: ClientKey, headers: HeaderItems, now: float) -> None:
        """CANCEL a pending INVITE of ours (RFC 3261 9.1)."""
        ...

    def give_up(self, invite: ClientKey, now: float) -> None:
        """Stop waiting for the final response of a cancelled INVITE."""
        ...

    def send_ack(self, ack: Request, next_hop: Uri, flow: Flow | None, now: float) -> SentAck:
        """Send the ACK of a 2xx, outside any transaction."""
        ...

    def set_timer(self, name: Hashable, at: float) -> None: ...

    def clear_timer(self, name: Hashable) -> None: ...

    def emit(self, event: SessionEvent) -> None: ...

    def ended(self) -> None:
        """The observer has been told Ended; the session may linger."""
        ...

    def forget(self) -> None:
        """The session has nothing left to do."""
        ...
