"""Where an outgoing call goes and whether it may: loopback, trunk, or a refusal with the reason.

Pure. The rule: calls from loopback to loopback need nothing while every listener is on loopback;
everything else goes through a configured trunk. There is no third way out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import attrs

from runtime.legs.leg import DialRefused, DialRequest
from runtime.legs.sip.destination import (
    NumberTarget,
    is_loopback,
    read_destination,
    read_number,
    read_sip_uri,
)
from runtime.legs.sip.headers import ScriptHeaders, script_headers
from runtime.legs.sip.trunks import Trunk, trunk_for_host, trunk_for_number
from sip.auth import Credentials
from sip.message import MessageError, NameAddr, Uri
from sip.sdp import SrtpPolicy

ANONYMOUS = "anonymous"
"""RFC 3261 8.1.1.3: the user of a caller that does not say who it is."""


@attrs.frozen(kw_only=True)
class OutgoingRoute:
    """Everything about the INVITE but its audio."""

    target: Uri
    from_: NameAddr
    headers: tuple[tuple[str, str], ...]
    credentials: Credentials | None
    proxy: Uri | None
    codecs: tuple[str, ...] | None
    """Of the trunk; None for the usual ones."""
    trunk: str = ""
    srtp: SrtpPolicy | None = None
    """Of the trunk; None for the usual one."""
    may_follow: Callable[[Uri], bool] | None = None
    """Which addresses a 3xx may send the call on to; None follows nothing."""

    @property
    def next_hop(self) -> Uri:
        return self.proxy or self.target


@attrs.frozen(kw_only=True)
class OutgoingRules:
    """What decides: the trunks, where we listen, and the host in our From."""

    trunks: Sequence[Trunk]
    only_loopback: bool
    """Every listener is on loopback."""
    host: str

    def route(self, request: DialRequest) -> OutgoingRoute:
        """Permit and complete the request, or raise DialRefused."""
        headers = script_headers(request.headers)
        if headers.complaint:
            raise DialRefused(400, headers.complaint)
        if request.kind == "user":
            raise DialRefused(
                404, f"no user {request.to[:80]!r} is registered: there is no registrar yet"
            )
        if request.kind == "pstn":
            return self._through_trunk(request, read_number(request.to), headers)
        if request.registration:
            raise DialRefused(
                400, f"there is no registration {request.registration[:80]!r}; use a [[trunk]]"
            )
        destination = read_destination(request.to)
        if isinstance(destination, NumberTarget):
            return self._through_trunk(request, destination.number, headers)
        return self._to_address(request, destination.uri, headers)

    def _through_trunk(
        self, request: DialRequest, number: str, headers: ScriptHeaders
    ) -> OutgoingRoute:
        trunk = trunk_for_number(self.trunks)
        if trunk is None:
            raise DialRefused(
                403, f"{number} needs a trunk and none is configured; add a [[trunk]]"
            )
        return self._completed(request, trunk.target(number), None, trunk, headers)

    def _to_address(self, request: DialRequest, uri: Uri, headers: ScriptHeaders) -> OutgoingRoute:
        proxy = read_proxy(request.out_proxy) if request.out_proxy else None
        next_hop = proxy or uri
        trunk = trunk_for_host(self.trunks, next_hop)
        if trunk is None and not (self.only_loopback and is_loopback(next_hop.host)):
            raise DialRefused(403, self._not_permitted(next_hop))
        return self._completed(request, uri, proxy, trunk, headers)

    def _not_permitted(self, next_hop: Uri) -> str:
        if is_loopback(next_hop.host):
            why = "calls to loopback without a trunk are for runtimes that listen only there"
        elif self.trunks:
            names = ", ".join(f"{trunk.name} ({trunk.uri.host})" for trunk in self.trunks)
            why = f"no trunk has this address; configured: {names}"
        else:
            why = "no trunk is configured, so that only loopback can be called"
        return f"calls to {next_hop.host} need a trunk: {why}; add a [[trunk]] with its uri"

    def _completed(
        self,
        request: DialRequest,
        target: Uri,
        proxy: Uri | None,
        trunk: Trunk | None,
        headers: ScriptHeaders,
    ) -> OutgoingRoute:
        return OutgoingRoute(
            target=target,
            from_=self._caller(request, trunk),
            headers=headers.written,
            credentials=_credentials(request, trunk),
            proxy=proxy,
            codecs=trunk.codecs if trunk else None,
            trunk=trunk.name if trunk else "",
            srtp=trunk.srtp if trunk else None,
            may_follow=partial(within_trunk, trunk) if trunk and trunk.follows_redirects else None,
        )

    def _caller(self, request: DialRequest, trunk: Trunk | None) -> NameAddr:
        """`callerid` may be a number, a user, user@host or a whole URI."""
        if not _is_text(request.callerid + request.display_name):
            raise DialRefused(400, "callerid or displayName holds half a character")
        host = trunk.uri.host if trunk else self.host
        account = request.auth_user or (trunk.user if trunk else "")
        user = request.callerid.strip() or account or ANONYMOUS
        if "@" in user:
            try:
                uri = Uri.parse(user if user.lower().startswith("sip:") else f"sip:{user}")
            except MessageError as exc:
                raise DialRefused(
                    400, f"callerid {user[:80]!r} is no address: {exc.reason}"
                ) from exc
            uri = Uri(scheme="sip", user=uri.user, host=uri.host, port=uri.port)
        else:
            uri = Uri(scheme="sip", user=user.removeprefix("sip:"), host=host)
        return NameAddr(display_name=request.display_name, uri=uri)


def within_trunk(trunk: Trunk, uri: Uri) -> bool:
    """Whether a 3xx may send a call on to this address: a plain one of the trunk's own host, so
    that neither calls nor credentials leave it; and not from TLS to what can be read on the way."""
    try:
        plain = read_sip_uri(str(uri))
    except DialRefused:
        return False
    if _asks_for_tls(trunk.uri) and not _asks_for_tls(plain):
        return False
    return trunk_for_host([trunk], plain) is not None


def _asks_for_tls(uri: Uri) -> bool:
    return uri.scheme == "sips" or (uri.params.get("transport") or "").lower() == "tls"


def _is_text(text: str) -> bool:
    """Whether it can be written at all: a lone surrogate cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def read_proxy(text: str) -> Uri:
    """`outProxy`: a sip: URI, or host and port alone; raises DialRefused."""
    return read_sip_uri(text if text.lower().startswith(("sip:", "sips:")) else f"sip:{text}")


def _credentials(request: DialRequest, trunk: Trunk | None) -> Credentials | None:
    """The script's own, or the trunk's; a trunk's password never goes to another host."""
    if request.password or request.auth_user:
        user = request.auth_user or request.callerid.partition("@")[0].removeprefix("sip:")
        return Credentials(user, request.password)
    if trunk is not None and trunk.user and trunk.password:
        return Credentials(trunk.user, trunk.password)
    return None
