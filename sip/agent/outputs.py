"""What the user agent asks its shell to do, besides transmitting: traces, news, reports."""

from __future__ import annotations

from typing import Literal

import attrs

from sip.address import BoundAddress, Flow, Lookup, PeerAddress, Transport
from sip.dialog import InviteSession, SessionEvent
from sip.message import Request
from sip.registrar import RegistrationChanged
from sip.transaction import ClientKey, Transmit


@attrs.frozen(kw_only=True)
class SipTrace:
    """One message on the wire. `data` still holds credentials: mask before showing it."""

    direction: Literal["in", "out"]
    transport: Transport
    local: BoundAddress | None
    """None when the message never came as far as a socket."""
    remote: PeerAddress
    data: bytes
    call_id: str | None
    summary: str
    """Method and URI, or status and reason; or why it could not be read, or be sent."""
    retransmission: bool


def unsent(request: Request, flow: Flow | None, why: str) -> list[SipTrace]:
    """Of a request that was to go to the peer of `flow` and found no way; nothing without one."""
    if flow is None:
        return []
    trace = SipTrace(
        direction="out",
        transport=flow.transport,
        local=flow.local,
        remote=flow.peer,
        data=request.to_bytes(),
        call_id=request.headers.get("Call-ID"),
        summary=f"{request}, which is not sent: {why}",
        retransmission=False,
    )
    return [trace]


def not_delivered(output: Transmit, reason: str) -> SipTrace:
    """Of a message that the transports could not send."""
    to = output.destination
    return SipTrace(
        direction="out",
        transport=to.transport,
        local=None,
        remote=PeerAddress(transport=to.transport, host=to.host, port=to.port),
        data=output.data,
        call_id=output.call_id,
        summary=f"{output.summary}, which is not delivered: {reason}",
        retransmission=output.retransmission,
    )


@attrs.frozen(kw_only=True)
class RefusalReport:
    """A request that the endpoint refused by itself, for the operator's log."""

    what: str
    """Method and Request-URI, as far as they could be read."""
    why: str
    status: int
    """What was answered; 0 when nothing could be."""
    peer: PeerAddress
    call_id: str | None


@attrs.frozen
class SessionBegan:
    """An INVITE became a session; the owner has to name an observer for it."""

    session: InviteSession


@attrs.frozen
class SessionNews:
    session: InviteSession
    event: SessionEvent


@attrs.frozen
class SessionForgotten:
    """Nothing more will come of this session."""

    session: InviteSession


@attrs.frozen(kw_only=True)
class Locate:
    """Find the servers of a name (RFC 3263), and tell `located` with this key."""

    key: ClientKey
    lookup: Lookup
    seed: str
    """The same for all requests of a call, so that they go to the same of equal servers."""


Conduct = Literal["proved", "wrong password", "scanner"]
"""Worth knowing of a peer: it proved to be a user, guesses passwords, or is a known scanner."""


@attrs.frozen(kw_only=True)
class ConductReport:
    """How a peer behaves, for the owner's gate."""

    peer: PeerAddress
    conduct: Conduct
    why: str
    """For people."""


AgentOutput = (
    Locate
    | Transmit
    | SipTrace
    | RefusalReport
    | ConductReport
    | RegistrationChanged
    | SessionBegan
    | SessionNews
    | SessionForgotten
)


@attrs.frozen(kw_only=True)
class Refusal:
    """What the owner's gate says to a peer that may not talk to us."""

    status: int
    """The response; 0 to stay silent."""
    reason: str
    detail: str = ""
    """For the operator's log alone, when the peer is not to be told."""
    retry_after_s: int = 0
    """Retry-After of a 503; 0 for none."""


@attrs.frozen
class Stranger:
    """What the owner's gate says to a peer that may talk to us only as one of our users."""


@attrs.frozen
class MustProve:
    """What the owner's gate says to a peer that is welcome, but has to prove for each of its calls
    who it is."""


Admission = Refusal | Stranger | MustProve | None
"""None: welcome without further ado."""
