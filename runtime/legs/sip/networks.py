"""Networks of the configuration, and which of them an address is in. Pure.

However many there are, one lookup costs as many steps as there are different prefix lengths: an
address is looked up for each packet of a flood.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Generic, TypeVar

import attrs

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
OwnerT = TypeVar("OwnerT")


def networks(allow: Iterable[str]) -> tuple[Network, ...]:
    """The configured networks; ValueError for text that is none."""
    return tuple(ipaddress.ip_network(text, strict=False) for text in allow)


def address_of(host: str) -> Address | None:
    """The address a socket reports, without zone; IPv4 inside IPv6 counts as IPv4."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


@attrs.frozen
class _Entry(Generic[OwnerT]):
    place: int
    network: Network
    owner: OwnerT


class NetworkMap(Generic[OwnerT]):
    """Whose network an address is in; the first one that was given counts."""

    def __init__(self, entries: Iterable[tuple[Network, OwnerT]]) -> None:
        self._by_mask: dict[tuple[int, int], dict[int, _Entry[OwnerT]]] = {}
        for place, (network, owner) in enumerate(entries):
            mask = network.version, int(network.netmask)
            begin = int(network.network_address)
            self._by_mask.setdefault(mask, {}).setdefault(begin, _Entry(place, network, owner))

    def find(self, address: Address | None) -> tuple[Network, OwnerT] | None:
        """The network and its owner; None for an address in none of them."""
        if address is None or not self._by_mask:
            return None
        number, version = int(address), address.version
        best: _Entry[OwnerT] | None = None
        for (family, mask), entries in self._by_mask.items():
            entry = entries.get(number & mask) if family == version else None
            if entry is not None and (best is None or entry.place < best.place):
                best = entry
        return None if best is None else (best.network, best.owner)
