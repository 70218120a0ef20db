"""Asking the DNS, by dnspython, and remembering answers as long as they say (RFC 1035, 2308).

Names that the DNS does not know may still be in the machine's own files: addresses are asked of the
system's resolver then.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal, Protocol

import attrs
import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver
import trio

from .limits import (
    DNS_TRY_S,
    FORGET_AT_LATEST_S,
    MAX_RECORDS,
    MAX_RESOLVED,
    MISSING_FOR_S,
    RESOLVED_FOR_S,
)
from .rfc3263 import Naptr, Srv

AddressKind = Literal["A", "AAAA"]
SystemLookup = Callable[..., Awaitable[list[Any]]]


class Names(Protocol):
    """What is asked about names; every answer is a list, empty for what does not exist."""

    async def naptr(self, name: str) -> Sequence[Naptr]: ...

    async def srv(self, name: str) -> Sequence[Srv]: ...

    async def addresses(self, name: str, kind: AddressKind) -> Sequence[str]: ...


@attrs.frozen(kw_only=True)
class _Answer:
    records: tuple[Any, ...]
    until: float


class DnsNames:
    """The DNS servers of the system, or those named."""

    def __init__(
        self,
        servers: Sequence[str] | None = None,
        *,
        port: int = 53,
        system: SystemLookup | None = trio.socket.getaddrinfo,
    ) -> None:
        self._resolver = _resolver(servers, port)
        self._system = system
        self._answers: dict[tuple[str, str], _Answer] = {}

    async def naptr(self, name: str) -> Sequence[Naptr]:
        return [
            Naptr(
                order=one.order,
                preference=one.preference,
                flags=_text(one.flags),
                service=_text(one.service),
                replacement=one.replacement.to_text(omit_final_dot=True),
            )
            for one in await self._ask(name, "NAPTR")
        ]

    async def srv(self, name: str) -> Sequence[Srv]:
        return [
            Srv(
                priority=one.priority,
                weight=one.weight,
                port=one.port,
                target=one.target.to_text(omit_final_dot=True).removesuffix("."),
            )
            for one in await self._ask(name, "SRV")
        ]

    async def addresses(self, name: str, kind: AddressKind) -> Sequence[str]:
        # names without a dot are those of a site or of containers: the system's business
        found = await self._ask(name, kind) if "." in name.rstrip(".") else ()
        if found:
            return [str(one.address) for one in found]
        return await self._ask_system(name, kind)

    async def _ask(self, name: str, kind: str) -> Sequence[Any]:
        known = self._known(name, kind)
        if known is not None:
            return known
        if self._resolver is None:
            return ()
        try:
            answer = await self._resolver.resolve(
                dns.name.from_text(name), kind, raise_on_no_answer=False, search=False
            )
        except dns.resolver.NXDOMAIN:
            self._remember(name, kind, (), MISSING_FOR_S)
            return ()
        except (dns.exception.DNSException, OSError, UnicodeError):
            # nobody answered: not remembered, so that the next call asks again
            return ()
        records = tuple(answer.rrset or ())[:MAX_RECORDS]
        lifetime = min(answer.rrset.ttl, FORGET_AT_LATEST_S) if answer.rrset else MISSING_FOR_S
        self._remember(name, kind, records, lifetime)
        return records

    async def _ask_system(self, name: str, kind: AddressKind) -> Sequence[str]:
        known = self._known(name, f"system {kind}")
        if known is not None or self._system is None:
            return known or ()
        family = socket.AF_INET if kind == "A" else socket.AF_INET6
        try:
            rows = await self._system(name, None, family=family, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return ()
        found = tuple(dict.fromkeys(str(row[4][0]) for row in rows))[:MAX_RECORDS]
        self._remember(name, f"system {kind}", found, RESOLVED_FOR_S)
        return found

    def _known(self, name: str, kind: str) -> tuple[Any, ...] | None:
        answer = self._answers.get((name.lower(), kind))
        return answer.records if answer and answer.until > trio.current_time() else None

    def _remember(self, name: str, kind: str, records: tuple[Any, ...], lifetime: float) -> None:
        key = (name.lower(), kind)
        self._answers.pop(key, None)
        if len(self._answers) >= MAX_RESOLVED:
            del self._answers[next(iter(self._answers))]
        self._answers[key] = _Answer(records=records, until=trio.current_time() + lifetime)


def _resolver(servers: Sequence[str] | None, port: int) -> dns.asyncresolver.Resolver | None:
    """None on a machine that names no DNS server."""
    try:
        resolver = dns.asyncresolver.Resolver(configure=servers is None)
    except (dns.exception.DNSException, OSError):
        return None
    if servers is not None:
        resolver.nameservers = list(servers)
        resolver.port = port
    resolver.timeout = DNS_TRY_S
    resolver.lifetime = 2 * DNS_TRY_S
    return resolver


def _text(value: bytes) -> str:
    return value.decode("ascii", "replace")
