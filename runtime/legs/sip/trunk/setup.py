"""Trunks, routes and their rules, made of the configuration: for the gateway and for `explain`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from runtime.config.settings import SipSettings, TrunkSettings
from runtime.config.trunk import RouteSettings
from runtime.legs.sip.destination import is_loopback
from runtime.legs.sip.route import OutgoingRules, nowhere
from runtime.legs.sip.trunk.routes import RouteTable
from runtime.legs.sip.trunks import Trunk
from sip.address import ListenAddress, ip_literal
from sip.advertise import Advertised
from sip.message import Uri
from sip.sdp import SrtpPolicy
from sip.transport import source_address


def outgoing_rules(
    config: SipSettings,
    trunks: Sequence[Trunk],
    routes: Sequence[RouteSettings],
    registrar: Callable[[str], Uri | None] = nowhere,
) -> OutgoingRules:
    """ValueError for a listener, trunk or route that cannot be used."""
    _check_certificates(config, trunks)
    listeners = [ListenAddress.parse(text) for text in config.listen]
    advertised = Advertised.parse(config.advertise, config.local)
    return OutgoingRules(
        trunks=trunks,
        only_loopback=all(is_loopback(listener.host) for listener in listeners),
        host=advertised.media_host("") or _own_host(listeners),
        table=_table(trunks, routes),
        registrar=registrar,
    )


def _check_certificates(config: SipSettings, trunks: Sequence[Trunk]) -> None:
    """ValueError for a trunk that could never be known by the certificate that it is to show."""
    if config.tls.client_certificates != "off":
        return
    for trunk in trunks:
        if trunk.policy.certificates:
            raise ValueError(
                f"trunk {trunk.name!r} is to be known by its certificate, and nobody is asked for "
                'one: set client_certificates in [sip.tls] to "optional" or "required"'
            )


def _table(trunks: Sequence[Trunk], routes: Sequence[RouteSettings]) -> RouteTable:
    """ValueError for a route to a trunk that is not there."""
    return RouteTable.of(trunks, ((route.name, route.to, route.trunks) for route in routes))


def trunk_of(settings: TrunkSettings) -> Trunk:
    """ValueError names the trunk and what is wrong with it."""
    return Trunk.parse(
        name=settings.name,
        uri=settings.uri,
        user=settings.user,
        password=settings.password,
        codecs=settings.codecs,
        srtp=SrtpPolicy(settings.srtp) if settings.srtp else None,
        follows_redirects=settings.redirects == "trunk",
        policy=settings,
    )


def _own_host(listeners: Sequence[ListenAddress]) -> str:
    """For the From of outgoing calls: the first listener that is one address."""
    for listener in listeners:
        literal = ip_literal(listener.host)
        if literal is not None and not literal.is_unspecified:
            return listener.host
    return source_address("192.0.2.1") or "127.0.0.1"
