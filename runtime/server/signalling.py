"""The SIP side of the core: endpoint, incoming calls, dialer, and who may call."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Callable

import attrs
import trio
from structlog.typing import FilteringBoundLogger

from runtime.config import Config
from runtime.legs.leg import Leg
from runtime.legs.sip.incoming import IncomingCalls, RefusedCall
from runtime.legs.sip.outbound import SipDialer
from runtime.legs.sip.peers import PeerGate, networks
from runtime.legs.sip.route import OutgoingRules
from runtime.legs.sip.settings import LegSettings
from runtime.legs.sip.trace import TraceBook
from runtime.legs.sip.trunks import Trunk
from runtime.media.port import MediaPort
from sip.address import ListenAddress
from sip.endpoint import Endpoint, EndpointSettings, Fault, RefusalReport


@attrs.frozen(kw_only=True)
class Signalling:
    endpoint: Endpoint
    incoming: IncomingCalls
    dialer: SipDialer
    listeners: tuple[ListenAddress, ...]

    @classmethod
    def configured(
        cls,
        config: Config,
        media: MediaPort,
        *,
        deliver: Callable[[Leg], None],
        log: FilteringBoundLogger,
    ) -> Signalling:
        """Raises ValueError for a trunk that cannot be used."""
        listeners = tuple(ListenAddress.parse(text) for text in config.sip.listen)
        trunks = trunks_of(config)
        legs = LegSettings(
            media=media,
            book=TraceBook(trio.current_time),
            now=trio.current_time,
            new_number=lambda: secrets.randbelow(2**31),
            advertised_host=config.sip.advertise,
        )
        reports = _Reports(log)
        incoming = IncomingCalls(legs, deliver=deliver, on_refused=reports.refused_call)
        gate = PeerGate(
            networks([*config.sip.allow, *_trunk_networks(trunks)]),
            loopback=any(is_loopback(each.host) for each in listeners),
            now=trio.current_time,
        )
        endpoint = Endpoint(
            EndpointSettings(advertise=config.sip.advertise),
            on_invite=incoming.on_invite,
            on_trace=legs.book.on_trace,
            accept=gate.accept,
            on_refusal=reports.refusal,
            on_fault=reports.fault,
        )
        rules = OutgoingRules(
            trunks=trunks,
            only_loopback=all(is_loopback(each.host) for each in listeners),
            host=config.sip.advertise or listeners[0].host,
        )
        dialer = SipDialer(legs, endpoint, rules)
        return cls(endpoint=endpoint, incoming=incoming, dialer=dialer, listeners=listeners)


def trunks_of(config: Config) -> tuple[Trunk, ...]:
    return tuple(
        Trunk.parse(
            name=trunk.name,
            uri=trunk.uri,
            user=trunk.user,
            password=trunk.password,
            codecs=trunk.codecs,
        )
        for trunk in config.trunk
    )


def _trunk_networks(trunks: tuple[Trunk, ...]) -> list[str]:
    """A trunk that is named by address may call; one named by host is listed in [sip] allow."""
    return [trunk.uri.host for trunk in trunks if _is_address(trunk.uri.host)]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    return _is_address(host) and ipaddress.ip_address(host).is_loopback


@attrs.frozen
class _Reports:
    """What the endpoint decides alone becomes log lines."""

    log: FilteringBoundLogger

    def refused_call(self, call: RefusedCall) -> None:
        self.log.info(
            f"call refused ({call.code}): {call.reason}", remote=call.remote, to=call.to_uri
        )

    def refusal(self, report: RefusalReport) -> None:
        self.log.info(f"refused: {report}")

    def fault(self, fault: Fault) -> None:
        self.log.error(f"fault in {fault.where}", traceback=fault.traceback)
