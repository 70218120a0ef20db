"""From which addresses trunks call whose URIs hold names: found at start-up and again for ever.

The name servers' answers are remembered below as long as they say, so that asking again each minute
costs nothing until they are due. Rules: an address counts for a while after the last answer that
held it, since servers are taken out of the DNS before they are switched off; an answer that holds
nothing changes nothing for a day, since it is more often a fault of the DNS than a carrier's end.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

import attrs
import trio

from runtime.legs.sip.networks import address_of
from runtime.legs.sip.trunk.recognition import Recognition
from runtime.legs.sip.trunks import Trunk
from sip.address import ip_literal
from sip.message import Uri

AGAIN_S: Final = 60.0
"""Between two looks at a name: a server that was added is known this long after its record."""
KEPT_S: Final = 600.0
"""For how long an address counts that the newest answer does not hold any more. Names that are
answered with another few of their servers each time have shown all of them by then."""
BLIND_S: Final = 86_400.0
"""For how long the last addresses count while the name servers say nothing."""
MAX_KEPT: Final = 256
"""Addresses of one trunk; those seen longest ago go first."""
MAX_TOLD: Final = 8
"""Addresses in a line of the log."""

AddressesOf = Callable[[Uri], Awaitable[Sequence[str]]]


@attrs.define
class Whereabouts:
    """The addresses behind one name. Pure: answers and the time go in."""

    _seen: dict[str, float] = attrs.field(factory=dict)
    """When an answer held each address, the oldest first."""
    _answered_at: float = 0.0

    def heard(self, found: Iterable[str], now: float) -> None:
        """An answer of the name servers; an empty one is none."""
        addresses = [str(address) for each in found if (address := address_of(each)) is not None]
        for each in addresses:
            self._seen.pop(each, None)
            self._seen[each] = now
        if addresses:
            self._answered_at = now
            # by the answers, not by the clock: while nobody answers, nothing grows older
            kept = [(each, at) for each, at in self._seen.items() if now - at <= KEPT_S]
            self._seen = dict(kept[-MAX_KEPT:])
        elif now - self._answered_at > BLIND_S:
            self._seen.clear()

    @property
    def addresses(self) -> tuple[str, ...]:
        return tuple(sorted(self._seen))


class TrunkWhereabouts:
    """Keeps `recognition.addresses` as the name servers have them."""

    def __init__(
        self,
        addresses_of: AddressesOf,
        trunks: Sequence[Trunk],
        recognition: Recognition,
        *,
        log: Callable[[str], object],
        warn: Callable[[str], object],
    ) -> None:
        self._addresses_of = addresses_of
        self._recognition = recognition
        self._log = log
        self._warn = warn
        self._places = [
            (trunk, uri, Whereabouts())
            for trunk in trunks
            for uri in dict.fromkeys((trunk.uri, *trunk.registrars))
        ]

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Look, report when the first look is over, and look again until cancelled."""
        await self._look()
        task_status.started()
        if all(ip_literal(uri.host) is not None for _, uri, _ in self._places):
            return
        while True:
            await trio.sleep(AGAIN_S)
            await self._look()

    async def _look(self) -> None:
        """Ask for all names at once."""
        async with trio.open_nursery() as nursery:
            for trunk, uri, places in self._places:
                nursery.start_soon(self._look_for, trunk, uri, places)
        addresses: dict[str, Trunk] = {}
        for trunk, _, places in self._places:
            for address in places.addresses:
                addresses.setdefault(address, trunk)  # the first of the configuration counts
        self._recognition.addresses = addresses

    async def _look_for(self, trunk: Trunk, uri: Uri, places: Whereabouts) -> None:
        literal = ip_literal(uri.host)
        if literal is not None:
            places.heard([str(literal)], trio.current_time())
            return
        before = places.addresses
        places.heard(await self._addresses_of(uri), trio.current_time())
        found = places.addresses
        if found == before:
            return
        if not found:
            self._warn(f"trunk {trunk.name}: {uri.host} has no address any more")
            return
        more = f" and {len(found) - MAX_TOLD} more" if len(found) > MAX_TOLD else ""
        self._log(f"trunk {trunk.name}: {uri.host} is {', '.join(found[:MAX_TOLD])}{more}")
