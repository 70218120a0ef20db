"""Which addresses scripts may reach: public ones, and what the operator allows by CIDR.

An address that carries another one inside (mapped, 6to4, Teredo, NAT64) is judged by both. Pure:
resolving names is done elsewhere, once, and the checked address is the one that is connected to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

_SPECIAL: Final = tuple(
    (ip_network(cidr), what)
    for cidr, what in (
        ("0.0.0.0/8", "this host"),  # RFC 1122 3.2.1.3
        ("10.0.0.0/8", "private"),  # RFC 1918
        ("100.64.0.0/10", "carrier-internal"),  # RFC 6598
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),  # RFC 3927; clouds keep their metadata service here
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved"),  # RFC 6890
        ("192.0.2.0/24", "for documentation"),
        ("192.88.99.0/24", "reserved"),  # RFC 7526
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "for benchmarks"),  # RFC 2544
        ("198.51.100.0/24", "for documentation"),
        ("203.0.113.0/24", "for documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),  # and 255.255.255.255, broadcast
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::/96", "reserved"),  # RFC 4291 2.5.5.1, IPv4-compatible
        ("64:ff9b:1::/48", "private"),  # RFC 8215
        ("100::/64", "discarded"),  # RFC 6666
        ("2001:2::/48", "for benchmarks"),
        ("2001:db8::/32", "for documentation"),
        ("3fff::/20", "for documentation"),
        ("5f00::/16", "reserved"),  # RFC 9602
        ("fc00::/7", "private"),  # RFC 4193
        ("fe80::/10", "link-local"),
        ("fec0::/10", "private"),  # RFC 3879
        ("ff00::/8", "multicast"),
    )
)
_NAT64: Final = IPv6Network("64:ff9b::/96")


def parse_networks(cidrs: Iterable[str]) -> tuple[Network, ...]:
    """The operator's list; ValueError for what is not a network."""
    return tuple(ip_network(cidr, strict=False) for cidr in cidrs)


def why_refused(address: str, allowed: Sequence[Network]) -> str | None:
    """None when `address` may be connected to, else what kind of address it is."""
    try:
        outer = ip_address(address.partition("%")[0])
    except ValueError:
        return "not an IP address"
    for each in (outer, *_inside(outer)):
        kind = _special(each)
        # What the operator allows is allowed in the form that was written only.
        if kind is not None and not _within(outer, allowed):
            return kind
    return None


def _special(address: Address) -> str | None:
    for network, what in _SPECIAL:
        if address in network:
            return what
    return None


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _inside(address: Address) -> list[IPv4Address]:
    """IPv4 addresses that an IPv6 address would be translated to or tunnelled to."""
    if isinstance(address, IPv4Address):
        return []
    inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        inner.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return [each for each in inner if each is not None]
