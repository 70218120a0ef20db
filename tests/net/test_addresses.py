"""Which addresses scripts may reach."""

from __future__ import annotations

import random
from ipaddress import IPv4Address, IPv6Address

import pytest

from runtime.net import parse_networks, why_refused


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "1.1.1.1", "193.0.14.129", "2a00:1450:4001:81b::200e", "2001:4860:4860::8888",
     "64:ff9b::8.8.8.8", "::ffff:8.8.8.8", "2002:808:808::1"],
)  # fmt: skip
def test_public_addresses_are_allowed(address: str) -> None:
    assert why_refused(address, ()) is None


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("127.0.0.1", "loopback"),
        ("127.9.9.9", "loopback"),
        ("0.0.0.0", "this host"),
        ("10.1.2.3", "private"),
        ("172.31.255.255", "private"),
        ("192.168.1.1", "private"),
        ("100.64.0.1", "carrier-internal"),
        ("169.254.169.254", "link-local"),
        ("224.0.0.1", "multicast"),
        ("255.255.255.255", "reserved"),
        ("198.18.0.1", "for benchmarks"),
        ("192.0.2.1", "for documentation"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("::127.0.0.1", "reserved"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:10.0.0.1", "private"),
        ("64:ff9b::a00:1", "private"),
        ("64:ff9b::7f00:1", "loopback"),
        ("2002:7f00:1::", "loopback"),
        ("2002:a9fe:a9fe::", "link-local"),
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("fc00::1", "private"),
        ("fd12:3456::1", "private"),
        ("fec0::1", "private"),
        ("ff02::1", "multicast"),
        ("2001:db8::1", "for documentation"),
        ("localhost", "not an IP address"),
        ("", "not an IP address"),
    ],
)
def test_other_addresses_are_refused_by_their_kind(address: str, kind: str) -> None:
    assert why_refused(address, ()) == kind


def test_teredo_is_judged_by_the_addresses_inside() -> None:
    # The client address is kept inverted: this one is 192.168.1.1.
    assert why_refused("2001:0:808:808::3f57:fefe", ()) == "private"


def test_the_operator_may_allow_networks() -> None:
    allowed = parse_networks(["127.0.0.0/8", "10.1.0.0/16", "fd00::/8"])
    assert why_refused("127.0.0.1", allowed) is None
    assert why_refused("10.1.2.3", allowed) is None
    assert why_refused("10.2.2.3", allowed) == "private"
    assert why_refused("fd00::1", allowed) is None
    assert why_refused("fc00::1", allowed) == "private"
    # Allowing 127.0.0.0/8 does not allow the roundabout ways to write it.
    assert why_refused("::ffff:127.0.0.1", allowed) == "loopback"


def test_whatever_python_calls_not_global_is_refused_too() -> None:
    rng = random.Random(5)
    for _ in range(20_000):
        v4 = IPv4Address(rng.getrandbits(32))
        v6 = IPv6Address(rng.getrandbits(128) >> rng.choice((0, 0, 16, 64, 90, 120)))
        for address in (v4, v6):
            if why_refused(str(address), ()) is None:
                assert address.is_global or address.is_reserved, address
                assert not address.is_private, address
                assert not address.is_multicast, address
