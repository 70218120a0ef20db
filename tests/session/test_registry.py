"""The registry: which calls it takes, what it refuses, and how it drains."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from runtime.session.registry import SessionRefused
from runtime.session.rules import Routing, Rule
from runtime.session.settings import SessionSettings
from tests.session.bench import FakeBundle, bench, conference_routing


async def test_a_call_that_no_rule_takes_is_404_with_the_explanation(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        rule = Rule(name="sales", to=r"\+4420794601..", scenario="ivr")
        b.registry.set_scenarios(Routing.ruled([rule], {"ivr": FakeBundle()}))
        leg = await b.ring_in("+15551234")
        assert leg.sent == ["404"]
        assert "sales (\\+4420794601.., no)" in leg.reasons[0]
        assert b.launcher.workers == []
        refused = b.registry.refused.views()[0]
        assert (refused.source, refused.code, refused.count) == ("udp:127.0.0.1", 404, 1)
        assert refused.problem == "E2104"
        taken = await b.ring_in("+442079460112")
        assert taken.sent == []
        assert b.view().rule == "sales"


async def test_refusals_are_counted_per_source(autojump_clock: MockClock) -> None:
    async with bench() as b:
        b.registry.set_scenarios(Routing.named({"a": FakeBundle(), "b": FakeBundle()}))
        for number in range(50):
            await b.ring_in(str(number))
        (refused,) = b.registry.refused.views()
        assert (refused.count, refused.destination) == (50, "49")


async def test_a_drain_waits_for_the_last_call(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, _ = await b.connected()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(b.registry.drain, 30)
            await trio.sleep(1)
            late = await b.ring_in()
            assert late.sent == ["503"]
            assert late.headers == [{"Retry-After": "10"}]
            await worker.command("call.create", unit=1, kind="sip", to="sip:x@127.0.0.1")
            failed = worker.last("Call.Failed").fields
            assert (failed["code"], failed["reason"]) == (503, "the runtime is shutting down")
            assert leg.sent == ["200"]
            leg.bye()
        assert trio.current_time() < 30
        assert b.view().end_cause == "shutdown"
        assert worker.names()[-1] == "Application.Terminated"


async def test_a_drain_hangs_up_when_its_time_is_up(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        await worker.command("call.record", unit=unit)
        began = trio.current_time()
        await b.registry.drain(10)
        assert leg.sent[-1] == "hangup"
        assert b.store.made[0].finished
        assert trio.current_time() - began < 11


async def test_a_drain_is_bounded_although_a_script_hangs(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, _ = await b.connected()
        worker.replies = False
        began = trio.current_time()
        await b.registry.drain(10)
        assert leg.sent[-1] == "hangup"
        assert trio.current_time() - began <= 10 + 15 + 2


async def test_a_drain_without_calls_is_over_at_once(autojump_clock: MockClock) -> None:
    async with bench() as b:
        await b.started()
        began = trio.current_time()
        await b.registry.drain(10)
        assert trio.current_time() - began < 1
        assert b.view().end_cause == "shutdown"


async def test_the_next_caller_of_an_ended_conference_starts_it_anew(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        b.registry.set_scenarios(conference_routing())
        _, worker, _ = await b.alerting(number="room1")
        await worker.command("session.terminate")
        await b.ring_in("room1")
        assert [view.id for view in b.registry.sessions()] == ["s2"]


async def test_a_caller_may_come_while_a_conference_is_ending(autojump_clock: MockClock) -> None:
    async with bench() as b:
        b.registry.set_scenarios(conference_routing())
        _, worker, _ = await b.alerting(number="room1")
        worker.replies = False
        await worker.command("session.terminate")
        leg = await b.ring_in("room1")
        await b.worker.ready()
        assert leg.sent == []
        assert [view.id for view in b.registry.sessions()] == ["s1", "s2"]
        await trio.sleep(25)
        await b.ring_in("room1")
        assert [view.id for view in b.registry.sessions()] == ["s2"]


async def test_sessions_can_be_looked_at_after_their_end(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, _ = await b.connected()
        await trio.sleep(5)
        view = b.view()
        assert (view.legs[0].number, view.legs[0].callerid) == ("100", "alice")
        assert view.legs[0].remote == "udp:127.0.0.1:5070"
        assert view.legs[0].duration_s == 5
        await worker.command("session.terminate")
        assert leg.ended
        await trio.sleep(100)
        view = b.view()
        assert (view.state, view.legs) == ("ENDED", ())
        assert view.duration_s == 5
        timeline = b.registry.timeline("s1")
        assert timeline is not None
        assert timeline.entries[-1].what == "over: terminated"
        assert b.registry.get("nothing") is None


async def test_a_scenario_that_keeps_crashing_gets_no_more_calls(
    autojump_clock: MockClock,
) -> None:
    async with bench(SessionSettings(breaker=True)) as b:
        for _ in range(5):
            await b.alerting()
            await b.worker.leave("signal 11")
            await b.quiet()
        leg = await b.ring_in()
        assert leg.sent == ["503"]
        assert "ivr is failing" in leg.reasons[0]
        with pytest.raises(SessionRefused, match="ivr is failing"):
            await b.registry.start("ivr")
        b.registry.set_scenarios(Routing.single("ivr", FakeBundle(version="v2")))
        leg = await b.ring_in()
        assert leg.sent == []
