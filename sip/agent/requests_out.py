"""Our requests on their way out: destination, Via, Contact, and what we say of ourselves.

RFC 3261 8.1.1.7, 18.1.1. A request too long for UDP goes over TCP when a connection to that place
is open, which proves the path; otherwise it goes by UDP all the same.
"""

from __future__ import annotations

import re
from typing import Final

import attrs

from sip.address import Destination, Flow
from sip.dialog import IdSource
from sip.message import CSeq, Headers, Request, Uri
from sip.message.via import MAGIC_COOKIE
from sip.transaction import ClientKey

from .addressing import Addressing
from .capabilities import ALLOW, SUPPORTED, SUPPORTED_WITHOUT_100REL
from .settings import MAX_UDP_REQUEST_BYTES, EndpointSettings

_OURS: Final = re.compile(
    rb"([A-Z]+) [^\r\n]+\r\nVia: SIP/2\.0/UDP [^;\r\n]+;branch=(z9hG4bK[A-Za-z0-9.-]+)"
)
"""The begin of every request that we send by UDP."""
_LOOK_AT_BYTES: Final = 600
"""ICMP returns 548 bytes of a datagram at least (RFC 1812 4.3.2.3)."""

_TARGET_REFRESH = frozenset({"INVITE", "UPDATE"})


@attrs.frozen(kw_only=True)
class Ready:
    """A request as it goes out."""

    request: Request
    data: bytes
    destination: Destination


class OutboundRequests:
    """Completes requests that a session has begun."""

    def __init__(self, settings: EndpointSettings, addressing: Addressing, ids: IdSource) -> None:
        self._settings = settings
        self._addressing = addressing
        self._ids = ids

    def complete(self, request: Request, next_hop: Uri, flow: Flow | None) -> Ready:
        """Add what depends on the path; UnroutableError when there is none."""
        destination = self._addressing.route(next_hop, flow)
        if "User-Agent" not in request.headers:
            request.headers.add("User-Agent", self._settings.user_agent)
        if request.method in _TARGET_REFRESH:
            request.headers.set("Allow", ALLOW)
            request.headers.set("Supported", _supported(request))
        data = self._stamped(request, destination)
        if len(data) > MAX_UDP_REQUEST_BYTES and destination.transport == "udp":
            by_tcp = self._addressing.by_tcp(destination)
            if by_tcp is not None:
                destination = by_tcp
                request.headers.remove("Via")
                data = self._stamped(request, destination)
        return Ready(request=request, data=data, destination=destination)

    def _stamped(self, request: Request, destination: Destination) -> bytes:
        request.headers.prepend("Via", self._via(destination))
        if request.method in _TARGET_REFRESH:
            contact = self._addressing.contact(destination)
            request.headers.set("Contact", self._as_contact(contact, asks_for_sips(request)))
        return request.to_bytes()

    def _via(self, destination: Destination) -> str:
        ours = self._addressing.sent_by(destination)
        host = f"[{ours.host}]" if ":" in ours.host else ours.host
        branch = MAGIC_COOKIE + self._ids.branch()
        protocol = f"SIP/2.0/{destination.transport.upper()}"
        return f"{protocol} {host}:{ours.port};branch={branch};rport"

    def contact_on(self, flow: Flow, request: Request) -> str:
        """Our Contact in a response to `request`, which came by `flow`."""
        return self._as_contact(self._addressing.contact_on(flow), asks_for_sips(request))

    def _as_contact(self, address: str, secure: bool) -> str:
        """In a sips: URI the TLS goes without saying (RFC 5630 3.1.3)."""
        scheme = "sips" if secure else "sip"
        written = address.removesuffix(";transport=tls") if secure else address
        return f"<{scheme}:{self._settings.contact_user}@{written}>"

    def cancel(self, invite: Request, headers: tuple[tuple[str, str], ...]) -> Request:
        """The CANCEL of a request of ours: same Via, Route, tags and number (RFC 3261 9.1)."""
        lines = Headers()
        lines.add("Via", str(invite.via))
        for route in invite.headers.lines("Route"):
            lines.add("Route", route)
        lines.add("Max-Forwards", "70")
        for name in ("From", "To", "Call-ID"):
            lines.add(name, invite.headers.get(name) or "")
        lines.add("CSeq", str(CSeq(invite.cseq.number, "CANCEL")))
        lines.add("User-Agent", self._settings.user_agent)
        for name, value in headers:
            lines.add(name, value)
        return Request("CANCEL", invite.uri, lines)


def asks_for_sips(request: Request) -> bool:
    """RFC 3261 8.1.1.8, 12.1.1: whether our Contact must be a sips: URI."""
    if request.request_uri.scheme == "sips":
        return True
    routes = request.headers.values("Route") or request.headers.values("Record-Route")
    return bool(routes) and routes[0].lstrip().lower().startswith("<sips:")


def _supported(request: Request) -> str:
    is_initial_offer = request.method == "INVITE" and bool(request.body) and request.to.tag is None
    return SUPPORTED if is_initial_offer else SUPPORTED_WITHOUT_100REL


def returned_request(data: bytes) -> ClientKey | None:
    """The transaction of a request of ours, of which perhaps only the begin is there."""
    found = _OURS.match(data[:_LOOK_AT_BYTES])
    if found is None:
        return None
    method, branch = found.group(1).decode(), found.group(2).decode()
    return None if method == "ACK" else ClientKey(branch, method)
