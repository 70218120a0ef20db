"""After a thousand sessions nothing is left: no task, unit, timer, edge, player or file."""

from __future__ import annotations

import gc
import weakref
from collections import deque

import pytest
import trio
from trio.testing import MockClock

from runtime.legs.leg import Ended
from runtime.session.registry import KEPT_AFTER_END
from runtime.session.supervisor import SessionHost
from tests.session.bench import Bench, bench
from tests.session.fakes.leg import FakeLeg


async def one_session(b: Bench, number: int) -> SessionHost:
    """A different life for each: finished, cut while busy, crashed, refused, cancelled."""
    leg, worker, unit = await b.connected()
    host = next(reversed(b.registry._live.values()))
    await worker.command("media.say", unit=unit, playback=1, text="hello")
    await worker.command("call.record", unit=unit)
    callee = await b.dialled(worker, 1)
    callee.ack()
    await worker.command("media.send", source=unit, sink=1)
    await worker.command("player.create", unit=3, url="a.wav")
    await worker.command("conference.create", unit=5)
    await worker.command("media.send", source=5, sink=unit)
    match number % 5:
        case 0:
            await worker.command("session.terminate")
        case 1:
            await worker.leave("signal 9")
        case 2:
            await worker.send({"type": "nonsense"})
        case 3:
            leg.bye()
            callee.say(Ended(code=200, reason="", by="peer"))
            await trio.sleep(61)
        case _:
            await worker.error("ValueError: no")
    return host


async def test_a_thousand_sessions_leave_nothing_behind(autojump_clock: MockClock) -> None:
    async with bench() as b:
        tasks = trio.lowlevel.current_statistics().tasks_living
        last: deque[SessionHost] = deque(maxlen=10)
        for number in range(1_000):
            last.append(await one_session(b, number))
            b.launcher.workers.clear()
            b.dialer.legs.clear()
            b.sinks.clear()
        await trio.sleep(100)
        assert trio.lowlevel.current_statistics().tasks_living == tasks
        assert b.registry.sessions() == []
        assert b.media.edges == set()
        assert all(player.closed for player in b.media.players)
        assert all(conference.closed for conference in b.media.conferences)
        assert all(recorder.closed for recorder in b.media.recorders)
        assert all(recording.finished for recording in b.store.made)
        assert all(sound.closed for sound in b.sounds.made)
        assert len(b.registry._over) == KEPT_AFTER_END
        for host in last:
            assert len(host.context.units) == 0
            assert len(host.context.alarms) == 0
            assert len(host.context.routes) == 0
            assert len(host.context.calls) == 0


async def test_a_session_that_is_over_is_freed_but_can_be_looked_at(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        host = weakref.ref(await one_session(b, 0))
        signalling = [leg._trace for leg in b.dialer.legs]
        await trio.sleep(100)
        b.launcher.workers.clear()
        b.dialer.legs.clear()
        b.media.players.clear()
        b.media.recorders.clear()
        gc.collect()
        assert host() is None, "although its legs' signalling is still listened to"
        assert signalling[0] is not None
        view, timeline = b.registry.get("s1"), b.registry.timeline("s1")
        assert view is not None
        assert view.end_cause == "terminated"
        assert timeline is not None
        assert timeline.entries[-1].what.startswith("over")


class Life:
    """One session that takes a second for every step."""

    def __init__(self) -> None:
        self.bench: Bench | None = None
        self.caller: FakeLeg | None = None

    async def run(self) -> None:
        async with bench() as b:
            self.bench = b
            b.sounds.delay_s = b.store.start_s = b.dialer.delay_s = b.launcher.delay_s = 1.0
            self.caller = await b.ring_in()
            await trio.sleep(1.5)
            await b.worker.ready()
            await b.worker.command("call.answer", unit=2)
            self.caller.ack()
            await b.worker.command("media.say", unit=2, playback=1, text="hello")
            await b.worker.command("call.record", unit=2)
            await b.worker.command("call.create", unit=1, kind="sip", to="sip:x@127.0.0.1")
            await trio.sleep(30)


@pytest.mark.parametrize("moment", range(12))
async def test_cancelling_the_runtime_at_any_moment_leaves_nothing(
    autojump_clock: MockClock, moment: int
) -> None:
    life = Life()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(life.run)
        await trio.sleep(0.25 * moment + 0.1)
        nursery.cancel_scope.cancel()
    b = life.bench
    assert b is not None
    assert life.caller is not None
    assert life.caller.ended
    assert b.registry.sessions() == []
    assert all(leg.ended for leg in b.dialer.legs)
    assert all(recording.finished for recording in b.store.made)
    assert all(sound.closed for sound in b.sounds.made)
    assert b.media.edges == set()
