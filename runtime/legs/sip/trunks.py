"""Which trunk carries an outgoing call. Pure: configuration and an address in, a trunk or None out.

A trunk serves the host it names and nothing else, so that one configured carrier never opens the
way to every host on the network.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from runtime.config.trunk import TrunkPolicy
from sip.message import MessageError, Uri
from sip.sdp import SrtpPolicy


@attrs.frozen(kw_only=True)
class Trunk:
    """A carrier or PBX that takes our calls."""

    name: str
    uri: Uri
    user: str = ""
    password: str = attrs.field(default="", repr=False)
    codecs: tuple[str, ...] = ("PCMU", "PCMA")
    srtp: SrtpPolicy | None = None
    """None: as for everybody."""
    follows_redirects: bool = False
    """A 3xx of the trunk may name another address of the trunk."""
    policy: TrunkPolicy = TrunkPolicy()
    registrars: tuple[Uri, ...] = ()
    """Where we register with it; empty = nowhere."""

    @classmethod
    def parse(
        cls,
        *,
        name: str,
        uri: str,
        user: str,
        password: str,
        codecs: Iterable[str],
        srtp: SrtpPolicy | None = None,
        follows_redirects: bool = False,
        policy: TrunkPolicy | None = None,
    ) -> Trunk:
        """From configuration; ValueError names the trunk and what is wrong with its URI."""
        parsed = _read_uri(name, uri)
        return cls(
            name=name,
            uri=attrs.evolve(parsed, user=None, password=None, escaped_user=None),
            user=user or parsed.user or "",
            password=password,
            codecs=tuple(codecs),
            srtp=srtp,
            follows_redirects=follows_redirects,
            policy=policy or TrunkPolicy(),
            registrars=_registrars(name, parsed, user, policy),
        )

    def target(self, user: str) -> Uri:
        """The Request-URI for a number or user at this trunk."""
        return attrs.evolve(self.uri, user=user, escaped_user=None)


def trunk_for_host(trunks: Sequence[Trunk], uri: Uri) -> Trunk | None:
    """The trunk whose address `uri` is in; a trunk without port takes every port of its host."""
    for trunk in trunks:
        same_host = trunk.uri.host.lower() == uri.host.lower()
        if same_host and trunk.uri.port in (None, uri.port):
            return trunk
    return None


def _read_uri(name: str, uri: str) -> Uri:
    try:
        parsed = Uri.parse(uri)
    except MessageError as exc:
        raise ValueError(f"trunk {name}: {uri!r} is not a SIP URI: {exc.reason}") from exc
    if parsed.scheme not in ("sip", "sips") or parsed.opaque is not None:
        raise ValueError(f"trunk {name}: {uri!r} must be a sip: or sips: URI")
    return parsed


def _registrars(name: str, uri: Uri, user: str, policy: TrunkPolicy | None) -> tuple[Uri, ...]:
    if policy is None or policy.register is None:
        return ()
    if not (user or uri.user):
        raise ValueError(f"trunk {name}: [trunk.register] needs the trunk's user")
    named = tuple(_read_uri(name, text) for text in policy.register.registrars)
    return named or (attrs.evolve(uri, user=None, password=None, escaped_user=None),)
