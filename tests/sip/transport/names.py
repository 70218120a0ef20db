"""Names without a network: what a test says, and a note of every question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import attrs
import trio

from sip.transport.dns import AddressKind
from sip.transport.rfc3263 import Naptr, Srv

_T = TypeVar("_T")


@attrs.define
class FakeNames:
    """`sip.transport.Names` from tables."""

    naptrs: Mapping[str, Sequence[Naptr]] = attrs.field(factory=dict)
    srvs: Mapping[str, Sequence[Srv]] = attrs.field(factory=dict)
    a: Mapping[str, Sequence[str]] = attrs.field(factory=dict)
    aaaa: Mapping[str, Sequence[str]] = attrs.field(factory=dict)
    asked: list[str] = attrs.field(factory=list)

    async def naptr(self, name: str) -> Sequence[Naptr]:
        return await self._found(f"NAPTR {name}", self.naptrs.get(name, ()))

    async def srv(self, name: str) -> Sequence[Srv]:
        return await self._found(f"SRV {name}", self.srvs.get(name, ()))

    async def addresses(self, name: str, kind: AddressKind) -> Sequence[str]:
        table = self.a if kind == "A" else self.aaaa
        return await self._found(f"{kind} {name}", table.get(name, ()))

    async def _found(self, question: str, answer: Sequence[_T]) -> Sequence[_T]:
        self.asked.append(question)
        await trio.lowlevel.checkpoint()
        return answer
