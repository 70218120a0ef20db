"""Listen addresses as operators write them, and the other address values."""

from __future__ import annotations

import pytest

from sip.address import BoundAddress, Destination, ListenAddress, PeerAddress


@pytest.mark.parametrize(
    ("text", "transport", "host", "port"),
    [
        ("udp://127.0.0.1:5060", "udp", "127.0.0.1", 5060),
        ("tcp://0.0.0.0:0", "tcp", "0.0.0.0", 0),
        ("UDP://localhost:5060", "udp", "localhost", 5060),
        ("udp://[::1]:5060", "udp", "::1", 5060),
        ("tls://192.0.2.1:5061", "tls", "192.0.2.1", 5061),
    ],
)
def test_listen_addresses(text: str, transport: str, host: str, port: int) -> None:
    address = ListenAddress.parse(text)
    assert (address.transport, address.host, address.port) == (transport, host, port)
    assert ListenAddress.parse(str(address)) == address


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("127.0.0.1:5060", "write udp://HOST:PORT"),
        ("sctp://127.0.0.1:5061", "write udp://HOST:PORT"),
        ("udp://127.0.0.1", "the port is missing"),
        ("udp://:5060", "the port is missing"),
        ("udp://h:x", "a number from 0 to 65535"),
        ("udp://h:70000", "a number from 0 to 65535"),
        ("udp://h:99999999999", "a number from 0 to 65535"),
        ("udp://::1:5060", "in brackets"),
        ("", "write udp://HOST:PORT"),
    ],
)
def test_bad_listen_addresses_say_what_to_write(text: str, hint: str) -> None:
    with pytest.raises(ValueError, match=hint):
        ListenAddress.parse(text)


def test_the_ready_line_form() -> None:
    assert str(BoundAddress(transport="udp", host="127.0.0.1", port=5060)) == "udp:127.0.0.1:5060"
    assert str(BoundAddress(transport="tcp", host="::1", port=5061)) == "tcp:[::1]:5061"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.3.2.1", True), ("::1", True), ("192.0.2.1", False)],
)
def test_loopback_peers(host: str, loopback: bool) -> None:
    assert PeerAddress(transport="udp", host=host, port=1).is_loopback is loopback


def test_only_udp_is_unreliable() -> None:
    udp = Destination(transport="udp", host="h", port=1)
    tcp = Destination(transport="tcp", host="h", port=1)
    assert (udp.reliable, tcp.reliable) == (False, True)
