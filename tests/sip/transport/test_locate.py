"""From a name to places (RFC 3263): services, weights, addresses, ports that skip the DNS."""

from __future__ import annotations

from collections import Counter

import pytest
import trio
import trio.testing

from sip.address import Lookup, Transport
from sip.transport.limits import MAX_PLACES, RESOLVE_S
from sip.transport.locate import LocateError, Locator
from sip.transport.rfc3263 import Naptr, Srv, in_order

from .names import FakeNames

DOMAIN = "example.com"


def naptr(order: int, preference: int, service: str, replacement: str, flags: str = "s") -> Naptr:
    return Naptr(
        order=order,
        preference=preference,
        flags=flags,
        service=service,
        replacement=replacement,
    )


def srv(target: str, port: int = 5060, *, priority: int = 10, weight: int = 0) -> Srv:
    return Srv(priority=priority, weight=weight, port=port, target=target)


def lookup(
    *,
    port: int | None = None,
    transport: Transport | None = None,
    secure: bool = False,
) -> Lookup:
    return Lookup(domain=DOMAIN, port=port, transport=transport, secure=secure)


async def places(
    names: FakeNames,
    asked_for: Lookup,
    *,
    transports: tuple[Transport, ...] = ("udp", "tcp", "tls"),
    seed: str = "call-1",
) -> list[str]:
    locator = Locator(names, transports=transports, kinds=("A", "AAAA"))
    found = await locator.locate(asked_for, seed)
    assert {place.domain for place in found} == {DOMAIN}
    return [str(place) for place in found]


async def test_naptr_chooses_the_transport_and_srv_the_server() -> None:
    names = FakeNames(
        naptrs={
            DOMAIN: [
                naptr(90, 50, "SIP+D2T", "_sip._tcp.example.com"),
                naptr(50, 50, "SIP+D2U", "_sip._udp.example.com"),
                naptr(10, 10, "SIP+D2W", "_sip._ws.example.com"),
                naptr(10, 10, "E2U+sip", "", flags="u"),
            ]
        },
        srvs={
            "_sip._udp.example.com": [
                srv("two.example.com", 5070, priority=20),
                srv("one.example.com", 5062, priority=10),
            ],
            "_sip._tcp.example.com": [srv("one.example.com", 5063)],
        },
        a={"one.example.com": ["192.0.2.1", "192.0.2.2"], "two.example.com": ["192.0.2.3"]},
        aaaa={"two.example.com": ["2001:db8::3"]},
    )
    assert await places(names, lookup()) == [
        "udp:192.0.2.1:5062",
        "udp:192.0.2.2:5062",
        "udp:192.0.2.3:5070",
        "udp:[2001:db8::3]:5070",
        "tcp:192.0.2.1:5063",
        "tcp:192.0.2.2:5063",
    ]


async def test_a_sips_uri_uses_secure_services_alone() -> None:
    names = FakeNames(
        naptrs={
            DOMAIN: [
                naptr(10, 10, "SIP+D2U", "_sip._udp.example.com"),
                naptr(20, 10, "SIPS+D2T", "_sips._tcp.example.com"),
            ]
        },
        srvs={"_sips._tcp.example.com": [srv("sec.example.com", 5061)]},
        a={"sec.example.com": ["192.0.2.9"]},
    )
    assert await places(names, lookup(secure=True, transport="tls")) == ["tls:192.0.2.9:5061"]
    assert "SRV _sip._udp.example.com" not in names.asked


async def test_without_naptr_srv_is_asked_for_what_we_speak() -> None:
    names = FakeNames(
        srvs={"_sip._tcp.example.com": [srv("t.example.com", 5063)]},
        a={"t.example.com": ["192.0.2.4"]},
    )
    assert await places(names, lookup()) == ["tcp:192.0.2.4:5063"]
    assert names.asked[:3] == [
        "NAPTR example.com",
        "SRV _sip._udp.example.com",
        "SRV _sip._tcp.example.com",
    ]


