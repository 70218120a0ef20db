"""SIPp against SIP legs: every message as SIPp's own scenarios and ours in scenarios/ expect it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
import trio

from runtime.legs.leg import (
    Connected,
    DialRequest,
    EarlyMedia,
    Ended,
    Held,
    Leg,
    LegEvent,
    Reinvited,
    Resumed,
    Ringing,
    ToneSignalled,
)
from runtime.testing.conformance import Heard, until
from tests.interop.programs import Finished, wait_bound
from tests.interop.sipp import Sipp, Transport
from tests.legs.sip.bench import SipBench, sip_bench
from tests.ports import free_port

pytestmark = [pytest.mark.interop, pytest.mark.loopback]

SCENARIOS: Final = Path(__file__).parent / "scenarios"
Handler = Callable[[Leg], None]


class Desk:
    """Answers every call, or does what it is told, and keeps what it heard."""

    def __init__(self, bench: SipBench, handle: Handler | None = None) -> None:
        self._bench = bench
        self._handle = handle or answer
        self.calls: list[Heard] = []

    async def run(self) -> None:
        while True:
            leg = await self._bench.any_leg()
            self.calls.append(Heard(leg))
            self._handle(leg)

    @property
    def events(self) -> list[LegEvent]:
        return self.calls[-1].events


def answer(leg: Leg) -> None:
    leg.ring({})
    leg.answer({})


@asynccontextmanager
async def desk(bench: SipBench, handle: Handler | None = None) -> AsyncIterator[Desk]:
    clerk = Desk(bench, handle)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(clerk.run)
        yield clerk
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_twenty_calls_of_sipp_are_answered(transport: Transport, tmp_path: Path) -> None:
    async with sip_bench(transport=transport) as bench, desk(bench) as clerk:
        target = f"127.0.0.1:{bench.our_address.port}"
        caller = Sipp(folder=tmp_path, transport=transport)
        run = await caller.call(target, calls=20, rate=20, hold_ms=100)
        assert run.exit_code == 0, run.trace()
        assert len(clerk.calls) == 20
        assert all(call.names() == ["Connected", "Ended"] for call in clerk.calls)
        assert bench.ours.active_sessions == 0


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_sipp_answers_our_calls(transport: Transport, tmp_path: Path) -> None:
    async with sip_bench(transport=transport) as bench:
        async with Sipp(folder=tmp_path, scenario="uas", transport=transport).answering(
            calls=3
        ) as there:
            for _ in range(3):
                leg = await dial(bench, there.port)
                heard = Heard(leg)
                await heard.wait_for(Connected)
                leg.hangup({})
                assert heard.names() == ["Ringing", "Connected", "Ended"]
            run = await there.finished()
        assert run.exit_code == 0, run.trace()


async def dial(bench: SipBench, port: int, *, auth_user: str = "", password: str = "") -> Leg:
    to = f"sip:service@127.0.0.1:{port}{bench.our_transport}"
    request = DialRequest(kind="sip", to=to, auth_user=auth_user, password=password)
    return await bench.dialer.dial(request)


async def called_by(
    bench: SipBench, scenario: str, folder: Path, handle: Handler | None = None
) -> list[LegEvent]:
    """What our leg said while SIPp went through one of our scenarios without complaint."""
    async with desk(bench, handle) as clerk:
        caller = Sipp(folder=folder, scenario=SCENARIOS / f"{scenario}.xml")
        run = await caller.call(f"127.0.0.1:{bench.our_address.port}")
        assert run.exit_code == 0, run.trace()
        return clerk.events if clerk.calls else []


async def test_a_late_offer_is_answered_with_our_offer(tmp_path: Path) -> None:
    async with sip_bench() as bench:
        events = await called_by(bench, "late_offer", tmp_path)
        assert [type(event) for event in events] == [Connected, Ended]
        assert bench.engine.legs[-1].streams[-1].codec == "PCMU"


async def test_hold_and_resume_change_direction_and_version(tmp_path: Path) -> None:
    async with sip_bench() as bench:
        events = await called_by(bench, "hold", tmp_path)
        assert [type(event) for event in events] == [
            Connected,
            Reinvited,
            Held,
            Reinvited,
            Resumed,
            Ended,
        ]


async def test_a_cancelled_call_gets_487(tmp_path: Path) -> None:
    async with sip_bench() as bench:
        events = await called_by(bench, "cancel", tmp_path, lambda leg: leg.ring({}))
        assert events == [Ended(code=487, reason="Request Terminated", by="peer")]


async def test_a_digit_by_info_is_a_tone(tmp_path: Path) -> None:
    async with sip_bench() as bench:
        events = await called_by(bench, "info_digit", tmp_path)
        assert ToneSignalled(tone="5") in events


async def test_a_call_without_our_codecs_gets_488_with_a_warning(tmp_path: Path) -> None:
    async with sip_bench() as bench:
        assert await called_by(bench, "no_common_codec", tmp_path) == []


async def test_a_challenge_is_answered_with_the_right_digest(tmp_path: Path) -> None:
    async with sip_bench() as bench:
        uas = Sipp(folder=tmp_path, scenario=SCENARIOS / "uas_challenge.xml")
        async with uas.answering(calls=1) as there:
            leg = await dial(bench, there.port, auth_user="acme", password="s3cret")
            await Heard(leg).wait_for(Connected)
            leg.hangup({})
            run = await there.finished()
        assert run.exit_code == 0, run.trace()


async def test_sipp_joins_two_calls_of_ours_from_outside(tmp_path: Path) -> None:
    """Third party call control (RFC 3725 4.1): one call's offer is the other's, passed as text."""
    between = free_port()
    ends: list[Finished] = []
    async with sip_bench() as bench, desk(bench) as clerk, trio.open_nursery() as nursery:
        target = f"127.0.0.1:{bench.our_address.port}"

        async def call(scenario: str) -> None:
            folder = tmp_path / scenario
            folder.mkdir()
            caller = Sipp(folder=folder, scenario=scenario)
            ends.append(await caller.call(target, extra=("-3pcc", f"127.0.0.1:{between}")))

        nursery.start_soon(call, "3pcc-C-B")
        await wait_bound(between, "tcp")
        nursery.start_soon(call, "3pcc-C-A")
        with trio.fail_after(40):
            await until(lambda: len(ends) == 2)
        assert [run.exit_code for run in ends] == [0, 0], [run.trace() for run in ends]
        assert [heard.names() for heard in clerk.calls] == [["Connected", "Ended"]] * 2


async def test_a_wrong_password_fails_with_the_code(tmp_path: Path) -> None:
    async with sip_bench() as bench:
        uas = Sipp(folder=tmp_path, scenario=SCENARIOS / "uas_challenge.xml")
        async with uas.answering(calls=1) as there:
            leg = await dial(bench, there.port, auth_user="acme", password="guess")
            assert (await Heard(leg).wait_for(Ended)).code == 403


async def test_a_busy_peer_ends_the_leg_with_its_code_and_headers(tmp_path: Path) -> None:
    async with sip_bench() as bench:
        uas = Sipp(folder=tmp_path, scenario=SCENARIOS / "uas_busy.xml")
        async with uas.answering(calls=1) as there:
            ended = await Heard(await dial(bench, there.port)).wait_for(Ended)
        assert (ended.code, ended.by) == (486, "peer")
        assert ended.headers["X-Why"] == "lunch"
        assert "cause=17" in ended.headers["Reason"]


async def test_early_media_then_ringing_then_the_answer_then_a_cause(tmp_path: Path) -> None:
    async with sip_bench() as bench:
        uas = Sipp(folder=tmp_path, scenario=SCENARIOS / "uas_early.xml")
        async with uas.answering(calls=1) as there:
            heard = Heard(await dial(bench, there.port))
            ended = await heard.wait_for(Ended)
        kinds = [type(event) for event in heard.events]
        assert kinds == [EarlyMedia, Ringing, Connected, Ended]
        assert (ended.code, ended.reason) == (16, "Terminated")
