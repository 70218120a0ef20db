"""The addresses that peers are told instead of our own: behind a NAT, and on wildcard binds. Pure.

One entry for each family at most counts, a name for both; an entry with a transport counts for
listeners of that transport. Peers in a local network are told our own address: the outside of a
NAT can seldom be reached from its inside.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Self

import attrs

from .address import Transport, ip_literal, known_transport

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_ENTRIES = 16
"""Two families for each of five transports, and the plain ones."""


@attrs.frozen(kw_only=True)
class Entry:
    """One address that peers are told."""

    host: str
    port: int | None = None
    """None: the listener's own."""
    transport: Transport | None = None
    """None: for listeners of every transport."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """`HOST`, `HOST:PORT` or `TRANSPORT://HOST:PORT`; ValueError says what is wrong."""
        scheme, separator, rest = text.partition("://")
        transport = known_transport(scheme) if separator else None
        if separator and transport is None:
            raise ValueError(f"advertise {text!r}: {scheme!r} is no transport")
        host, port = _split(rest if separator else text, text)
        return cls(host=host, port=port, transport=transport)

    def suits(self, peer_host: str, transport: Transport | None) -> bool:
        """Whether a peer there can be told it."""
        if self.transport not in (None, transport):
            return False
        ours, theirs = ip_literal(self.host), ip_literal(peer_host)
        return ours is None or theirs is None or ours.version == theirs.version


@attrs.frozen(kw_only=True)
class Advertised:
    """All of one endpoint; without entries everybody is told our own addresses."""

    entries: tuple[Entry, ...] = ()
    local: tuple[Network, ...] = ()
    """Networks whose peers are told our own address."""

    @classmethod
    def parse(cls, text: str, local: Iterable[str] = ()) -> Self:
        """Entries with commas between them; ValueError says which is wrong."""
        words = [word.strip() for word in text.split(",") if word.strip()]
        if len(words) > MAX_ENTRIES:
            raise ValueError(f"advertise: {len(words)} addresses, the limit is {MAX_ENTRIES}")
        return cls(
            entries=tuple(map(Entry.parse, words)),
            local=tuple(ipaddress.ip_network(network, strict=False) for network in local),
        )

    def to(self, peer_host: str, transport: Transport | None) -> Entry | None:
        """What a peer there is told of a listener of `transport`; None for our own address."""
        if self._is_local(peer_host):
            return None
        suiting = [entry for entry in self.entries if entry.suits(peer_host, transport)]
        # the entry of a transport says more than one for all
        return min(suiting, key=lambda entry: entry.transport is None, default=None)

    def media_host(self, peer_host: str, version: int | None = None) -> str:
        """Where a peer there is to send audio, which is never a name; empty for our own address.

        `version` is that of IP, where the audio has only one, whatever the signalling has; without
        it the address is of the peer's family.
        """
        if self._is_local(peer_host):
            return ""
        for entry in self.entries:
            literal = ip_literal(entry.host)
            if literal is None:
                continue
            if literal.version == version or (
                version is None and entry.suits(peer_host, entry.transport)
            ):
                return str(literal)
        return ""

    def _is_local(self, host: str) -> bool:
        literal = ip_literal(host.partition("%")[0])
        return literal is not None and any(
            literal in network for network in self.local if network.version == literal.version
        )


def as_advertised(value: str | Advertised) -> Advertised:
    """For settings that were written as text."""
    return value if isinstance(value, Advertised) else Advertised.parse(value)


def _split(text: str, whole: str) -> tuple[str, int | None]:
    if ip_literal(text) is not None:
        return text.strip("[]"), None
    host, colon, port = text.rpartition(":")
    if not colon:
        return text, None
    if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) <= 65535):
        raise ValueError(f"advertise {whole!r}: write a host, or host:port")
    return host.strip("[]"), int(port)
