"""The INVITE that begins an outgoing session (RFC 3261 8.1.1, 13.2.1)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import attrs

from sip.address import Flow
from sip.auth import Credentials
from sip.message import CSeq, Headers, NameAddr, Request, Uri
from sip.message.headers import key_of

from .dialog import MAX_FORWARDS
from .redirects import MayFollow
from .routing import RoutePlan, as_request_uri, plan_route

RESERVED: Final = frozenset(
    {
        *("via", "from", "to", "call-id", "cseq", "contact", "max-forwards", "route"),
        *("record-route", "content-length", "content-type", "content-encoding", "require"),
        *("rseq", "rack", "supported", "allow", "session-expires", "min-se", "proxy-require"),
    }
)
"""Headers that the stack itself writes; a second one would contradict the first."""


@attrs.frozen(kw_only=True)
class InviteOrder:
    """What the owner asks for."""

    target: Uri
    from_: NameAddr
    sdp: bytes | None
    headers: tuple[tuple[str, str], ...] = ()
    credentials: Credentials | None = attrs.field(default=None, repr=False)
    route: NameAddr | None = None
    """The outbound proxy, if any."""
    may_follow: MayFollow | None = None
    """Which addresses a 3xx may send the call on to; None follows nothing."""
    next_hop: Uri | None = None
    """Where the INVITE goes when its URI and route do not say: to a phone that registered."""
    flow: Flow | None = None
    """The flow by which the next hop was heard."""
    call_id: str = ""
    """Shared with the other branches of a forked call; empty = a new one."""
    first_response_s: float = 0.0
    """How long to wait for any response; 0 waits as RFC 3261 17.1.1.2 has it (64*T1)."""

    def plan(self) -> RoutePlan:
        return self.plan_to(self.target)

    def plan_to(self, target: Uri) -> RoutePlan:
        """The way to another address than the first."""
        return plan_route(as_request_uri(target), () if self.route is None else (self.route,))


def own_headers(
    items: Iterable[tuple[str, str]], *, allowed: frozenset[str] = frozenset()
) -> tuple[tuple[str, str], ...]:
    """The owner's headers, checked; ValueError for a reserved name or an unsafe value."""
    checked = Headers(items)
    for name, _ in checked:
        if key_of(name) in RESERVED - allowed:
            raise ValueError(f"header {name} is written by the SIP stack itself; leave it out")
    return tuple(checked)


def outbound_proxy(text: str) -> NameAddr:
    """A route from configuration; it is meant as a loose router, with or without `lr`."""
    # a bare URI keeps its parameters, which name-addr without brackets would take for its own
    address = NameAddr.parse(text) if "<" in text else NameAddr(uri=Uri.parse(text))
    if "lr" in address.uri.params:
        return address
    uri = attrs.evolve(address.uri, params=address.uri.params.with_value("lr", None))
    return attrs.evolve(address, uri=uri)


def build_invite(
    order: InviteOrder, *, call_id: str, tag: str, number: int, session_expires_s: int
) -> Request:
    """Everything but Via, Contact and what the user agent says of itself."""
    plan = order.plan()
    headers = Headers()
    for route in plan.routes:
        headers.add("Route", route)
    headers.add("Max-Forwards", MAX_FORWARDS)
    headers.add("From", str(order.from_.with_tag(tag)))
    headers.add("To", f"<{as_request_uri(order.target)}>")
    headers.add("Call-ID", call_id)
    headers.add("CSeq", str(CSeq(number, "INVITE")))
    if session_expires_s:
        headers.add("Session-Expires", str(session_expires_s))
    for name, value in order.headers:
        headers.add(name, value)
    if order.sdp is not None:
        headers.add("Content-Type", "application/sdp")
    return Request("INVITE", plan.request_uri, headers, order.sdp or b"")
