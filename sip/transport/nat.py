"""Which address we show to whom, and which of a peer's addresses we believe.

Ours: the configured one, else the listener's own, else (listener on all interfaces) the address
from which packets to this peer leave. Theirs: responses go back to where the request came from (RFC
3261 18.2.2, RFC 3581); a Contact that cannot be reached from outside the peer's network is replaced
by the address its packets come from.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence

import attrs

from sip.address import (
    TRANSPORTS,
    BoundAddress,
    Destination,
    Flow,
    Lookup,
    Transport,
    default_port,
    host_port,
    ip_literal,
    is_secure,
    is_websocket,
    known_transport,
)
from sip.advertise import Advertised
from sip.agent.addressing import SentBy, UnroutableError
from sip.message import MessageError, Request, Uri, Via

_SITE_LOCAL = tuple(
    map(
        ipaddress.ip_network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"),
    )
)
"""Addresses that mean something only inside one site (RFC 1918, 6598, 4193)."""

SourceAddress = Callable[[str], str | None]
"""The local address from which packets to a host leave, as the routing table says."""


@attrs.frozen(kw_only=True)
class Listener:
    id: int
    """Number of its flows (UDP), or of the listener itself (connections)."""
    address: BoundAddress


class AddressBook:
    """The addresses of one endpoint."""

    def __init__(
        self, listeners: Sequence[Listener], advertise: Advertised, source_address: SourceAddress
    ) -> None:
        self._listeners = tuple(listeners)
        self._by_id: dict[int | None, Listener] = {one.id: one for one in listeners}
        self._advertised = advertise
        self._source_address = source_address
        self._connections: dict[int, Flow] = {}
        self._tcp_peers: dict[tuple[str, int], set[int]] = {}

    # --- ours ---

    def sent_by(self, destination: Destination) -> SentBy:
        """RFC 3261 18.1.1: where a response could reach us without the connection."""
        return self._shown(self._towards(destination), destination.host)

    def contact(self, destination: Destination) -> str:
        return self._written(self._towards(destination), destination.host)

    def contact_on(self, flow: Flow) -> str:
        return self._written(self._reached_by(flow), flow.peer.host)

    def _towards(self, destination: Destination) -> Listener | None:
        """The UDP socket that is used, or a listener of the same transport, or any other."""
        if destination.transport == "udp" and destination.flow in self._by_id:
            return self._by_id[destination.flow]
        same = self._listener(destination.transport, destination.host)
        return same or self._listener(None, destination.host)

    def _reached_by(self, flow: Flow) -> Listener | None:
        """The listener at which a request arrived, if it arrived at one."""
        if flow.transport == "udp" and flow.id in self._by_id:
            return self._by_id[flow.id]
        for listener in self._listeners:
            bound = listener.address
            if (bound.transport, bound.port) == (flow.transport, flow.local.port):
                return listener
        host = flow.peer.host
        return self._listener(flow.transport, host) or self._listener(None, host)

    def _written(self, listener: Listener | None, peer_host: str) -> str:
        """A listener of another transport will do as well, and says which it is."""
        shown = self._shown(listener, peer_host)
        transport = "udp" if listener is None else listener.address.transport
        # RFC 7118 5.2: `ws` for both; that it is the secure one is said by sips:
        written = "ws" if transport == "wss" else transport
        named = "" if transport == "udp" else f";transport={written}"
        return host_port(shown.host, shown.port) + named

    def _shown(self, listener: Listener | None, peer_host: str) -> SentBy:
        bound = None if listener is None else listener.address
        told = self._advertised.to(peer_host, None if bound is None else bound.transport)
        port = default_port("udp") if bound is None else bound.port
        if told is not None:
            return SentBy(host=told.host, port=told.port or port)
        if bound is not None and not _is_wildcard(bound.host):
            return SentBy(host=_without_zone(bound.host), port=port)
        return SentBy(host=_without_zone(self._source(peer_host)), port=port)

    def _source(self, peer_host: str) -> str:
        return self._source_address(peer_host) or "127.0.0.1"

    def _listener(self, transport: Transport | None, peer_host: str) -> Listener | None:
        """The listener that can reach `peer_host` best; None for no transport means any."""
        candidates = [
            listener
            for listener in self._listeners
            if (transport is None or listener.address.transport == transport)
            and _same_family(listener.address.host, peer_host)
        ]
        if len(candidates) <= 1:
            return candidates[0] if candidates else None
        source = self._source(peer_host)
        for listener in candidates:
            if listener.address.host == source:
                return listener
        wildcards = [one for one in candidates if _is_wildcard(one.address.host)]
        return (wildcards or candidates)[0]

    # --- theirs ---

    def stamp(self, request: Request, flow: Flow) -> None:
        """RFC 3261 18.2.1 and RFC 3581 4; MessageError for a Via that cannot be read."""
        via = request.via
        if not via.wants_rport and via.host == _without_zone(flow.peer.host):
            return
        # RFC 3261 25.1: an IPv6 address stands without brackets here, unlike in sent-by
        params = via.params.with_value("received", _without_zone(flow.peer.host))
        if via.wants_rport:
            params = params.with_value("rport", str(flow.peer.port))
        request.replace_via(attrs.evolve(via, params=params))

    def reply_to(self, request: Request, flow: Flow) -> Destination:
        """Always to the source address, so that nobody can aim our responses at a third party."""
        peer = flow.peer
        try:
            via: Via | None = request.via
        except MessageError:
            via = None
        port = peer.port
        if via is not None and (flow.transport != "udp" or _names_itself(via, flow)):
            port = via.port or default_port(flow.transport)
        return Destination(transport=flow.transport, host=peer.host, port=port, flow=flow.id)

    def route(self, next_hop: Uri, flow: Flow | None) -> Destination | Lookup:
        if next_hop.scheme not in ("sip", "sips"):
            raise UnroutableError(f"no transport for {next_hop.scheme}: URIs; use sip: or sips:")
        host = next_hop.params.get("maddr") or next_hop.host
        transport = self._transport(next_hop)
        port = next_hop.port or default_port(transport)
        literal = ip_literal(host)
        if literal is not None and not _is_unicast(literal):
            raise UnroutableError(f"{host} is not the address of one host")
        place = Destination(transport=transport, host=host, port=port, domain=next_hop.host)
        if flow is not None and self._follows(flow, host, transport, next_hop):
            if flow.transport != "udp":
                return attrs.evolve(place, transport=flow.transport, flow=flow.id)
            if _is_hidden(host, flow.peer.host):
                seen = flow.peer
                return attrs.evolve(
                    place, host=seen.host, port=seen.port, flow=flow.id, is_pinned=True
                )
            if literal is not None:
                return attrs.evolve(place, flow=flow.id)
        if is_websocket(transport):
            raise UnroutableError("a WebSocket peer is reached over its own connection alone")
        if literal is None:
            return self._lookup(next_hop, host, flow)
        reached = self.reach(place)
        if reached is None:
            raise UnroutableError(f"no UDP listener can reach {host}")
        return reached

    def _lookup(self, next_hop: Uri, host: str, flow: Flow | None) -> Lookup:
        """RFC 3263 4: a name; a port in the URI leaves only its addresses to be found."""
        is_named = next_hop.scheme == "sips" or "transport" in next_hop.params
        keeps_socket = flow is not None and flow.transport == "udp"
        return Lookup(
            domain=host,
            port=next_hop.port,
            transport=self._transport(next_hop) if is_named or next_hop.port else None,
            secure=next_hop.scheme == "sips",
            flow=flow.id if flow is not None and keeps_socket else None,
        )

    def reach(self, place: Destination) -> Destination | None:
        """With the UDP socket to use: the one it has, or the one on the way there."""
        if place.transport != "udp":
            return attrs.evolve(place, flow=None)
        preferred = self._by_id.get(place.flow)
        if preferred is None or not _same_family(preferred.address.host, place.host):
            preferred = self._listener("udp", place.host)
        return None if preferred is None else attrs.evolve(place, flow=preferred.id)

    def _transport(self, uri: Uri) -> Transport:
        named = uri.params.get("transport")
        if uri.scheme == "sips":
            return self._secure_transport(named)
        if named is None:
            # RFC 3263 4.1: UDP for sip: URIs, unless we have none
            has_udp = any(one.address.transport == "udp" for one in self._listeners)
            return "udp" if has_udp else "tcp"
        transport = known_transport(named)
        if transport is None:
            known = f"use {', '.join(TRANSPORTS)}"
            raise UnroutableError(f"transport {named[:20]!r} is not spoken here; {known}")
        return transport

    def _secure_transport(self, named: str | None) -> Transport:
        """RFC 3261 26.2.2: TLS on every hop; `transport` says what lies below it (RFC 5630 3.1.3).

        The peer's requests have to come by TLS as well, so that we must listen there.
        """
        if named is not None and named.lower() in ("ws", "wss"):
            return "wss"
        if named is not None and named.lower() not in ("tcp", "tls"):
            raise UnroutableError(f"sips: over {named[:20]!r} is not spoken here; leave it out")
        if not any(is_secure(one.address.transport) for one in self._listeners):
            raise UnroutableError("sips: needs a tls:// listener, for the peer's requests to us")
        return "tls"

    def _follows(self, flow: Flow, host: str, transport: Transport, uri: Uri) -> bool:
        """Whether a request of the dialog goes the way its peer was last heard."""
        if flow.transport == "udp":
            return transport == "udp"
        if flow.id not in self._connections:
            return False
        if is_secure(transport) and not is_secure(flow.transport):
            return False
        if is_websocket(transport):
            return is_websocket(flow.transport)
        if transport != flow.transport and "transport" in uri.params:
            return False
        if is_websocket(flow.transport):
            return True  # whatever its Contact says, nothing else leads there (RFC 7118 5)
        is_peer = host == flow.peer.host or ip_literal(host) is None
        return is_peer or _is_hidden(host, flow.peer.host)

    # --- open connections ---

    def by_tcp(self, destination: Destination) -> Destination | None:
        """What is behind a NAT can be reached by its own flow alone."""
        if destination.is_pinned:
            return None
        flows = self._tcp_peers.get((destination.host, destination.port), ())
        return attrs.evolve(destination, transport="tcp", flow=next(iter(flows), None))

    def flow_opened(self, flow: Flow) -> None:
        self._connections[flow.id] = flow
        if flow.transport == "tcp":
            self._tcp_peers.setdefault((flow.peer.host, flow.peer.port), set()).add(flow.id)

    def flow_closed(self, flow: int) -> None:
        closed = self._connections.pop(flow, None)
        if closed is not None and closed.transport == "tcp":
            peer = (closed.peer.host, closed.peer.port)
            self._tcp_peers[peer].discard(flow)
            if not self._tcp_peers[peer]:
                del self._tcp_peers[peer]


def _names_itself(via: Via, flow: Flow) -> bool:
    """The sent-by is the address the packet came from, and no rport asks for the source port.

    Then RFC 3261 18.2.2 holds to the letter: the response goes to the sent-by port. With any other
    sent-by there is a NAT or a name in between, whose port says nothing about this address: the
    source port is the one that can work.
    """
    return via.host == _without_zone(flow.peer.host) and not via.wants_rport


def _without_zone(host: str) -> str:
    """Which interface a link-local address is on is nobody else's business (RFC 4007 11.2)."""
    return host.partition("%")[0]


def _is_wildcard(host: str) -> bool:
    literal = ip_literal(host)
    return literal is not None and literal.is_unspecified


def _same_family(listener_host: str, peer_host: str) -> bool:
    """Whether packets can pass between them; a name may turn out to be either."""
    if (":" in listener_host) == (":" in peer_host):
        return True
    # an IPv4 literal or a name on one side, an IPv6 literal on the other
    return ip_literal(listener_host) is None or ip_literal(peer_host) is None


def _is_unicast(literal: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    is_broadcast = literal == ipaddress.IPv4Address("255.255.255.255")
    return not (literal.is_multicast or literal.is_unspecified or is_broadcast)


def _is_hidden(host: str, source: str) -> bool:
    """Whether `host` lies in a network that a peer at `source` is outside of for us."""
    theirs, seen = ip_literal(host), ip_literal(source)
    if theirs is None or seen is None or theirs == seen:
        return host.lower().endswith(".invalid")
    if theirs.is_loopback or theirs.is_link_local:
        return not seen.is_loopback
    return _is_site_local(theirs) and not _is_site_local(seen)


def _is_site_local(literal: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return any(literal in network for network in _SITE_LOCAL if network.version == literal.version)
