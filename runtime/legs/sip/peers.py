"""Who may send us calls: loopback peers on a loopback listener, and the networks in `[sip] allow`.

Pure. The rule: on a public bind everyone else gets a short refusal without detail, and whoever
keeps knocking gets nothing at all, so that scanners learn nothing and cost little.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final, Literal

from sip.address import PeerAddress
from sip.agent import Refusal

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

    def __init__(
        self,
        allowed: Iterable[Network],
        *,
        loopback: bool,
        now: Callable[[], float],
        certificates: Iterable[str] = (),
    ) -> None:
        """`loopback`: a listener is on loopback, so that loopback peers are welcome.
        `certificates`: names in TLS client certificates whose holders are welcome from anywhere."""
        self._certificates = frozenset(name.lower() for name in certificates)
        self._allowed = tuple(allowed)
        self._loopback = loopback
        self._now = now
        self._strangers: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self.refused = 0
        self.ignored = 0

    def accept(self, peer: PeerAddress) -> Refusal | None:
        """The endpoint's gate."""
        if not self._certificates.isdisjoint(peer.names):
            return None
        match self.judge(peer.host):
            case "admit":
                return None
            case "refuse":
                detail = f"{peer.host} may not call: it is in no network of [sip] allow, no trunk"
                return Refusal(status=403, reason="Forbidden", detail=detail)
            case "ignore":
                return Refusal(status=0, reason="this address was refused before")

    def judge(self, host: str) -> Verdict:
        """What to do with a request that comes from there."""
        address = _address(host)
        if address is not None and self._admits(address):
            return "admit"
        now = self._now()
        knocks, since = self._strangers.pop(host, (0, now))
        if now - since >= BAN_S:
            knocks, since = 0, now
        self._strangers[host] = (knocks + 1, since)
        if len(self._strangers) > MAX_STRANGERS:
            self._strangers.popitem(last=False)
        if knocks < KNOCKS:
            self.refused += 1
            return "refuse"
        self.ignored += 1
        return "ignore"

    def _admits(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        if address.is_loopback and self._loopback:
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
