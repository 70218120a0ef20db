"""Three hundred calls that stay for minutes: nothing grows, and everybody is heard to the end.

The callers are one engine and one SIP endpoint of ours, in this process: real SIP, real RTP, rooms
of fifty that are mixed all the time. `make soak` takes ten minutes,
`make soak MINUTES=1` one.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import attrs
import pytest
import trio

from runtime.legs.leg import Connected, DialRequest, Ended, Leg, LegEvent
from runtime.legs.sip.outbound import SipDialer
from runtime.legs.sip.route import OutgoingRules
from runtime.legs.sip.settings import LegSettings
from runtime.legs.sip.trace import TraceBook
from runtime.media.client import MediaClient, MediaLimits
from runtime.media.port import LegClosed, LegMeasured, LegMediaEvent, LegStatistics
from runtime.media.tone_script import ToneScript, ToneStep
from sip.address import ListenAddress
from sip.dialog import InviteObserver, InviteSession
from sip.endpoint import Endpoint, EndpointSettings
from tests.e2e import process_tree
from tests.e2e.runtime_process import RuntimeProcess, callstage
from tests.e2e.test_leaks import Footprint
from tests.e2e.waiting import until
from tests.ports import rtp_ports

pytestmark = pytest.mark.loopback

LEGS: Final = 300
AT_ONCE: Final = 10
"""Calls that are set up at a time."""
PATIENCE_S: Final = 120.0
WARM_SHARE: Final = 0.3
"""Of the minutes: caches, arenas and tables have their size by then."""
SLACK_KIB: Final = 1_536
"""Noise of allocators. A kilobyte a second, in ten minutes, is less; so is a byte for each packet
of one call in a hundred."""
LEAST_HEARD: Final = 0.9
"""Of the packets that were due; a machine on which other tests run may skip some frames."""


@attrs.define(eq=False)
class Caller:
    """One call of the crowd."""

    leg: Leg
    events: list[type[LegEvent]] = attrs.field(factory=list)
    figures: list[LegStatistics] = attrs.field(factory=list)

    def on_event(self, event: LegEvent) -> None:
        self.events.append(type(event))

    def on_media(self, event: LegMediaEvent) -> None:
        if isinstance(event, LegMeasured | LegClosed):
            self.figures.append(event.statistics)


@attrs.define(eq=False)
class Crowd:
    """Many telephones with one SIP address, all of which hum the same tone."""

    media: MediaClient
    dialer: SipDialer
    callers: list[Caller] = attrs.field(factory=list)

    async def call(self, uri: str, count: int) -> None:
        step = ToneStep(frequencies_hz=(440.0,), duration_ms=1000)
        hum = ToneScript(label="hum", steps=(step,))
        player = self.media.open_player(hum, lambda _: None, loop=True)
        for first in range(0, count, AT_ONCE):
            for _ in range(AT_ONCE):
                leg = await self.dialer.dial(DialRequest(kind="sip", to=uri, callerid="crowd"))
                caller = Caller(leg)
                leg.listen(caller.on_event)
                leg.media.listen(caller.on_media)
                self.media.connect(player, leg.media)
                self.callers.append(caller)
            wanted = first + AT_ONCE
            await until(
                lambda n=wanted: self.connected >= n, f"{wanted} calls", within_s=PATIENCE_S
            )

    @property
    def connected(self) -> int:
        return sum(Connected in caller.events for caller in self.callers)

    async def measured(self) -> list[LegStatistics]:
        """The counters of every leg as they are now."""
        before = [len(caller.figures) for caller in self.callers]
        for caller in self.callers:
            caller.leg.media.measure()

        def all_told() -> bool:
            told = [len(caller.figures) for caller in self.callers]
            return all(now > earlier for now, earlier in zip(told, before, strict=True))

        await _patiently(all_told, "the counters of all legs")
        return [caller.figures[-1] for caller in self.callers]

    async def hang_up(self) -> None:
        for caller in self.callers:
            caller.leg.hangup({})
        await until(
            lambda: all(Ended in c.events for c in self.callers), "all ends", within_s=PATIENCE_S
        )


async def _patiently(condition: Callable[[], object], what: str) -> None:
    await until(condition, what, within_s=PATIENCE_S)


@asynccontextmanager
async def crowd() -> AsyncIterator[Crowd]:
    media = MediaClient("127.0.0.1", range(1), limits=MediaLimits(legs=LEGS + 20, players=4))
    book, numbers = TraceBook(trio.current_time), itertools.count(1)
    settings = LegSettings(
        media=media, book=book, now=trio.current_time, new_number=lambda: next(numbers)
    )
    endpoint = Endpoint(EndpointSettings(), on_invite=_nobody_calls_us, on_trace=book.on_trace)
    rules = OutgoingRules(trunks=(), only_loopback=True, host="127.0.0.1")
    async with trio.open_nursery() as nursery:
        await nursery.start(media.run)
        await nursery.start(
            endpoint.run, [ListenAddress(transport="udp", host="127.0.0.1", port=0)]
        )
        yield Crowd(media, SipDialer(settings, endpoint, rules))
        await endpoint.close()
        nursery.cancel_scope.cancel()


def _nobody_calls_us(session: InviteSession) -> InviteObserver:
    raise AssertionError("nobody calls the crowd")


def growth(before: Footprint, after: Footprint) -> dict[str, int]:
    """Private memory, by process, in KiB."""
    return {name: kib - before.private_kib[name] for name, kib in after.private_kib.items()}


def descriptors(runtime: RuntimeProcess) -> float:
    """Of the whole tree; without end while a process of it ends."""
    try:
        return sum(map(process_tree.open_files, [runtime.pid, *runtime.processes()]))
    except OSError:
        return math.inf


async def heard_all_the_time(crowd: Crowd, seconds: float) -> None:
    """Wait, and hold every leg to having heard something all the while."""
    before = await crowd.measured()
    await trio.sleep(seconds)
    due = LEAST_HEARD * seconds * 50
    for earlier, now in zip(before, await crowd.measured(), strict=True):
        assert now.packets_received - earlier.packets_received > due, (earlier, now)


def options(folder: Path, scripts: Path) -> list[str]:
    config = folder / "callstage.toml"
    config.write_text(
        "[limits]\nidle_session_s = 1\n"
        f'[[rule]]\nname = "crowd"\nto = "crowd"\nscenario = "{scripts / "crowd.py"}"\n'
        "conference = true\n"
    )
    return ["--config", str(config), "--rtp-ports", rtp_ports(4 * LEGS)]


def check(runtime: RuntimeProcess, before: Footprint, after: Footprint) -> None:
    print(f"descriptors {after.files}, growth in KiB {growth(before, after)}")
    assert after.processes == before.processes
    assert after.files == before.files
    assert max(growth(before, after).values()) < SLACK_KIB, growth(before, after)
    assert not runtime.log_lines("[error")


@pytest.mark.soak
async def test_three_hundred_calls_stay_and_nothing_grows(
    scripts: Path, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    seconds = 60.0 * float(pytestconfig.getoption("--minutes"))
    with callstage(folder=tmp_path, options=options(tmp_path, scripts)) as runtime:
        idle = Footprint.of(runtime)
        async with crowd() as callers:
            await callers.call(runtime.uri("crowd"), LEGS)
            await runtime.logged(f"inside: {LEGS}")
            await heard_all_the_time(callers, WARM_SHARE * seconds)
            before = Footprint.of(runtime)
            await heard_all_the_time(callers, (1 - WARM_SHARE) * seconds)
            check(runtime, before, Footprint.of(runtime))
            await callers.hang_up()
        held = sum(idle.files.values())
        await _patiently(lambda: descriptors(runtime) <= held, "the calls' descriptors given back")
