"""A script that dials its own number: its sessions are one family, and a family is bounded."""

from __future__ import annotations

import attrs
from trio.testing import MockClock

from runtime.decisions.limits import Limits
from runtime.session.settings import SessionSettings
from tests.session.bench import Bench, bench
from tests.session.fakes.leg import FakeLeg

FOUR = SessionSettings(limits=Limits(call_attempts=4))


def call_of(b: Bench, session: str) -> FakeLeg:
    """A call that arrives, placed by that session of ours (or by somebody else)."""
    leg = FakeLeg(incoming=True)
    leg.identity = attrs.evolve(leg.identity, own_session=session)
    b.registry.incoming(leg)
    return leg


async def test_calls_to_ourselves_share_the_attempts_of_one_session(
    autojump_clock: MockClock,
) -> None:
    async with bench(FOUR) as b:
        await b.connected()
        legs = [call_of(b, "s1") for _ in range(4)]
        await b.quiet()
        assert [leg.sent for leg in legs] == [[], [], [], ["482"]]
        assert "calls itself" in legs[-1].reasons[0]
        assert "calls itself" in b.registry.refused.views()[0].reason
        await b.launcher.workers[0].command("call.create", unit=1, kind="sip", to="sip:a@127.0.0.1")
        assert b.launcher.workers[0].last("Call.Failed").fields["code"] == 403


async def test_their_own_calls_count_as_well(autojump_clock: MockClock) -> None:
    async with bench(FOUR) as b:
        await b.connected()
        chain = [call_of(b, f"s{number}") for number in (1, 2, 3, 4)]
        await b.quiet()
        assert [leg.sent for leg in chain] == [[], [], [], ["482"]]


async def test_who_has_ended_is_not_forgotten(autojump_clock: MockClock) -> None:
    """Otherwise a chain of short sessions would go on for ever."""
    async with bench(FOUR) as b:
        await b.connected()
        for number in (1, 2, 3):
            call_of(b, f"s{number}")
            b.registry.terminate(f"s{number}")
            await b.quiet()
        assert b.registry.get("s3") is not None
        last = call_of(b, "s3")
        assert last.sent == ["482"]


async def test_callers_from_outside_are_families_of_their_own(autojump_clock: MockClock) -> None:
    async with bench(FOUR) as b:
        await b.connected()
        for _ in range(3):
            call_of(b, "s1")
        strangers = [call_of(b, "") for _ in range(4)]
        await b.quiet()
        assert [leg.sent for leg in strangers] == [[]] * 4
