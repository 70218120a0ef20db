"""Which trunk a call comes from: by address, by network, by certificate, by registration. Pure.

The order is that of certainty: what only the trunk can know (its certificate, the token in the
contact that we registered with it) before where its packets come from. Of several trunks that fit,
the first one of the configuration counts.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence

import attrs

from runtime.legs.sip.peers import Network, networks
from runtime.legs.sip.trunks import Trunk


@attrs.frozen(kw_only=True)
class Caller:
    """What is known of whoever sent an INVITE, besides what it says itself."""

    host: str
    """The source address of its packets."""
    certificate_names: tuple[str, ...] = ()
    """Names in the TLS client certificate that the transport has checked; none over UDP and TCP."""
    line: str = ""
    """The `line` parameter of the Request-URI."""


@attrs.frozen(kw_only=True)
class Recognised:
    """A trunk, and how it was known."""

    trunk: Trunk
    by: str


@attrs.define(kw_only=True)
class Recognition:
    """The trunks, with what they are known by."""

    trunks: Sequence[Trunk]
    addresses: Mapping[str, Trunk] = attrs.field(factory=dict)
    """Of the names in the trunks' URIs, as the resolver gave them."""
    lines: dict[str, Trunk] = attrs.field(factory=dict)
    """Tokens of our registrations."""
    _networks: list[tuple[Network, Trunk]] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._networks = [
            (network, trunk)
            for trunk in self.trunks
            for network in networks(trunk.policy.addresses)
        ]

    @property
    def networks(self) -> tuple[Network, ...]:
        """From where trunks may call."""
        return (*networks(self.addresses), *(network for network, _ in self._networks))

    @property
    def certificates(self) -> tuple[str, ...]:
        """Names in certificates by which trunks are known."""
        return tuple(name for trunk in self.trunks for name in trunk.policy.certificates)

    def of(self, caller: Caller) -> Recognised | None:
        """Whose call it is; None for a peer that is no trunk."""
        names = {name.lower() for name in caller.certificate_names}
        for trunk in self.trunks:
            held = names.intersection(name.lower() for name in trunk.policy.certificates)
            if held:
                return Recognised(trunk=trunk, by=f"the certificate of {min(held)}")
        if caller.line in self.lines:
            return Recognised(trunk=self.lines[caller.line], by="our registration with it")
        if caller.host in self.addresses:
            return Recognised(trunk=self.addresses[caller.host], by=f"its address {caller.host}")
        return self._by_network(caller.host)

    def _by_network(self, host: str) -> Recognised | None:
        try:
            address = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return None
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        for network, trunk in self._networks:
            if (mapped or address) in network:
                return Recognised(trunk=trunk, by=f"its network {network}")
        return None
