"""From the name in a URI to the places to try, best first (RFC 3263 4)."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import trio

from sip.address import Destination, Lookup, Transport, default_port, ip_literal

from .dns import AddressKind, Names
from .limits import MAX_PLACES, RESOLVE_S
from .rfc3263 import Service, in_order, services_of, usual_services


class LocateError(Exception):
    """A name leads nowhere; the text is for people."""


class Locator:
    """What one endpoint can use: its transports in order of liking, its kinds of addresses."""

    def __init__(
        self, names: Names, *, transports: Sequence[Transport], kinds: Sequence[AddressKind]
    ) -> None:
        self._names = names
        self._transports = transports
        self._kinds = kinds

    async def locate(self, lookup: Lookup, seed: str) -> list[Destination]:
        """All places, at most MAX_PLACES; LocateError when there are none, or not in time.

        Servers of equal priority are drawn by weight, from `seed`: one call stays with one server.
        """
        found: list[Destination] = []
        with trio.move_on_after(RESOLVE_S) as patience:
            await self._locate(lookup, random.Random(seed), found)
        if found:
            return found
        if patience.cancelled_caught:
            raise LocateError(f"{lookup.domain}: no answer from the DNS in {RESOLVE_S:g} s")
        raise LocateError(f"{lookup.domain}: the name has no address")

    async def _locate(
        self, lookup: Lookup, chance: random.Random, found: list[Destination]
    ) -> None:
        services = await self._services(lookup)
        is_offered = False
        for service in services:
            records = await self._names.srv(service.name)
            is_offered = is_offered or bool(records)
            for record in in_order(records, chance.random):
                if len(found) >= MAX_PLACES:
                    return
                target = (record.target, record.port)
                found += await self._at(lookup, service.transport, *target, len(found))
        if is_offered:
            return
        transport = lookup.transport or self._default(lookup)
        port = lookup.port or default_port(transport)
        found += await self._at(lookup, transport, lookup.domain, port, 0)

    async def _services(self, lookup: Lookup) -> Iterable[Service]:
        if lookup.port is not None:
            return ()  # RFC 3263 4.2: a port says that there is nothing to choose
        secure = lookup.secure or lookup.transport == "tls"
        if lookup.transport is not None:
            return usual_services(lookup.domain, [lookup.transport], secure=secure)
        offered = services_of(
            await self._names.naptr(lookup.domain), self._transports, secure=secure
        )
        return offered or usual_services(lookup.domain, self._transports, secure=secure)

    def _default(self, lookup: Lookup) -> Transport:
        """RFC 3263 4.1: UDP for sip:, unless there is none; TLS for sips:."""
        if lookup.secure:
            return "tls"
        return "udp" if "udp" in self._transports else "tcp"

    async def _at(
        self, lookup: Lookup, transport: Transport, host: str, port: int, so_far: int
    ) -> list[Destination]:
        addresses = [host] if ip_literal(host) is not None else await self._addresses(host)
        return [
            Destination(
                transport=transport,
                host=address,
                port=port,
                domain=lookup.domain,
                flow=lookup.flow if transport == "udp" else None,
            )
            for address in addresses[: MAX_PLACES - so_far]
        ]

    async def _addresses(self, host: str) -> list[str]:
        found: list[str] = []
        for kind in self._kinds:
            found += await self._names.addresses(host, kind)
        return found
