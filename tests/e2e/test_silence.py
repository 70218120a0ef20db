"""A caller who falls silent: the script is told, and the timeline says what the likely cause is."""

from __future__ import annotations

import pytest
import trio

from tests.e2e.phone import Phone
from tests.e2e.runtime_process import RuntimeProcess

pytestmark = pytest.mark.loopback

TOLD_S = 7.0
"""Within which RtpStopped must come (voxengine.md 3.8)."""


def missing(timeline: list[dict[str, object]]) -> list[str]:
    found = [str(entry["what"]) for entry in timeline]
    return [what.partition("for 2 s: ")[2] for what in found if "no audio from the peer" in what]


async def test_packets_that_stop_and_come_again(runtime: RuntimeProcess, phone: Phone) -> None:
    call = await phone.call("watched")
    await call.connected()
    await call.hear(0.5)
    call.audio.silent = True
    began = trio.current_time()
    await runtime.logged("watched stopped")
    assert trio.current_time() - began < TOLD_S
    call.audio.silent = False
    await runtime.logged("watched resumed")
    await call.bye()
    timeline = await runtime.over(await runtime.session_of(call.call_id))
    [cause] = missing(timeline)
    assert cause.startswith("the packets have stopped")
    events = [str(entry["what"]) for entry in timeline if entry["kind"] == "event"]
    assert [e for e in events if "Rtp" in e] == ["Call.RtpStopped", "Call.RtpResumed"]


async def test_a_caller_from_whom_nothing_ever_comes(runtime: RuntimeProcess, phone: Phone) -> None:
    call = await phone.call("watched")
    call.audio.silent = True
    await call.connected()
    await call.hear(3.0)
    await call.bye()
    [cause] = missing(await runtime.over(await runtime.session_of(call.call_id)))
    assert cause.startswith("no packet has come at all; a firewall or NAT may be in the way")
