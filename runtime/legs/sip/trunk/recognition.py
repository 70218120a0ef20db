"""Which trunk a call comes from: by login, certificate, registration, address or network. Pure.

The order is that of certainty: what only the trunk can know (its password, its certificate, the
token in the contact that we registered with it) before where its packets come from. Of several
trunks that fit, the first one of the configuration counts. A trunk with a login is known by nothing
else: wherever a call comes from, its rules run only after its password was right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import attrs

from runtime.legs.sip.networks import NetworkMap, address_of, networks
from runtime.legs.sip.trunks import Trunk
from sip.address import PeerAddress

Door = Literal["open", "prove", "closed"]
"""Whether a peer may call as a trunk: by where it is, by its password too, or not at all."""


@attrs.frozen(kw_only=True)
class Caller:
    """What is known of whoever sent an INVITE, besides what it says itself."""

    host: str
    """The source address of its packets."""
    certificate_names: tuple[str, ...] = ()
    """Names in the TLS client certificate that the transport has checked; none over UDP and TCP."""
    line: str = ""
    """The `line` parameter of the Request-URI."""
    login: str = ""
    """Whose password its INVITE has shown to know; empty when it needed none."""


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
    """Of the hosts in the trunks' URIs, as they are now; written as `ipaddress` does."""
    lines: dict[str, Trunk] = attrs.field(factory=dict)
    """Tokens of our registrations."""
    _networks: NetworkMap[Trunk] = attrs.field(init=False)
    _certificates: dict[str, Trunk] = attrs.field(init=False)
    _logins: dict[str, Trunk] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._networks = NetworkMap(
            (network, trunk)
            for trunk in self.trunks
            for network in networks(trunk.policy.addresses)
        )
        self._certificates = {}
        self._logins = {}
        for trunk in self.trunks:
            for name in trunk.policy.certificates:
                self._certificates.setdefault(name.lower(), trunk)
            if trunk.policy.login is not None:
                self._logins[trunk.policy.login.user] = trunk

    def door(self, peer: PeerAddress) -> Door:
        """Whether a peer may call because it is a trunk; asked before its INVITE is looked at."""
        found = self._by_certificate(peer.names) or self._by_address(peer.host)
        if found is None:
            return "closed"
        return "open" if found.trunk.policy.login is None else "prove"

    def of(self, caller: Caller) -> Recognised | None:
        """Whose call it is; None for a peer that is no trunk."""
        if caller.login in self._logins:
            return Recognised(trunk=self._logins[caller.login], by=f"its login {caller.login}")
        found = self._by_certificate(caller.certificate_names)
        if found is None and caller.line in self.lines:
            found = Recognised(trunk=self.lines[caller.line], by="our registration with it")
        found = found or self._by_address(caller.host)
        return None if found is None or found.trunk.policy.login is not None else found

    def _by_certificate(self, names: Sequence[str]) -> Recognised | None:
        held = [name for name in map(str.lower, names) if name in self._certificates]
        if not held:
            return None
        trunks = list(self.trunks)
        name = min(held, key=lambda each: (trunks.index(self._certificates[each]), each))
        return Recognised(trunk=self._certificates[name], by=f"the certificate of {name}")

    def _by_address(self, host: str) -> Recognised | None:
        address = address_of(host)
        known = str(address)
        if known in self.addresses:
            return Recognised(trunk=self.addresses[known], by=f"its address {known}")
        found = self._networks.find(address)
        if found is None:
            return None
        network, trunk = found
        return Recognised(trunk=trunk, by=f"its network {network}")
