"""Who may send us calls: loopback peers on a loopback listener, and the networks in `[sip] allow`.

Pure. The rule: on a public bind everyone else gets a short refusal without detail, and whoever
keeps knocking gets nothing at all, so that scanners learn nothing and cost little.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Iterable
from typing import Final, Literal

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Verdict = Literal["admit", "refuse", "ignore"]

KNOCKS: Final = 5
"""Requests of a stranger that are answered; a misconfigured phone sees its 403 often enough."""
BAN_S: Final = 600.0
"""How long a stranger's further requests are ignored; scanners try for minutes, people mend."""
MAX_STRANGERS: Final = 4_096
"""Addresses remembered; the oldest is forgotten, and starts anew with KNOCKS answers."""


def networks(allow: Iterable[str]) -> tuple[Network, ...]:
    """The configured networks; ValueError for text that is none."""
    return tuple(ipaddress.ip_network(text, strict=False) for text in allow)


class PeerGate:
    """The verdict on each peer address; remembers strangers, bounded."""

    def __init__(self, allowed: Iterable[Network]) -> None:
        self._allowed = tuple(allowed)
        self._strangers: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self.refused = 0
        self.ignored = 0

    def judge(self, peer_host: str, listener_host: str, now: float) -> Verdict:
        """What to do with a request that came from `peer_host` to the listener."""
        address = _address(peer_host)
        if address is not None and self._admits(address, listener_host):
            return "admit"
        knocks, since = self._strangers.pop(peer_host, (0, now))
        if now - since >= BAN_S:
            knocks, since = 0, now
        self._strangers[peer_host] = (knocks + 1, since)
        if len(self._strangers) > MAX_STRANGERS:
            self._strangers.popitem(last=False)
        if knocks < KNOCKS:
            self.refused += 1
            return "refuse"
        self.ignored += 1
        return "ignore"

    def _admits(
        self, address: ipaddress.IPv4Address | ipaddress.IPv6Address, listener_host: str
    ) -> bool:
        listener = _address(listener_host)
        if address.is_loopback and listener is not None and listener.is_loopback:
            return True
        return any(address in network for network in self._allowed)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address a socket reports, without zone; IPv4 inside IPv6 counts as IPv4."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
