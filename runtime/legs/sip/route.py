"""Where an outgoing call goes and whether it may: loopback, trunks, or a refusal with the reason.

Pure. The rule: calls from loopback to loopback need nothing while every listener is on loopback;
everything else goes through a configured trunk. There is no third way out. A number may have
several trunks, which are tried in their order; an address has one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import attrs

from runtime.decisions.problems import Dials
from runtime.legs.leg import DialRefused, DialRequest
from runtime.legs.sip.destination import (
    NumberTarget,
    SipTarget,
    is_loopback,
    read_destination,
    read_number,
    read_sip_uri,
)
from runtime.legs.sip.headers import ScriptHeaders, dial_headers
from runtime.legs.sip.trunk.arriving import TrunkRefusal, refuse_placing
from runtime.legs.sip.trunk.caller import ANONYMOUS, ShownCaller
from runtime.legs.sip.trunk.outgoing import called_over, caller_over
from runtime.legs.sip.trunk.routes import MAX_TRIED, RouteTable
from runtime.legs.sip.trunks import Trunk, trunk_for_host
from sip.auth import Credentials
from sip.message import MessageError, NameAddr, Uri
from sip.sdp import SrtpPolicy


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
    first_response_s: float = 0.0
    """How long the trunk may say nothing before it is given up; 0 = as RFC 3261 has it."""

    @property
    def next_hop(self) -> Uri:
        return self.proxy or self.target


@attrs.frozen(kw_only=True)
class Plan:
    """The ways to place a call, in the order in which they are tried, and why these."""

    routes: tuple[OutgoingRoute, ...]
    why: str
    left_out: tuple[str, ...] = ()
    """Trunks of the route that cannot carry this call, with the reason."""


def nowhere(_: str) -> Uri | None:
    """For phones and tests: no trunk has us registered."""
    return None


@attrs.frozen(kw_only=True)
class OutgoingRules:
    """What decides: the trunks, where we listen, and the host in our From."""

    trunks: Sequence[Trunk]
    only_loopback: bool
    """Every listener is on loopback."""
    host: str
    registrar: Callable[[str], Uri | None] = nowhere
    """Where a trunk has us registered."""
    table: RouteTable = attrs.field(
        default=attrs.Factory(lambda self: RouteTable(trunks=self.trunks), takes_self=True)
    )

    def route(self, request: DialRequest) -> OutgoingRoute:
        """The first way of the plan. Raises DialRefused."""
        return self.plan(request).routes[0]

    def plan(self, request: DialRequest) -> Plan:
        """Permit and complete the request, or raise DialRefused."""
        headers = dial_headers(request)
        if headers.complaint:
            raise DialRefused(Dials.BAD_HEADERS, headers.complaint)
        if request.kind == "user":
            raise DialRefused(
                Dials.NO_USER, f"no user {request.to[:80]!r} is registered: there is no registrar"
            )
        if request.kind == "pstn":
            return self._to_number(request, read_number(request.to), headers)
        destination = read_destination(request.to)
        if request.registration:
            return self._by_registration(request, destination, headers)
        if isinstance(destination, NumberTarget):
            return self._to_number(request, destination.number, headers)
        return self._to_address(request, destination.uri, headers)

    def _to_number(self, request: DialRequest, number: str, headers: ScriptHeaders) -> Plan:
        chosen = self.table.choose(number)
        if isinstance(chosen, TrunkRefusal):
            raise chosen.for_a_call()
        routes: list[OutgoingRoute] = []
        refusals: list[DialRefused] = []
        for trunk in chosen.trunks:
            try:
                target = called_over(trunk, number)
                routes.append(self._completed(request, target, None, trunk, headers))
            except DialRefused as exc:
                refusals.append(exc)
        if not routes:
            raise refusals[0]
        return Plan(
            routes=tuple(routes),
            why=chosen.why,
            left_out=tuple(refusal.reason for refusal in refusals),
        )

    def _by_registration(
        self, request: DialRequest, destination: SipTarget | NumberTarget, headers: ScriptHeaders
    ) -> Plan:
        """`regId` is the name of a trunk that we register with: its account, its registrar."""
        name = request.registration
        known = [trunk for trunk in self.trunks if trunk.registrars]
        trunk = next((trunk for trunk in known if trunk.name == name), None)
        if trunk is None:
            names = ", ".join(each.name for each in known[:MAX_TRIED]) or "none"
            raise DialRefused(
                Dials.NO_REGISTRATION,
                f"there is no registration {name[:80]!r}, only: {names}; regId is the name of a "
                "[[trunk]] with [trunk.register]",
            )
        if request.out_proxy:
            raise DialRefused(Dials.NO_REGISTRATION, "outProxy and regId exclude each other")
        if (refused := refuse_placing(trunk)) is not None:
            raise refused.for_a_call()
        registrar = self.registrar(name)
        if registrar is None:
            why = f"trunk {name} has us not registered at this moment"
            raise DialRefused(Dials.TRUNK_UNAVAILABLE, why)
        if isinstance(destination, NumberTarget):
            target = called_over(trunk, destination.number)
        else:
            target = destination.uri
        route = self._completed(request, target, registrar, trunk, headers)
        return Plan(routes=(route,), why=f"registered at {registrar}")

    def _to_address(self, request: DialRequest, uri: Uri, headers: ScriptHeaders) -> Plan:
        proxy = read_proxy(request.out_proxy) if request.out_proxy else None
        next_hop = proxy or uri
        trunk = trunk_for_host(self.trunks, next_hop)
        if trunk is None and not (self.only_loopback and is_loopback(next_hop.host)):
            raise DialRefused(Dials.NEEDS_TRUNK, self._not_permitted(next_hop))
        if trunk is not None and (refused := refuse_placing(trunk)) is not None:
            raise refused.for_a_call()
        why = f"trunk {trunk.name} has this address" if trunk else "from loopback to loopback"
        return Plan(routes=(self._completed(request, uri, proxy, trunk, headers),), why=why)

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
        account = request.auth_user or (trunk.user if trunk else "")
        caller = self._caller(request, trunk, account)
        shown = ShownCaller(from_=caller)
        if trunk is not None:
            shown = caller_over(
                trunk,
                caller,
                given=bool(request.callerid.strip()),
                account=account,
                diverted_from=request.diverted_from,
            )
        return OutgoingRoute(
            target=target,
            from_=shown.from_,
            headers=(*shown.headers, *headers.written),
            credentials=_credentials(request, trunk),
            proxy=proxy,
            codecs=trunk.codecs if trunk else None,
            trunk=trunk.name if trunk else "",
            srtp=trunk.srtp if trunk else None,
            may_follow=partial(within_trunk, trunk) if trunk and trunk.follows_redirects else None,
            first_response_s=trunk.policy.first_response_s if trunk else 0.0,
        )

    def _caller(self, request: DialRequest, trunk: Trunk | None, account: str) -> NameAddr:
        """`callerid` may be a number, a user, user@host or a whole URI."""
        if not _is_text(request.callerid + request.display_name):
            raise DialRefused(Dials.BAD_CALLER, "callerid or displayName holds half a character")
        host = trunk.uri.host if trunk else self.host
        usual = (trunk.policy.callerid if trunk else "") or account
        user = request.callerid.strip() or usual or ANONYMOUS
        if "@" in user:
            try:
                uri = Uri.parse(user if user.lower().startswith("sip:") else f"sip:{user}")
            except MessageError as exc:
                raise DialRefused(
                    Dials.BAD_CALLER, f"callerid {user[:80]!r} is no address: {exc.reason}"
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
