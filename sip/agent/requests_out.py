"""Our requests on their way out: destination, Via, Contact, and what we say of ourselves.

RFC 3261 8.1.1.7. Where a request goes is decided in `delivery`.
"""

from __future__ import annotations

import re
from typing import Final

import attrs

from sip.address import Destination, Flow
from sip.message import CSeq, Headers, Request
from sip.transaction import ClientKey

from .addressing import Addressing
from .capabilities import ALLOW, BODY_KIND, SUPPORTED, SUPPORTED_WITHOUT_100REL
from .settings import EndpointSettings

_OURS: Final = re.compile(
    rb"([A-Z]+) [^\r\n]+\r\nVia: SIP/2\.0/UDP [^;\r\n]+;branch=(z9hG4bK[A-Za-z0-9.-]+)"
)
"""The begin of every request that we send by UDP."""
_LOOK_AT_BYTES: Final = 600
"""ICMP returns 548 bytes of a datagram at least (RFC 1812 4.3.2.3)."""

OWN_PLACE: Final = "our-own-address.invalid"
"""In the Contact of a REGISTER: where the registrar can reach us, which depends on the path."""

_TARGET_REFRESH = frozenset({"INVITE", "UPDATE"})
_WITH_CONTACT = _TARGET_REFRESH | {"REFER", "NOTIFY"}
"""RFC 3515 2.2, RFC 6665 4.1: what begins or keeps a subscription says where to as well."""


@attrs.frozen(kw_only=True)
class Ready:
    """A request as it goes out."""

    request: Request
    data: bytes
    destination: Destination


class OutboundRequests:
    """Completes requests that a session has begun."""

    def __init__(self, settings: EndpointSettings, addressing: Addressing) -> None:
        self._settings = settings
        self._addressing = addressing

    def complete(self, request: Request, destination: Destination, branch: str) -> Ready:
        """Add to `request` what depends on the path."""
        if "User-Agent" not in request.headers:
            request.headers.add("User-Agent", self._settings.user_agent)
        if request.method in _TARGET_REFRESH:
            request.headers.set("Allow", ALLOW)
            request.headers.set("Supported", _supported(request))
        request.headers.prepend("Via", self._via(destination, branch))
        if request.method in _WITH_CONTACT:
            contact = self._addressing.contact(destination)
            request.headers.set("Contact", self._as_contact(contact, asks_for_sips(request)))
        elif request.method == "REGISTER":
            bound = request.headers.get("Contact") or ""
            address = self._addressing.contact(destination)
            request.headers.set("Contact", bound.replace(OWN_PLACE, address, 1))
        if request.body:
            request.headers.put_last(BODY_KIND)
        return Ready(request=request, data=request.to_bytes(), destination=destination)

    def _via(self, destination: Destination, branch: str) -> str:
        ours = self._addressing.sent_by(destination)
        host = f"[{ours.host}]" if ":" in ours.host else ours.host
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
