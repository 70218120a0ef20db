"""One dialog: identity, sequence numbers, route set and remote target (RFC 3261 12).

A dialog builds the skeleton of its requests (everything but Via, Contact and body, which depend on
the path taken) and judges the order of the peer's.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from sip.address import Flow
from sip.message import CSeq, Headers, MessageError, NameAddr, Request, Response, Uri

from .routing import RoutePlan, as_request_uri, plan_route

MAX_FORWARDS = "70"
"""RFC 3261 8.1.1.6."""


@attrs.define(kw_only=True, eq=False)
class Dialog:
    call_id: str
    local: str
    """Value of From in our requests, our tag included."""
    remote: str
    """Value of To in our requests, the peer's tag included when it has one."""
    local_tag: str
    remote_tag: str | None
    """None for a peer of RFC 2543, which need not have one."""
    remote_target: Uri
    route_set: tuple[NameAddr, ...]
    local_number: int
    """CSeq number of our latest request."""
    remote_number: int | None = None
    """CSeq number of the peer's latest request."""
    flow: Flow | None = None
    """Where the peer was last heard."""

    @classmethod
    def for_server(cls, request: Request, local_tag: str, first_number: int) -> Dialog:
        """The dialog that our answer to `request` creates (RFC 3261 12.1.1)."""
        contact = request.contact
        to = request.headers.get("To") or ""
        return cls(
            call_id=request.call_id,
            local=f"{to};tag={local_tag}",
            remote=request.headers.get("From") or "",
            local_tag=local_tag,
            remote_tag=request.from_.tag,
            # an old or careless peer without Contact is reached where it says it is
            remote_target=contact.uri if contact else request.from_.uri,
            route_set=tuple(map(NameAddr.parse, request.headers.values("Record-Route"))),
            local_number=first_number,
            remote_number=request.cseq.number,
        )

    @classmethod
    def for_client(cls, request: Request, response: Response) -> Dialog:
        """The dialog that a 101 to 299 response to our INVITE creates (RFC 3261 12.1.2)."""
        contact = response.contact
        routes = _readable_routes(response.headers.values("Record-Route"))
        return cls(
            call_id=request.call_id,
            local=request.headers.get("From") or "",
            remote=response.headers.get("To") or "",
            local_tag=request.from_.tag or "",
            remote_tag=response.to.tag,
            remote_target=contact.uri if contact else request.request_uri,
            route_set=tuple(reversed(routes)),
            local_number=request.cseq.number,
        )

    def __repr__(self) -> str:
        return f"<Dialog {self.call_id} {self.local_tag}/{self.remote_tag or '-'}>"

    def is_peer(self, tag: str | None) -> bool:
        """Whether a request with this From tag comes from the peer of this dialog."""
        return self.remote_tag == tag

    def place(self) -> NameAddr | None:
        """Where a third party finds our peer, to take our place here (RFC 3891 3, RFC 3515 2.1).

        The tags are named from the peer's side. None for a peer without a tag.
        """
        if self.remote_tag is None:
            return None
        replaces = f"{self.call_id};to-tag={self.remote_tag};from-tag={self.local_tag}"
        uri = as_request_uri(self.remote_target)
        return NameAddr(uri=attrs.evolve(uri, headers={"Replaces": replaces}))

    def plan(self) -> RoutePlan:
        return plan_route(self.remote_target, self.route_set)

    def take_number(self) -> int:
        """The sequence number of our next request."""
        self.local_number += 1
        return self.local_number

    def request(self, method: str) -> Request:
        """A request with the next sequence number."""
        return self._skeleton(method, self.take_number())

    def ack(self, number: int) -> Request:
        """The ACK of a 2xx has the number of its INVITE (RFC 3261 13.2.2.4)."""
        return self._skeleton("ACK", number)

    def _skeleton(self, method: str, number: int) -> Request:
        plan = self.plan()
        headers = Headers()
        for route in plan.routes:
            headers.add("Route", route)
        headers.add("Max-Forwards", MAX_FORWARDS)
        headers.add("From", self.local)
        headers.add("To", self.remote)
        headers.add("Call-ID", self.call_id)
        headers.add("CSeq", str(CSeq(number, method)))
        return Request(method, plan.request_uri, headers)

    def accept_number(self, number: int) -> bool:
        """Note the CSeq number of a new request; False when it is out of order (12.2.2).

        An equal number is let pass: a repeated request never comes here, and some peers begin
        their BYE with the number of the INVITE.
        """
        if self.remote_number is not None and number < self.remote_number:
            return False
        self.remote_number = number
        return True

    def refresh_target(self, message: Request | Response) -> None:
        """RFC 3261 12.2: a re-INVITE or UPDATE, or its 2xx, may move the peer."""
        contact = message.contact
        if contact is not None and contact.uri.scheme in ("sip", "sips"):
            self.remote_target = contact.uri


def _readable_routes(values: Iterable[str]) -> list[NameAddr]:
    """A 2xx cannot be refused; a Record-Route that nobody can read is left out."""
    routes = []
    for value in values:
        try:
            routes.append(NameAddr.parse(value))
        except MessageError:
            continue
    return routes
