"""Which trunk carries an outgoing call. Pure: configuration and an address in, a trunk or None out.

A trunk serves the host it names and nothing else, so that one configured carrier never opens the
way to every host on the network.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

import attrs

from sip.message import MessageError, Uri
from sip.sdp import SrtpPolicy

_NUMBER: Final = re.compile(r"\+?[0-9*#]{1,32}")
"""E.164 has at most 15 digits; service codes and prefixes need a little more."""
_VISUAL: Final = str.maketrans("", "", " -.()/")
"""Separators that people write into numbers (RFC 3966 5.1.1, and the slash)."""


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
    ) -> Trunk:
        """From configuration; ValueError names the trunk and what is wrong with its URI."""
        try:
            parsed = Uri.parse(uri)
        except MessageError as exc:
            raise ValueError(f"trunk {name}: {uri!r} is not a SIP URI: {exc.reason}") from exc
        if parsed.scheme not in ("sip", "sips") or parsed.opaque is not None:
            raise ValueError(f"trunk {name}: {uri!r} must be a sip: or sips: URI")
        return cls(
            name=name,
            uri=attrs.evolve(parsed, user=None, password=None, escaped_user=None),
            user=user or parsed.user or "",
            password=password,
            codecs=tuple(codecs),
            srtp=srtp,
            follows_redirects=follows_redirects,
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


def trunk_for_number(trunks: Sequence[Trunk]) -> Trunk | None:
    """The trunk for telephone numbers: the first one configured."""
    return trunks[0] if trunks else None


def dialled_number(text: str) -> str | None:
    """The digits to dial, without visual separators; None when this is no telephone number."""
    number = text.translate(_VISUAL)
    return number if _NUMBER.fullmatch(number) else None
