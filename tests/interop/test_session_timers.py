"""Session timers (RFC 4028) through Kamailio, which stands in the route of every request.

SIPp asks for the shortest interval, 90 s, and checks each message; Kamailio checks what it
forwards. Only the clock of our side jumps over the time in which nothing happens.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final

import attrs
import pytest
import trio
from trio.testing import MockClock

from runtime.legs.leg import Connected, DialRequest, Ended, Leg, Trace
from runtime.testing.conformance import Heard, until
from tests.interop.kamailio import HOST, Kamailio, kamailio
from tests.interop.programs import Finished
from tests.interop.sipp import Sipp
from tests.legs.sip.bench import SipBench, sip_bench
from tests.ports import free_port

pytestmark = [pytest.mark.interop, pytest.mark.loopback]

SCENARIOS: Final = Path(__file__).parent / "scenarios"
HALF_S: Final = 45.0
"""RFC 4028 10: when the refresher acts."""
TOO_LATE_S: Final = 60.0
"""RFC 4028 10: when the other side gives up, a third of the interval before its end."""
LATE_S: Final = 20.0
"""What a busy machine takes besides must not make it too late."""

SIPP_S: Final = 200.0
"""More than all jumps of a test: they shorten the time that SIPp is given."""


@attrs.frozen
class Site:
    bench: SipBench
    proxy: Kamailio
    folder: Path

    async def call(self, scenario: str, course: Callable[[Leg], Awaitable[None]]) -> Finished:
        """SIPp calls us through the proxy, and we answer; `course` is the call from there on."""
        ends: list[Finished] = []

        async def caller() -> None:
            sipp = Sipp(folder=self.folder, scenario=SCENARIOS / f"{scenario}.xml")
            there = f"{HOST}:{self.proxy.port}"
            ends.append(await sipp.call(there, timeout_s=SIPP_S))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(caller)
            leg = await self.bench.next_leg()
            leg.answer({})
            await course(leg)
        return ends[0]

    def routed(self) -> list[str]:
        """What we sent inside dialogs, by the proxy's account."""
        lines = self.proxy.routed(self.bench.our_address.port)
        return [line.partition(" ")[0] for line in lines]


@pytest.fixture
async def site(mock_clock: MockClock, tmp_path: Path) -> AsyncIterator[Site]:
    """Our legs behind a proxy that has nothing to complain of."""
    mock_clock.rate = 1.0  # as everybody else's, but for the jumps
    async with (
        sip_bench() as bench,
        kamailio(tmp_path / "k", free_port(), bench.our_address.port) as proxy,
    ):
        yield Site(bench, proxy, tmp_path)
        assert proxy.complaints() == []


@attrs.define
class Messages:
    """What a leg sent and received, and when by the clock of our side."""

    lines: list[Trace] = attrs.field(factory=list)

    @classmethod
    def of(cls, leg: Leg) -> Messages:
        messages = cls()
        leg.trace(messages.lines.append)
        return messages

    def times(self, what: str) -> list[float]:
        """When each message that begins so came or went first."""
        again = "(retransmission)"
        return [
            line.t
            for line in self.lines
            if line.kind == "sip" and line.what.startswith(what) and not line.what.endswith(again)
        ]

    async def saw(self, what: str, times: int) -> None:
        await until(lambda: len(self.times(what)) == times)


def seconds_between(earlier: list[float], later: list[float]) -> list[float]:
    return [end - begin for begin, end in zip(earlier, later, strict=True)]


async def test_a_caller_behind_a_proxy_has_its_session_refreshed_by_us(
    site: Site, mock_clock: MockClock
) -> None:
    """refresher=uas: we send UPDATE, each 45 s after the session was agreed on or refreshed."""

    async def course(leg: Leg) -> None:
        heard, messages = Heard(leg), Messages.of(leg)
        await heard.wait_for(Connected)
        for refreshes in (1, 2):
            mock_clock.jump(HALF_S)
            await messages.saw("in 200", refreshes)
        assert (await heard.wait_for(Ended)).by == "peer"
        settled = [messages.times("out 200")[0], messages.times("in 200")[0]]
        assert min(seconds_between(settled, messages.times("out UPDATE"))) >= HALF_S

    run = await site.call("uac_is_refreshed", course)
    assert run.exit_code == 0, run.trace()
    assert site.routed() == ["UPDATE"] * 2


async def test_a_caller_behind_a_proxy_refreshes_and_is_hung_up_on_when_it_stops(
    site: Site, mock_clock: MockClock
) -> None:
    """refresher=uac: by UPDATE, by re-INVITE, and then not at all."""

    async def course(leg: Leg) -> None:
        heard, messages = Heard(leg), Messages.of(leg)
        await heard.wait_for(Connected)
        mock_clock.jump(LATE_S)
        leg.send_info("text/plain", "refresh", {})
        await messages.saw("in UPDATE", 1)
        await messages.saw("out 200", 2)
        mock_clock.jump(LATE_S)
        leg.send_info("text/plain", "refresh", {})
        await messages.saw("in ACK", 2)
        assert Ended not in map(type, heard.events)
        mock_clock.jump(TOO_LATE_S)
        ended = await heard.wait_for(Ended)
        assert (ended.code, ended.by) == (408, "network")
        assert ended.reason == "the peer did not refresh the session in time"
        last = messages.times("out 200")[2:]
        assert min(seconds_between(last, messages.times("out BYE"))) >= TOO_LATE_S
        await messages.saw("in 200", 3)

    run = await site.call("uac_refreshes", course)
    assert run.exit_code == 0, run.trace()
    assert site.routed() == ["INFO", "INFO", "BYE"]


async def test_a_called_party_behind_a_proxy_has_its_session_refreshed_by_us(
    site: Site, mock_clock: MockClock
) -> None:
    """refresher=uac of our own call: we send re-INVITE, for SIPp allows no UPDATE."""
    scenario = SCENARIOS / "uas_is_refreshed.xml"
    async with Sipp(folder=site.folder, scenario=scenario).answering(calls=1) as there:
        to = f"sip:7{there.port:05d}@{HOST}:{site.proxy.port}"
        leg = await site.bench.dialer.dial(DialRequest(kind="sip", to=to))
        heard, messages = Heard(leg), Messages.of(leg)
        await heard.wait_for(Connected)
        for acknowledged in (2, 3):
            mock_clock.jump(HALF_S)
            await messages.saw("out ACK", acknowledged)
        assert heard.names() == ["Connected"]
        leg.hangup({})
        run = await there.finished()
    assert run.exit_code == 0, run.trace()
    settled, asked = messages.times("in 200")[:2], messages.times("out INVITE")[1:]
    assert min(seconds_between(settled, asked)) >= HALF_S
    assert site.routed() == ["ACK", "INVITE", "ACK", "INVITE", "ACK", "BYE"]
