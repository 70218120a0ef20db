"""Trunks that are known by name: their addresses follow the DNS, and a silent DNS loses none."""

from __future__ import annotations

import attrs
import trio
import trio.testing

from runtime.legs.sip.trunk.recognition import Caller, Recognition
from runtime.legs.sip.trunk.whereabouts import (
    AGAIN_S,
    BLIND_S,
    KEPT_S,
    MAX_KEPT,
    TrunkWhereabouts,
    Whereabouts,
)
from runtime.legs.sip.trunks import Trunk
from sip.message import Uri
from sip.transport import addresses_of
from sip.transport.rfc3263 import Naptr, Srv
from tests.legs.sip.trunk.making import trunk
from tests.sip.transport.names import FakeNames

FIRST, SECOND, THIRD = "203.0.113.1", "203.0.113.2", "2001:db8::3"


def test_what_the_newest_answer_does_not_hold_counts_for_a_while() -> None:
    places = Whereabouts()
    places.heard([FIRST], 0.0)
    places.heard([SECOND], KEPT_S)
    assert places.addresses == (FIRST, SECOND)
    places.heard([SECOND], KEPT_S + 1)
    assert places.addresses == (SECOND,)


def test_silence_changes_nothing_for_a_day() -> None:
    places = Whereabouts()
    places.heard([FIRST, "2001:DB8:0::3"], 0.0)
    places.heard([], BLIND_S)
    assert places.addresses == (THIRD, FIRST)
    places.heard([], BLIND_S + 1)
    assert places.addresses == ()


def test_a_name_that_is_answered_with_ever_new_addresses_takes_bounded_memory() -> None:
    places = Whereabouts()
    for number in range(MAX_KEPT + 100):
        places.heard([f"10.0.{number // 250}.{number % 250}", "nonsense"], float(number % 2))
    assert len(places.addresses) == MAX_KEPT


@attrs.define
class Office:
    """The trunks of a runtime, and a DNS that the test changes."""

    trunks: list[Trunk]
    names: FakeNames
    told: list[str] = attrs.field(factory=list)
    recognition: Recognition = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.recognition = Recognition(trunks=self.trunks)

    async def look(self, nursery: trio.Nursery) -> None:
        keeper = TrunkWhereabouts(
            self._addresses, self.trunks, self.recognition, log=self.told.append, warn=print
        )
        await nursery.start(keeper.run)

    async def _addresses(self, uri: Uri) -> list[str]:
        return await addresses_of(self.names, uri)

    def caller(self, host: str) -> str:
        found = self.recognition.of(Caller(host=host))
        return "nobody" if found is None else f"{found.trunk.name} by {found.by}"


async def test_a_trunk_calls_from_every_server_that_its_name_leads_to(
    autojump_clock: trio.testing.MockClock,
) -> None:
    names = FakeNames(
        naptrs={
            "carrier.example": [
                Naptr(
                    order=1,
                    preference=1,
                    flags="s",
                    service="SIP+D2U",
                    replacement="_sip._udp.carrier.example",
                )
            ]
        },
        srvs={
            "_sip._udp.carrier.example": [
                Srv(priority=1, weight=0, port=5060, target="one.carrier.example"),
                Srv(priority=9, weight=0, port=5070, target="two.carrier.example"),
            ]
        },
        a={"one.carrier.example": [FIRST], "two.carrier.example": [SECOND]},
        aaaa={"two.carrier.example": [THIRD]},
    )
    office = Office([trunk("carrier", "sip:carrier.example")], names)
    async with trio.open_nursery() as nursery:
        await office.look(nursery)
        for address in (FIRST, SECOND, THIRD, f"::ffff:{SECOND}"):
            assert office.caller(address).startswith("carrier by its address")
        assert office.caller("203.0.113.77") == "nobody"
        assert office.told == [f"trunk carrier: carrier.example is {THIRD}, {FIRST}, {SECOND}"]
        nursery.cancel_scope.cancel()


async def test_a_server_that_is_added_is_known_within_a_minute(
    autojump_clock: trio.testing.MockClock,
) -> None:
    names = FakeNames(a={"pbx.example": [FIRST]})
    fixed = trunk("fixed", f"sip:[{THIRD}]")
    office = Office([trunk("pbx", "sip:pbx.example"), fixed], names)
    async with trio.open_nursery() as nursery:
        await office.look(nursery)
        assert office.caller(SECOND) == "nobody"
        assert office.caller(THIRD).startswith("fixed")
        names.a = {"pbx.example": [SECOND]}
        await trio.sleep(AGAIN_S + 1)
        assert office.caller(SECOND).startswith("pbx")
        assert office.caller(FIRST).startswith("pbx")
        await trio.sleep(KEPT_S + AGAIN_S)
        assert office.caller(FIRST) == "nobody"
        names.a = {}
        await trio.sleep(2 * KEPT_S)
        assert office.caller(SECOND).startswith("pbx")
        assert office.caller(THIRD).startswith("fixed")
        nursery.cancel_scope.cancel()


async def test_a_uri_with_a_port_names_one_host_and_no_services(
    autojump_clock: trio.testing.MockClock,
) -> None:
    names = FakeNames(a={"pbx.example": [FIRST]})
    assert await addresses_of(names, Uri.parse("sip:pbx.example:5080")) == [FIRST]
    assert names.asked == ["A pbx.example", "AAAA pbx.example"]
