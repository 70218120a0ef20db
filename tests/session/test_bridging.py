"""Who hears whom, with real units (voxengine.md 3.3, M1-M11)."""

from __future__ import annotations

import trio
from trio.testing import MockClock

from runtime.legs.leg import EarlyMedia
from tests.session.bench import Bench, bench, conference_routing
from tests.session.fakes.leg import FakeLeg
from tests.session.fakes.worker import FakeWorker


async def bridged(b: Bench) -> tuple[FakeLeg, FakeLeg, FakeWorker, int]:
    """A caller and the callee 1, wired both ways before the callee answers."""
    caller, worker, unit = await b.connected()
    callee = await b.dialled(worker, 1)
    await worker.command("media.send", source=unit, sink=1)
    await worker.command("media.send", source=1, sink=unit)
    return caller, callee, worker, unit


async def test_m8_edges_wired_up_front_work_from_the_answer_on(autojump_clock: MockClock) -> None:
    async with bench() as b:
        caller, callee, _, _ = await bridged(b)
        assert b.media.edges == set()
        callee.ack()
        await b.quiet()
        assert b.media.source_of(caller.media) is callee.media
        assert b.media.source_of(callee.media) is caller.media


async def test_m8_the_caller_hears_early_media_of_the_callee(autojump_clock: MockClock) -> None:
    async with bench() as b:
        caller, callee, _, _ = await bridged(b)
        callee.say(EarlyMedia())
        await b.quiet()
        assert b.media.source_of(caller.media) is callee.media


