"""Which address is shown to whom, and which of a peer's addresses is believed."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import pytest

from sip.address import BoundAddress, Destination, Flow, Lookup, PeerAddress, Transport
from sip.advertise import Advertised
from sip.agent import UnroutableError
from sip.message import Request, Uri, parse_datagram
from sip.transport import AddressBook, Listener


def bound(transport: Transport, host: str, port: int = 5060) -> BoundAddress:
    return BoundAddress(transport=transport, host=host, port=port)


def book(
    *listeners: BoundAddress,
    advertise: str = "",
    source: str = "192.0.2.50",
    local: Sequence[str] = (),
) -> AddressBook:
    numbered = [Listener(id=n, address=address) for n, address in enumerate(listeners, 1)]
    return AddressBook(numbered, Advertised.parse(advertise, local), lambda _: source)


def flow(host: str, port: int = 5060, transport: Transport = "udp", id: int = 1) -> Flow:
    peer = PeerAddress(transport=transport, host=host, port=port)
    return Flow(id=id, local=bound(transport, "192.0.2.1"), peer=peer)


def request(via: str) -> Request:
    text = f"OPTIONS sip:x SIP/2.0\r\nVia: {via}\r\n\r\n"
    message = parse_datagram(text.encode())
    assert isinstance(message, Request)
    return message


@pytest.mark.parametrize(
    ("listeners", "advertise", "transport", "contact"),
    [
        ([bound("udp", "192.0.2.1", 5070)], "", "udp", "192.0.2.1:5070"),
        ([bound("udp", "0.0.0.0", 5070)], "", "udp", "192.0.2.50:5070"),
        ([bound("udp", "192.0.2.1", 5070)], "pbx.example.com", "udp", "pbx.example.com:5070"),
        ([bound("udp", "192.0.2.1", 5070)], "198.51.100.1:6000", "udp", "198.51.100.1:6000"),
        ([bound("udp", "::1", 5070)], "", "udp", "[::1]:5070"),
        ([bound("udp", "fd00::1")], "2001:db8::1", "udp", "[2001:db8::1]:5060"),
        # an address of the other family is of no use to this peer
        ([bound("udp", "192.0.2.1")], "2001:db8::1", "udp", "192.0.2.1:5060"),
        # a call over TCP without TCP listener is reached by UDP
        ([bound("udp", "192.0.2.1")], "", "tcp", "192.0.2.1:5060"),
        ([bound("tcp", "192.0.2.1")], "", "tcp", "192.0.2.1:5060;transport=tcp"),
        (
            [bound("udp", "192.0.2.1"), bound("tcp", "192.0.2.1", 5061)],
            "",
            "tcp",
            "192.0.2.1:5061;transport=tcp",
        ),
        # of several, the one on the way to the peer
        ([bound("udp", "127.0.0.1"), bound("udp", "192.0.2.50")], "", "udp", "192.0.2.50:5060"),
        ([bound("udp", "127.0.0.1"), bound("udp", "0.0.0.0")], "", "udp", "192.0.2.50:5060"),
        ([], "", "udp", "192.0.2.50:5060"),
    ],
)
def test_our_contact(
    listeners: Sequence[BoundAddress], advertise: str, transport: Transport, contact: str
) -> None:
    peer = "::2" if any(":" in one.host for one in listeners) else "203.0.113.9"
    where = Destination(transport=transport, host=peer, port=5060)
    assert book(*listeners, advertise=advertise).contact(where) == contact


@pytest.mark.parametrize("text", ["host:port", "host:0", "host:99999"])
def test_a_bad_advertised_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write a host, or host:port"):
        book(advertise=text)


def test_without_any_route_loopback_is_shown() -> None:
    addresses = AddressBook([], Advertised(), lambda _: None)
    where = Destination(transport="udp", host="203.0.113.9", port=5060)
    assert addresses.contact(where) == "127.0.0.1:5060"


def test_a_peer_is_shown_the_listener_that_it_reached() -> None:
    addresses = book(
        bound("udp", "192.0.2.1", 5060), bound("udp", "192.0.2.1", 5070), bound("tcp", "0.0.0.0")
    )
    assert addresses.contact_on(flow("203.0.113.9", id=2)) == "192.0.2.1:5070"
    by_tcp = flow("203.0.113.9", 40_000, "tcp", id=9)
    assert addresses.contact_on(by_tcp) == "192.0.2.50:5060;transport=tcp"
    where = Destination(transport="udp", host="203.0.113.9", port=5060, flow=2)
    assert addresses.contact(where) == "192.0.2.1:5070"
    assert addresses.sent_by(where).port == 5070


def test_a_peer_on_a_connection_of_ours_is_shown_any_listener() -> None:
    outbound = flow("203.0.113.9", 5060, "tcp", id=9)
    addresses = book(bound("udp", "192.0.2.1", 5070))
    assert addresses.contact_on(outbound) == "192.0.2.1:5070"


@pytest.mark.parametrize(
    ("uri", "where"),
    [
        ("sip:bob@198.51.100.1", "udp:198.51.100.1:5060"),
        ("sip:bob@198.51.100.1:5080", "udp:198.51.100.1:5080"),
        ("sip:bob@198.51.100.1;transport=TCP", "tcp:198.51.100.1:5060"),
        ("sip:bob@example.com;maddr=198.51.100.2", "udp:198.51.100.2:5060"),
        ("sip:bob@host_name:5080", "host_name:5080"),
        ("sips:bob@example.com", "example.com"),
    ],
)
def test_where_a_uri_leads(uri: str, where: str) -> None:
    addresses = book(bound("udp", "192.0.2.1"), bound("tls", "192.0.2.1", 5061))
    assert str(addresses.route(Uri.parse(uri), None)) == where


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("sips:bob@198.51.100.1", "sips: needs a tls:// listener"),
        ("sips:bob@198.51.100.1;transport=udp", "sips: over 'udp' is not spoken here"),
        ("tel:+123", "no transport for tel: URIs"),
        ("sip:bob@198.51.100.1;transport=sctp", "'sctp' is not spoken here"),
        ("sip:bob@224.0.1.75", "not the address of one host"),
        ("sip:bob@255.255.255.255", "not the address of one host"),
        ("sip:bob@0.0.0.0", "not the address of one host"),
        ("sip:bob@[::1]", "no UDP listener can reach ::1"),
    ],
)
def test_where_no_uri_leads(uri: str, reason: str) -> None:
    with pytest.raises(UnroutableError, match=reason):
        book(bound("udp", "192.0.2.1")).route(Uri.parse(uri), None)


def test_without_udp_listener_tcp_is_the_default() -> None:
    addresses = book(bound("tcp", "192.0.2.1"))
    assert addresses.route(Uri.parse("sip:bob@198.51.100.1"), None).transport == "tcp"
    with pytest.raises(UnroutableError, match="no UDP listener"):
        addresses.route(Uri.parse("sip:bob@198.51.100.1;transport=udp"), None)


@pytest.mark.parametrize(
    ("contact", "source", "reached"),
    [
        ("10.0.0.5:5062", "198.51.100.7", ("198.51.100.7", 40_000)),
        ("192.168.1.2", "198.51.100.7", ("198.51.100.7", 40_000)),
        ("127.0.0.1:5062", "198.51.100.7", ("198.51.100.7", 40_000)),
        ("phone.invalid", "198.51.100.7", ("198.51.100.7", 40_000)),
        # both inside: the Contact is reachable, and right
        ("10.0.0.5:5062", "10.0.0.9", ("10.0.0.5", 5062)),
        ("127.0.0.1:5062", "127.0.0.1", ("127.0.0.1", 5062)),
        ("203.0.113.5", "198.51.100.7", ("203.0.113.5", 5060)),
    ],
)
def test_a_contact_hidden_behind_a_nat_is_replaced_by_its_source(
    contact: str, source: str, reached: tuple[str, int]
) -> None:
    addresses = book(bound("udp", "192.0.2.1"))
    where = to(addresses, f"sip:bob@{contact}", flow(source, 40_000))
    assert (where.host, where.port) == reached
    assert where.flow == 1


@pytest.mark.parametrize(
    ("contact", "followed"),
    [
        ("198.51.100.7:5062;transport=tcp", True),
        ("198.51.100.7:5062", True),
        ("10.0.0.5:5062;transport=tcp", True),
        ("phone.example.com;transport=tcp", True),
        ("198.51.100.7:5062;transport=udp", False),
        ("203.0.113.5;transport=tcp", False),
    ],
)
def test_an_open_connection_is_kept_for_its_peer(contact: str, followed: bool) -> None:
    addresses = book(bound("udp", "192.0.2.1"))
    connection = flow("198.51.100.7", 40_000, "tcp", id=9)
    uri = Uri.parse(f"sip:bob@{contact}")
    addresses.flow_opened(connection)
    assert (addresses.route(uri, connection).flow == 9) is followed
    addresses.flow_closed(9)
    assert addresses.route(uri, connection).flow != 9
    addresses.flow_closed(9)


def to(addresses: AddressBook, uri: str, came_by: Flow | None = None) -> Destination:
    """Where a URI with an address leads."""
    where = addresses.route(Uri.parse(uri), came_by)
    assert isinstance(where, Destination)
    return where


def test_the_same_place_by_tcp_takes_an_open_connection() -> None:
    addresses = book(bound("udp", "192.0.2.1"))
    where = to(addresses, "sip:bob@198.51.100.7")
    assert addresses.by_tcp(where) == attrs.evolve(where, transport="tcp", flow=None)
    addresses.flow_opened(flow("198.51.100.7", 5060, "tcp", id=9))
    assert addresses.by_tcp(where) == attrs.evolve(where, transport="tcp", flow=9)
    addresses.flow_closed(9)
    assert addresses.by_tcp(where) == attrs.evolve(where, transport="tcp", flow=None)


def test_what_is_behind_a_nat_has_no_tcp() -> None:
    addresses = book(bound("udp", "192.0.2.1"))
    hidden = to(addresses, "sip:bob@10.0.0.5:5062", flow("198.51.100.7", 40_000))
    assert addresses.by_tcp(hidden) is None


def test_a_name_in_a_dialog_keeps_its_udp_socket() -> None:
    addresses = book(bound("udp", "192.0.2.1", 5060), bound("udp", "192.0.2.1", 5070))
    lookup = addresses.route(Uri.parse("sip:bob@phone.example.com"), flow("198.51.100.7", id=2))
    assert isinstance(lookup, Lookup)
    assert (lookup.domain, lookup.port, lookup.transport, lookup.flow) == (
        "phone.example.com",
        None,
        None,
        2,
    )
    place = Destination(transport="udp", host="198.51.100.9", port=5060, flow=lookup.flow)
    assert addresses.reach(place) == place
    assert addresses.reach(attrs.evolve(place, host="2001:db8::9")) is None


@pytest.mark.parametrize(
    ("via", "stamped", "port"),
    [
        # a sent-by that is the source: its port counts (RFC 3261 18.2.2)
        ("198.51.100.7:5062;branch=b", "198.51.100.7:5062;branch=b", 5062),
        ("198.51.100.7;branch=b", "198.51.100.7;branch=b", 5060),
        # rport: the source port (RFC 3581)
        (
            "198.51.100.7:5062;rport;branch=b",
            "198.51.100.7:5062;rport=40000;branch=b;received=198.51.100.7",
            40_000,
        ),
        # another sent-by: its port says nothing about the source address
        (
            "10.0.0.5:5062;branch=b",
            "10.0.0.5:5062;branch=b;received=198.51.100.7",
            40_000,
        ),
        ("host.example.com;branch=b", "host.example.com;branch=b;received=198.51.100.7", 40_000),
    ],
)
def test_responses_go_back_to_the_source(via: str, stamped: str, port: int) -> None:
    addresses = book(bound("udp", "192.0.2.1"))
    message = request(f"SIP/2.0/UDP {via}, SIP/2.0/UDP below;branch=c")
    source = flow("198.51.100.7", 40_000)
    addresses.stamp(message, source)
    assert message.headers.values("Via") == [
        f"SIP/2.0/UDP {stamped}",
        "SIP/2.0/UDP below;branch=c",
    ]
    where = addresses.reply_to(message, source)
    assert (where.host, where.port, where.flow) == ("198.51.100.7", port, 1)


def test_a_response_over_tcp_falls_back_to_the_sent_by_port() -> None:
    addresses = book(bound("tcp", "192.0.2.1"))
    message = request("SIP/2.0/TCP 198.51.100.7:5062;branch=b")
    where = addresses.reply_to(message, flow("198.51.100.7", 40_000, "tcp", id=9))
    assert (where.transport, where.host, where.port, where.flow) == (
        "tcp",
        "198.51.100.7",
        5062,
        9,
    )


def test_a_via_that_nobody_can_read_leads_to_the_source() -> None:
    addresses = book(bound("udp", "192.0.2.1"))
    where = addresses.reply_to(request("nonsense"), flow("198.51.100.7", 40_000))
    assert (where.host, where.port) == ("198.51.100.7", 40_000)


def test_an_ipv6_source_is_written_without_brackets() -> None:
    """RFC 3261 25.1 via-received, RFC 5118 4.5: some peers read it with inet_pton."""
    message = request("SIP/2.0/UDP host;branch=b")
    book(bound("udp", "::1")).stamp(message, flow("2001:db8::7", 40_000))
    assert message.headers.get("Via") == "SIP/2.0/UDP host;branch=b;received=2001:db8::7"


@pytest.mark.parametrize(
    ("transport", "uri", "followed"),
    [
        ("ws", "sip:rb@df7.invalid;transport=ws", True),
        ("wss", "sip:rb@df7.invalid;transport=ws", True),
        ("wss", "sips:rb@df7.invalid;transport=ws", True),
        ("wss", "sips:rb@df7.invalid", True),
        ("ws", "sip:rb@203.0.113.5:5060", True),
        ("ws", "sip:rb@df7.invalid;transport=tcp", False),
        ("ws", "sips:rb@df7.invalid;transport=ws", False),
        ("tls", "sips:rb@198.51.100.7", True),
        ("tls", "sip:rb@198.51.100.7;transport=tls", True),
        ("tcp", "sips:rb@198.51.100.7", False),
        ("tcp", "sip:rb@198.51.100.7;transport=tls", False),
    ],
)
def test_which_connection_carries_a_dialog(transport: Transport, uri: str, followed: bool) -> None:
    addresses = book(bound("wss", "192.0.2.1", 443), bound("tls", "192.0.2.1", 5061))
    connection = flow("198.51.100.7", 40_000, transport, id=9)
    addresses.flow_opened(connection)
    try:
        where = addresses.route(Uri.parse(uri), connection)
    except UnroutableError:
        assert not followed
    else:
        assert (where.flow == 9) is followed
        assert (where.transport == transport) is followed


@pytest.mark.parametrize(
    ("transport", "contact"),
    [
        ("tls", "192.0.2.1:5061;transport=tls"),
        ("ws", "192.0.2.1:80;transport=ws"),
        ("wss", "192.0.2.1:443;transport=ws"),
    ],
)
def test_a_peer_is_shown_the_transport_that_it_reached(transport: Transport, contact: str) -> None:
    listeners: list[tuple[Transport, int]] = [
        ("udp", 5060),
        ("tls", 5061),
        ("ws", 80),
        ("wss", 443),
    ]
    addresses = book(*(bound(name, "192.0.2.1", port) for name, port in listeners))
    came = flow("198.51.100.7", 40_000, transport, id=9)
    there = attrs.evolve(came, local=bound(transport, "192.0.2.1", dict(listeners)[transport]))
    assert addresses.contact_on(there) == contact


def test_each_destination_is_shown_the_address_that_it_can_reach() -> None:
    addresses = book(
        bound("udp", "0.0.0.0", 5060),
        bound("udp", "::", 5060),
        bound("tls", "0.0.0.0", 5061),
        advertise="203.0.113.9, 2001:db8::9, tls://pbx.example.com:443",
        source="192.168.1.2",
        local=["192.168.0.0/16"],
    )

    def shown(transport: Transport, host: str) -> tuple[str, str]:
        where = Destination(transport=transport, host=host, port=5060)
        via = addresses.sent_by(where)
        return f"{via.host} {via.port}", addresses.contact(where)

    assert shown("udp", "198.51.100.1") == ("203.0.113.9 5060", "203.0.113.9:5060")
    assert shown("udp", "2001:db8::1") == ("2001:db8::9 5060", "[2001:db8::9]:5060")
    assert shown("udp", "192.168.1.7") == ("192.168.1.2 5060", "192.168.1.2:5060")
    assert shown("tls", "198.51.100.1") == (
        "pbx.example.com 443",
        "pbx.example.com:443;transport=tls",
    )


def test_the_zone_of_a_link_local_address_stays_here() -> None:
    addresses = book(bound("udp", "fe80::1%eth0"))
    message = request("SIP/2.0/UDP [fe80::7]:5062;rport;branch=b")
    source = flow("fe80::7%eth0", 40_000)
    addresses.stamp(message, source)
    assert message.headers.get("Via") == (
        "SIP/2.0/UDP [fe80::7]:5062;rport=40000;branch=b;received=fe80::7"
    )
    where = addresses.reply_to(message, source)
    assert (where.host, where.port) == ("fe80::7%eth0", 40_000)
    assert addresses.contact_on(source) == "[fe80::1]:5060"
