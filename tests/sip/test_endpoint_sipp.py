"""SIPp against a bare endpoint: its own scenarios over UDP and TCP, losses, and a brisk rate."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from sip.endpoint import Answered, Ended, InviteSession
from tests.interop.sipp import Sipp, Transport

from .endpoints import SDP, Running, running

pytestmark = [pytest.mark.interop, pytest.mark.loopback]

LISTENERS = ("udp://127.0.0.1:0", "tcp://127.0.0.1:0")


def ring_and_accept(session: InviteSession) -> None:
    session.provisional(180)
    session.accept(SDP)


def clean(us: Running) -> bool:
    return us.endpoint.active_sessions == 0 and us.owner.faults == []


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_sipp_calls(transport: Transport, tmp_path: Path, nursery: trio.Nursery) -> None:
    async with running(nursery, *LISTENERS) as us:
        us.owner.on_invite = ring_and_accept
        sipp = Sipp(folder=tmp_path, transport=transport)
        target = f"127.0.0.1:{us.port(transport)}"
        finished = await sipp.call(target, calls=20, rate=20, hold_ms=100)
        assert finished.exit_code == 0, finished.output
        assert us.owner.ends() == [("remote", "bye", 200)] * 20
        assert clean(us)


async def test_sipp_calls_through_a_network_that_loses_a_tenth(
    tmp_path: Path, nursery: trio.Nursery
) -> None:
    async with running(nursery) as us:
        us.owner.on_invite = ring_and_accept
        sipp = Sipp(folder=tmp_path)
        target = f"127.0.0.1:{us.port()}"
        finished = await sipp.call(target, calls=30, rate=30, hold_ms=50, extra=("-lost", "10"))
        assert finished.exit_code == 0, finished.output
        # SIPp takes a repeated 200 of the INVITE for that of a BYE that it lost: such a session
        # stays here until its ACK is given up
        assert us.owner.faults == []
        assert len(us.owner.ends()) >= 20


async def test_sipp_calls_at_a_brisk_rate(tmp_path: Path, nursery: trio.Nursery) -> None:
    async with running(nursery) as us:
        us.owner.on_invite = ring_and_accept
        sipp = Sipp(folder=tmp_path)
        target = f"127.0.0.1:{us.port()}"
        finished = await sipp.call(target, calls=300, rate=100, hold_ms=200)
        assert finished.exit_code == 0, finished.output
        assert clean(us)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_sipp_is_called(transport: Transport, tmp_path: Path, nursery: trio.Nursery) -> None:
    sipp = Sipp(folder=tmp_path, scenario="uas", transport=transport)
    async with running(nursery, "udp://127.0.0.1:0") as us, sipp.answering(calls=10) as answering:
        suffix = ";transport=tcp" if transport == "tcp" else ""
        for _ in range(10):
            us.call(f"sip:service@127.0.0.1:{answering.port}{suffix}")
        await us.owner.heard(Answered, 10)
        for session in us.owner.sessions:
            session.hangup()
        await us.owner.heard(Ended, 10)
        finished = await answering.finished()
        assert finished.exit_code == 0, finished.output
        assert clean(us)
