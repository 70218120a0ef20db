"""Which servers of a name come first: NAPTR services and SRV records in order (RFC 3263, 2782).

Pure: records and random numbers in, an order out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import attrs

from sip.address import Transport, is_secure

_SERVICES: dict[str, Transport] = {"sip+d2u": "udp", "sip+d2t": "tcp", "sips+d2t": "tls"}
"""RFC 3263 4.1; those of WebSocket lead nowhere for us, who never open one."""
_SRV_NAMES: dict[Transport, str] = {"udp": "_sip._udp", "tcp": "_sip._tcp", "tls": "_sips._tcp"}


@attrs.frozen(kw_only=True)
class Naptr:
    order: int
    preference: int
    flags: str
    service: str
    replacement: str


@attrs.frozen(kw_only=True)
class Srv:
    priority: int
    weight: int
    port: int
    target: str
    """Empty: the service is decidedly not offered (RFC 2782)."""


@attrs.frozen
class Service:
    """SRV records to ask for, and the transport that they are of."""

    transport: Transport
    name: str


def services_of(
    records: Iterable[Naptr], transports: Sequence[Transport], *, secure: bool
) -> list[Service]:
    """What the name's owner offers and we can use, best first (RFC 3263 4.1)."""
    found: list[Service] = []
    for record in sorted(records, key=lambda one: (one.order, one.preference)):
        transport = _SERVICES.get(record.service.lower())
        if record.flags.lower() != "s" or transport is None or transport not in transports:
            continue
        if secure and not is_secure(transport):
            continue
        found.append(Service(transport, record.replacement))
    return found


def usual_services(domain: str, transports: Sequence[Transport], *, secure: bool) -> list[Service]:
    """Without NAPTR: the SRV names of what we speak, in the order of our liking."""
    return [
        Service(transport, f"{_SRV_NAMES[transport]}.{domain}")
        for transport in transports
        if is_secure(transport) == secure
    ]


def every_service(domain: str, records: Iterable[Naptr]) -> list[str]:
    """The SRV names of a domain: of all services in its NAPTR records, else the usual ones."""
    named = [
        record.replacement
        for record in records
        if record.flags.lower() == "s" and record.service.lower() in _SERVICES
    ]
    return named or [f"{prefix}.{domain}" for prefix in _SRV_NAMES.values()]


def in_order(records: Iterable[Srv], fraction: Callable[[], float]) -> list[Srv]:
    """RFC 2782: by priority; within one, drawn by weight. `fraction` gives 0 up to 1."""
    found: list[Srv] = []
    left = [record for record in records if record.target]
    while left:
        best = min(record.priority for record in left)
        equals = [record for record in left if record.priority == best]
        left = [record for record in left if record.priority != best]
        # those without weight come first, so that they have a chance at all
        equals.sort(key=lambda record: record.weight)
        while equals:
            drawn = fraction() * sum(record.weight for record in equals)
            running = 0
            for record in equals:
                running += record.weight
                if running >= drawn:
                    break
            equals.remove(record)
            found.append(record)
    return found
