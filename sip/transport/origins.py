"""From the name in a URI to every address of its servers: whose call is it that comes from there.

RFC 3263 read backwards, as its section 4 leads a request forwards. Nothing is chosen here: a
carrier calls from any of its servers, over any transport, whatever their priority.
"""

from __future__ import annotations

import trio

from sip.message import Uri

from .dns import AddressKind, Names
from .limits import MAX_ORIGINS, RESOLVE_S
from .rfc3263 import every_service

_KINDS: tuple[AddressKind, ...] = ("A", "AAAA")


async def addresses_of(names: Names, uri: Uri) -> list[str]:
    """At most MAX_ORIGINS addresses, as the name servers write them, within RESOLVE_S; empty when
    they say nothing. A URI with a port names one host, and nothing else is asked (4.2)."""
    found: dict[str, None] = {}
    with trio.move_on_after(RESOLVE_S):
        hosts = [uri.host] if uri.port is not None else await _servers(names, uri.host)
        for host in hosts:
            for kind in _KINDS:
                found.update(dict.fromkeys(await names.addresses(host, kind)))
                if len(found) >= MAX_ORIGINS:
                    return list(found)[:MAX_ORIGINS]
    return list(found)


async def _servers(names: Names, domain: str) -> list[str]:
    """The hosts behind a domain, itself last: some carriers call from the name they are called."""
    hosts: dict[str, None] = {}
    for service in every_service(domain, await names.naptr(domain)):
        for record in await names.srv(service):
            if record.target:
                hosts[record.target] = None
    hosts[domain] = None
    return list(hosts)