async def test_m8_early_media_to_an_unanswered_caller_does_not_listen_to_it(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        caller, worker, unit = await b.alerting()
        callee = await b.dialled(worker, 1)
        await worker.command("media.send", source=unit, sink=1)
        await worker.command("media.send", source=1, sink=unit)
        callee.ack()
        await worker.command("call.early_media", unit=unit)
        assert b.media.source_of(caller.media) is callee.media
        assert b.media.source_of(callee.media) is None
        await worker.command("call.answer", unit=unit)
        caller.ack()
        await b.quiet()
        assert b.media.source_of(callee.media) is caller.media


async def test_ringing_does_not_undo_the_wiring(autojump_clock: MockClock) -> None:
    async with bench() as b:
        caller, worker, unit = await b.alerting()
        callee = await b.dialled(worker, 1)
        await worker.command("media.send", source=1, sink=unit)
        await worker.command("call.ring", unit=unit)
        await worker.command("call.answer", unit=unit)
        caller.ack()
        callee.ack()
        await b.quiet()
        assert b.media.source_of(caller.media) is callee.media


async def test_m9_stop_media_to_removes_its_own_edge_only(autojump_clock: MockClock) -> None:
    async with bench() as b:
        caller, callee, worker, unit = await bridged(b)
        callee.ack()
        await worker.command("media.stop_send", source=1, sink=unit)
        assert b.media.source_of(caller.media) is None
        assert b.media.source_of(callee.media) is caller.media
        again = await worker.command("media.stop_send", source=1, sink=unit)
        assert worker.result(again) == "done"


async def test_a_leg_that_ends_takes_its_edges_along(autojump_clock: MockClock) -> None:
    async with bench() as b:
        _, callee, _, _ = await bridged(b)
        callee.ack()
        callee.bye()
        await b.quiet()
        assert b.media.edges == set()


async def test_a_leg_may_send_to_itself(autojump_clock: MockClock) -> None:
    async with bench() as b:
        caller, worker, unit = await b.connected()
        await worker.command("media.send", source=unit, sink=unit)
        assert b.media.source_of(caller.media) is caller.media


async def test_m10_a_conference_is_a_unit(autojump_clock: MockClock) -> None:
    async with bench() as b:
        caller, callee, worker, unit = await bridged(b)
        callee.ack()
        await worker.command("conference.create", unit=3)
        assert worker.names()[-1] == "Conference.Started"
        for leg in (unit, 1):
            await worker.command("media.send", source=leg, sink=3)
            await worker.command("media.send", source=3, sink=leg)
        room = b.media.conferences[0]
        assert b.media.edges == {
            (caller.media, room),
            (room, caller.media),
            (callee.media, room),
            (room, callee.media),
        }
        callee.bye()
        await b.quiet()
        assert b.media.edges == {(caller.media, room), (room, caller.media)}
        await worker.command("conference.stop", unit=3)
        assert worker.names()[-1] == "Conference.Stopped"
        assert b.media.edges == set()
        assert room.closed


async def test_edges_that_make_no_sense_are_refused(autojump_clock: MockClock) -> None:
    async with bench() as b:
        _, worker, unit = await b.connected()
        await worker.command("player.create", unit=1, url="a.wav")
        for source, sink in ((unit, 1), (99, unit), (unit, 99)):
            request = await worker.command("media.send", source=source, sink=sink)
            assert (worker.result(request) or "").startswith("error: ")
        assert b.media.edges == set()


async def test_a_player_is_created_ready_started_and_finished(autojump_clock: MockClock) -> None:
    async with bench() as b:
        caller, worker, unit = await b.connected()
        await worker.command("player.create", unit=1, url="a.wav")
        await worker.command("media.send", source=1, sink=unit)
        assert b.media.source_of(caller.media) is b.media.player
        b.media.player.start()
        b.media.player.finish()
        await b.quiet()
        assert worker.names() == [
            "Player.Created",
            "Player.PlaybackReady",
            "Player.Started",
            "Player.PlaybackFinished",
        ]
        assert worker.last("Player.Started").fields == {"duration": 1500}
        assert b.media.edges == set()
        again = await worker.command("player.stop", unit=1)
        assert "has ended" in (worker.result(again) or "")


async def test_whoever_a_loading_player_is_sent_to_hears_it_when_it_is_there(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        b.sounds.delay_s = 1.0
        caller, worker, unit = await b.connected()
        await worker.command("player.create_tts", unit=1, text="hello", on_pause=True)
        await worker.command("media.send", source=1, sink=unit)
        await worker.command("player.marker", unit=1, offset_ms=-500)
        assert b.media.source_of(caller.media) is None
        await trio.sleep(1.1)
        assert b.media.source_of(caller.media) is b.media.player
        assert b.media.player.paused
        assert b.media.player.markers == [1000]
        await worker.command("player.resume", unit=1)
        assert not b.media.player.paused
        await worker.command("player.pause", unit=1)
        assert b.media.player.paused


async def test_a_stopped_player_says_stopped_and_nothing_else(autojump_clock: MockClock) -> None:
    async with bench() as b:
        _, worker, _ = await b.connected()
        await worker.command("player.create", unit=1, url="a.wav")
        await worker.command("player.stop", unit=1)
        b.media.player.finish()
        await b.quiet()
        assert worker.names()[-1] == "Player.Stopped"
        assert b.sounds.made[0].closed


async def test_a_player_whose_sound_is_missing_finishes_with_the_error(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        _, worker, _ = await b.connected()
        await worker.command("player.create", unit=1, url="no.wav")
        assert worker.names() == ["Player.Created", "Player.Error", "Player.PlaybackFinished"]
        told = worker.last("Player.PlaybackFinished").fields
        assert told == worker.last("Player.Error").fields
        assert told["error"]


async def test_a_session_has_ten_players(autojump_clock: MockClock) -> None:
    async with bench() as b:
        _, worker, _ = await b.connected()
        for n in range(10):
            await worker.command("player.create", unit=2 * n + 1, url="a.wav")
        over = await worker.command("player.create", unit=21, url="a.wav")
        assert "at most 10" in (worker.result(over) or "")
        assert worker.names()[-2:] == ["Player.Error", "Player.PlaybackFinished"]
        await worker.command("player.stop", unit=1)
        await worker.command("player.create", unit=23, url="a.wav")
        assert worker.names()[-1] == "Player.PlaybackReady"


async def test_a_conference_session_is_joined_by_every_caller(autojump_clock: MockClock) -> None:
    async with bench() as b:
        b.registry.set_scenarios(conference_routing())
        first, worker, unit = await b.alerting(number="room1")
        second = await b.ring_in(number="room1")
        other = await b.ring_in(number="room2")
        assert len(b.launcher.workers) == 2
        assert worker.last("Application.Started").fields["conference_name"] == "room1"
        assert worker.names().count("Application.CallAlerting") == 2
        joined = worker.last("Application.CallAlerting").fields["call"]["unit"]
        for leg, handle in ((first, unit), (second, joined)):
            await worker.command("call.answer", unit=handle)
            leg.ack()
            await worker.command("media.send", source=handle, sink=handle)
        assert b.media.source_of(second.media) is second.media
        assert other.sent == []
        assert [view.id for view in b.registry.sessions()] == ["s1", "s2"]


async def test_callers_of_a_conference_do_not_count_for_the_limits(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        b.registry.set_scenarios(conference_routing())
        _, worker, _ = await b.alerting(number="room1")
        for _ in range(40):
            await b.ring_in(number="room1")
        leg = await b.dialled(worker, 1)
        leg.ack()
        await b.quiet()
        assert worker.last("Call.Connected").unit == 1
