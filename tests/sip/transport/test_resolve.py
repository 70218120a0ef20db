"""Names to addresses: literals at once, answers remembered for a minute, bounded waiting."""

from __future__ import annotations

import socket
from typing import Any

import pytest
import trio
import trio.testing

from sip.transport.limits import MAX_RESOLVED
from sip.transport.resolve import ResolveError, Resolver, source_address

Answers = dict[str, list[str]]


def lookup_in(answers: Answers, asked: list[str]) -> Any:
    async def lookup(host: str, port: int, *, type: int) -> list[Any]:
        asked.append(host)
        if host not in answers:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        await trio.lowlevel.checkpoint()
        return [(2, type, 17, "", (address, port)) for address in answers[host]]

    return lookup


async def test_literals_need_no_lookup() -> None:
    asked: list[str] = []
    resolver = Resolver(lookup_in({}, asked))
    assert await resolver.resolve("192.0.2.1", 5060, "udp") == ("192.0.2.1",)
    assert await resolver.resolve("[::1]", 5060, "udp") == ("::1",)
    assert asked == []


async def test_an_answer_is_used_for_a_minute(autojump_clock: trio.testing.MockClock) -> None:
    asked: list[str] = []
    answers = {"pbx.example": ["192.0.2.1", "192.0.2.1", "192.0.2.2"]}
    resolver = Resolver(lookup_in(answers, asked))
    assert resolver.known("pbx.example", trio.current_time()) is None
    for _ in range(2):
        found = await resolver.resolve("pbx.example", 5060, "udp")
        assert found == ("192.0.2.1", "192.0.2.2")
    assert resolver.known("PBX.example", trio.current_time()) == found
    assert asked == ["pbx.example"]
    await trio.sleep(61)
    await resolver.resolve("pbx.example", 5060, "tcp")
    assert asked == ["pbx.example", "pbx.example"]


async def test_an_unknown_name_says_so() -> None:
    with pytest.raises(ResolveError, match=r"nobody\.example: .*not known"):
        await Resolver(lookup_in({}, [])).resolve("nobody.example", 5060, "udp")


async def test_a_name_without_address_says_so() -> None:
    with pytest.raises(ResolveError, match="no address"):
        await Resolver(lookup_in({"empty": []}, [])).resolve("empty", 5060, "udp")


async def test_a_silent_resolver_is_given_up(autojump_clock: trio.testing.MockClock) -> None:
    async def never(*_: Any, **__: Any) -> list[Any]:
        await trio.sleep_forever()
        raise AssertionError

    with pytest.raises(ResolveError, match="no answer from the resolver in 5 s"):
        await Resolver(never).resolve("slow.example", 5060, "udp")


async def test_the_memory_for_names_is_bounded() -> None:
    answers = {f"h{n}": ["192.0.2.1"] for n in range(MAX_RESOLVED + 1)}
    resolver = Resolver(lookup_in(answers, []))
    for host in answers:
        await resolver.resolve(host, 5060, "udp")
    assert len(resolver._answers) == MAX_RESOLVED
    assert resolver.known("h0", trio.current_time()) is None


def test_the_source_address_of_loopback_is_loopback() -> None:
    assert source_address("127.0.0.1") == "127.0.0.1"
    assert source_address("localhost") == "127.0.0.1"