async def test_without_srv_the_name_s_own_addresses_are_used() -> None:
    names = FakeNames(a={DOMAIN: ["192.0.2.5"]})
    assert await places(names, lookup()) == ["udp:192.0.2.5:5060"]
    assert await places(names, lookup(), transports=("tcp", "tls")) == ["tcp:192.0.2.5:5060"]
    assert await places(names, lookup(secure=True, transport="tls")) == ["tls:192.0.2.5:5061"]
    assert await places(names, lookup(transport="tcp")) == ["tcp:192.0.2.5:5060"]


async def test_a_port_skips_naptr_and_srv() -> None:
    names = FakeNames(a={DOMAIN: ["192.0.2.5"]})
    assert await places(names, lookup(port=5099, transport="udp")) == ["udp:192.0.2.5:5099"]
    assert names.asked == ["A example.com", "AAAA example.com"]


async def test_a_named_transport_asks_for_its_service_alone() -> None:
    names = FakeNames(
        srvs={"_sip._tcp.example.com": [srv("t.example.com", 5063)]},
        a={"t.example.com": ["192.0.2.4"]},
    )
    assert await places(names, lookup(transport="tcp")) == ["tcp:192.0.2.4:5063"]
    assert names.asked[0] == "SRV _sip._tcp.example.com"


async def test_a_service_that_is_not_offered_leads_nowhere() -> None:
    names = FakeNames(srvs={"_sip._udp.example.com": [srv("")]}, a={DOMAIN: ["192.0.2.5"]})
    with pytest.raises(LocateError, match=r"example\.com: the name has no address"):
        await places(names, lookup(transport="udp"))


async def test_the_number_of_places_is_bounded() -> None:
    names = FakeNames(a={DOMAIN: [f"192.0.2.{n}" for n in range(100)]})
    assert len(await places(names, lookup())) == MAX_PLACES
    hosts = {f"h{n}.example.com": [f"192.0.2.{n}", f"192.0.3.{n}"] for n in range(50)}
    many = FakeNames(srvs={"_sip._udp.example.com": [srv(host) for host in hosts]}, a=hosts)
    assert len(await places(many, lookup(transport="udp"))) == MAX_PLACES


async def test_a_silent_dns_is_not_waited_for(autojump_clock: trio.testing.MockClock) -> None:
    class Silent(FakeNames):
        async def naptr(self, name: str) -> list[Naptr]:
            await trio.sleep_forever()

    start = trio.current_time()
    with pytest.raises(LocateError, match="no answer from the DNS in 5 s"):
        await places(Silent(), lookup())
    assert trio.current_time() - start == pytest.approx(RESOLVE_S)


async def test_one_call_stays_with_one_server_and_many_are_spread_by_weight() -> None:
    names = FakeNames(
        srvs={
            "_sip._udp.example.com": [
                srv("a.example.com", weight=75),
                srv("b.example.com", weight=25),
            ]
        },
        a={"a.example.com": ["192.0.2.1"], "b.example.com": ["192.0.2.2"]},
    )
    firsts = Counter[str]()
    for number in range(400):
        first = [
            (await places(names, lookup(transport="udp"), seed=f"call-{number}"))[0]
            for _ in range(2)
        ]
        assert first[0] == first[1]
        firsts[first[0]] += 1
    assert 250 < firsts["udp:192.0.2.1:5060"] < 350


def test_weights_are_drawn_as_the_rfc_says() -> None:
    records = [srv("none", weight=0), srv("one", weight=10), srv("three", weight=30)]
    later = srv("later", priority=20, weight=100)

    def drawn(*numbers: float) -> list[str]:
        fractions = iter(numbers)
        return [one.target for one in in_order([later, *records], lambda: next(fractions))]

    assert drawn(0.0, 0.0, 0.0, 0.5) == ["none", "one", "three", "later"]
    assert drawn(0.99, 0.99, 0.0, 0.5) == ["three", "one", "none", "later"]
    assert drawn(0.2, 0.0, 0.5, 0.5) == ["one", "none", "three", "later"]
