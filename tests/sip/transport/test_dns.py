"""Names asked of a DNS server on loopback: records, times to live, silence, own names."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
import trio
import trio.testing

from sip.address import Lookup
from sip.transport.dns import DnsNames
from sip.transport.limits import MAX_RECORDS, MAX_RESOLVED, MISSING_FOR_S, RESOLVED_FOR_S
from sip.transport.locate import Locator
from sip.transport.rfc3263 import Naptr, Srv

pytestmark = pytest.mark.loopback

ZONE = {
    ("example.com.", "NAPTR"): ['50 50 "s" "SIP+D2U" "" _sip._udp.example.com.'],
    ("_sip._udp.example.com.", "SRV"): ["10 60 5066 server.example.com."],
    ("closed.example.com.", "SRV"): ["0 0 0 ."],
    ("server.example.com.", "A"): ["192.0.2.66"],
    ("server.example.com.", "AAAA"): ["2001:db8::66"],
    ("many.example.com.", "A"): [f"192.0.2.{n}" for n in range(1, 60)],
}
TTL_S = 120


class Server:
    """Answers from ZONE, NXDOMAIN for other names; counts what it was asked."""

    def __init__(self, sock: trio.socket.SocketType) -> None:
        self.sock = sock
        self.asked: Counter[str] = Counter()
        self.is_silent = False

    @property
    def port(self) -> int:
        return int(self.sock.getsockname()[1])

    async def run(self) -> None:
        while True:
            data, sender = await self.sock.recvfrom(4096)
            query = dns.message.from_wire(data)
            [question] = query.question
            name, kind = question.name.to_text().lower(), dns.rdatatype.to_text(question.rdtype)
            self.asked[f"{kind} {name}"] += 1
            if self.is_silent:
                continue
            answer = dns.message.make_response(query)
            answer.flags |= dns.flags.RA
            if not any(name == known for known, _ in ZONE):
                answer.set_rcode(dns.rcode.NXDOMAIN)
            elif (name, kind) in ZONE:
                records = ZONE[name, kind]
                answer.answer.append(dns.rrset.from_text(name, TTL_S, "IN", kind, *records))
            await self.sock.sendto(answer.to_wire(), sender)


@pytest.fixture
async def server(nursery: trio.Nursery) -> AsyncIterator[Server]:
    with trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        await sock.bind(("127.0.0.1", 0))
        made = Server(sock)
        nursery.start_soon(made.run)
        yield made
        nursery.cancel_scope.cancel()


def names(server: Server, **more: Any) -> DnsNames:
    return DnsNames(["127.0.0.1"], port=server.port, **{"system": None, **more})


async def test_records_are_read(server: Server) -> None:
    asked = names(server)
    assert await asked.naptr("example.com") == [
        Naptr(
            order=50,
            preference=50,
            flags="s",
            service="SIP+D2U",
            replacement="_sip._udp.example.com",
        )
    ]
    assert await asked.srv("_sip._udp.example.com") == [
        Srv(priority=10, weight=60, port=5066, target="server.example.com")
    ]
    assert await asked.srv("closed.example.com") == [Srv(priority=0, weight=0, port=0, target="")]
    assert await asked.addresses("server.example.com", "A") == ["192.0.2.66"]
    assert await asked.addresses("server.example.com", "AAAA") == ["2001:db8::66"]
    assert len(await asked.addresses("many.example.com", "A")) == MAX_RECORDS


async def test_a_name_is_followed_to_its_servers(server: Server) -> None:
    locator = Locator(names(server), transports=("udp", "tcp"), kinds=("A", "AAAA"))
    lookup = Lookup(domain="example.com", port=None, transport=None, secure=False)
    found = [str(place) for place in await locator.locate(lookup, "call-1")]
    assert found == ["udp:192.0.2.66:5066", "udp:[2001:db8::66]:5066"]


async def test_answers_are_used_as_long_as_they_say(
    server: Server, autojump_clock: trio.testing.MockClock
) -> None:
    autojump_clock.autojump_threshold = float("inf")
    asked = names(server)
    for _ in range(3):
        await asked.addresses("SERVER.example.com", "A")
        await asked.addresses("nobody.example.com", "A")
    assert set(server.asked.values()) == {1}
    autojump_clock.jump(MISSING_FOR_S)
    await asked.addresses("server.example.com", "A")
    await asked.addresses("nobody.example.com", "A")
    assert server.asked == {"A server.example.com.": 1, "A nobody.example.com.": 2}
    autojump_clock.jump(TTL_S)
    await asked.addresses("server.example.com", "A")
    assert server.asked["A server.example.com."] == 2


async def test_silence_is_not_remembered(server: Server) -> None:
    asked = names(server)
    server.is_silent = True
    assert await asked.srv("_sip._udp.example.com") == []
    server.is_silent = False
    assert len(await asked.srv("_sip._udp.example.com")) == 1


async def test_the_memory_is_bounded(server: Server) -> None:
    asked = names(server)
    for number in range(MAX_RESOLVED + 5):
        asked._remember(f"h{number}", "A", (), 60)
    assert len(asked._answers) == MAX_RESOLVED


async def test_names_of_the_machine_itself_are_known(
    server: Server, autojump_clock: trio.testing.MockClock
) -> None:
    autojump_clock.autojump_threshold = float("inf")
    questions: list[str] = []

    async def system(host: str, port: None, *, family: int, type: int) -> list[Any]:
        questions.append(host)
        if host == "nobody":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(family, type, 0, "", ("10.0.0.7", 0))] * 2

    asked = names(server, system=system)
    assert await asked.addresses("asterisk", "A") == ("10.0.0.7",)
    assert await asked.addresses("pbx.home.arpa", "A") == ("10.0.0.7",)
    assert await asked.addresses("nobody", "A") == ()
    assert server.asked == {"A pbx.home.arpa.": 1}
    await asked.addresses("asterisk", "A")
    assert questions == ["asterisk", "pbx.home.arpa", "nobody"]
    autojump_clock.jump(RESOLVED_FOR_S)
    await asked.addresses("asterisk", "A")
    assert questions[-1] == "asterisk"


@pytest.mark.parametrize("name", ["a..b.example", "x" * 64 + ".example", "\x00.example", "ü" * 80])
async def test_names_that_are_none_have_no_records(server: Server, name: str) -> None:
    asked = names(server)
    assert await asked.srv(name) == []
    assert await asked.addresses(name, "A") == ()
