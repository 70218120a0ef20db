"""Where messages come from and where they go: listeners, peers, flows and destinations.

Plain values shared by the cores and the trio shell. A host is written without brackets; only the
text forms put an IPv6 literal into brackets.
"""

from __future__ import annotations

import ipaddress
from typing import Literal, Self

import attrs

Transport = Literal["udp", "tcp", "tls", "ws", "wss"]
TRANSPORTS: tuple[Transport, ...] = ("udp", "tcp", "tls", "ws", "wss")
DEFAULT_PORT = 5060
"""RFC 3261 19.1.2: the port of a sip: URI that names none."""
DEFAULT_TLS_PORT = 5061
"""The same for sips: and for TLS."""
_DEFAULT_PORTS: dict[Transport, int] = {
    "udp": DEFAULT_PORT,
    "tcp": DEFAULT_PORT,
    "tls": DEFAULT_TLS_PORT,
    "ws": 80,  # RFC 7118 5.3
    "wss": 443,
}
_HOW_TO_LISTEN = "write udp://HOST:PORT, or tcp, tls, ws, wss instead of udp"


def default_port(transport: Transport) -> int:
    """The port of a URI or Via that names none."""
    return _DEFAULT_PORTS[transport]


def is_secure(transport: Transport) -> bool:
    """Whether nobody on the way can read it: what a sips: URI asks for (RFC 3261 26.2.2)."""
    return transport in ("tls", "wss")


def is_websocket(transport: Transport) -> bool:
    """Whether only the peer can open the connection (RFC 7118 5)."""
    return transport in ("ws", "wss")


def ip_literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that `host` spells, or None when it is a name (or not an address at all)."""
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def host_port(host: str, port: int) -> str:
    """`host:port`, with brackets around an IPv6 literal."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def known_transport(text: str) -> Transport | None:
    """The transport a `transport=` parameter or a Via names, or None when we do not speak it."""
    lowered = text.lower()
    return next((one for one in TRANSPORTS if one == lowered), None)


@attrs.frozen(kw_only=True)
class ListenAddress:
    """What the operator asks us to listen on; port 0 means any free port."""

    transport: Transport
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `udp://HOST:PORT`, or another transport; ValueError says what is wrong."""
        scheme, separator, rest = text.partition("://")
        transport = known_transport(scheme) if separator else None
        if transport is None:
            raise ValueError(f"{text!r}: {_HOW_TO_LISTEN}")
        host, colon, port_text = rest.rpartition(":")
        if not colon or not host:
            raise ValueError(f"{text!r}: the port is missing; write {scheme}://HOST:PORT")
        if not (port_text.isascii() and port_text.isdigit() and int(port_text[:6]) <= 65535):
            raise ValueError(f"{text!r}: the port must be a number from 0 to 65535")
        if ":" in host and not (host.startswith("[") and host.endswith("]")):
            raise ValueError(f"{text!r}: write an IPv6 address in brackets, as [::1]")
        return cls(transport=transport, host=host.strip("[]"), port=int(port_text))

    def __str__(self) -> str:
        return f"{self.transport}://{host_port(self.host, self.port)}"


@attrs.frozen(kw_only=True)
class BoundAddress:
    """A listener that is up, with its real port; `str()` is the form of the ready line."""

    transport: Transport
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.transport}:{host_port(self.host, self.port)}"


@attrs.frozen(kw_only=True)
class PeerAddress:
    """The far end of a flow, as the socket reports it."""

    transport: Transport
    host: str
    port: int
    names: tuple[str, ...] = ()
    """Whose TLS client certificate it showed, when one was asked for and found good: the names,
    addresses and sip: URIs in it (RFC 5922 7.1), in lower case."""

    @property
    def is_loopback(self) -> bool:
        literal = ip_literal(self.host.partition("%")[0])
        return literal is not None and literal.is_loopback

    def __str__(self) -> str:
        return f"{self.transport}:{host_port(self.host, self.port)}"


@attrs.frozen(kw_only=True)
class Flow:
    """Where a message came in: one UDP socket and a peer, or one connection."""

    id: int
    """Number of the UDP socket or the connection, never used twice in one endpoint."""
    local: BoundAddress
    peer: PeerAddress

    @property
    def transport(self) -> Transport:
        return self.peer.transport


@attrs.frozen(kw_only=True)
class Destination:
    """Where a message is to go; `flow` is the socket or connection to prefer while it is open."""

    transport: Transport
    host: str
    """An address."""
    port: int
    flow: int | None = None
    domain: str = ""
    """What the peer's certificate has to be for, when it is not `host` (RFC 5922 7)."""
    is_pinned: bool = False
    """No other transport leads there: the host is the outside of a NAT."""

    @property
    def identity(self) -> str:
        """The name or address that a certificate of the peer must hold."""
        return self.domain or self.host

    @property
    def reliable(self) -> bool:
        """RFC 3261 17: whether the transport itself retransmits."""
        return self.transport != "udp"

    def __str__(self) -> str:
        return f"{self.transport}:{host_port(self.host, self.port)}"


@attrs.frozen(kw_only=True)
class Lookup:
    """A name whose servers have to be found (RFC 3263 4)."""

    domain: str
    """A host name, as the URI has it."""
    port: int | None
    """As the URI has it; then only addresses are asked for."""
    transport: Transport | None
    """Named by the URI, or None: what the name's servers prefer."""
    secure: bool
    """For a sips: URI."""
    flow: int | None = None
    """The UDP socket to prefer."""

    def __str__(self) -> str:
        return self.domain if self.port is None else host_port(self.domain, self.port)
