"""Players in the core: what their sounds are asked for with, and every event in its order."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from runtime.media.port import PlayerFed, PlayerMarkerReached, PlayerStarved
from runtime.media.sounds.sound_port import Fetching
from tests.session.bench import Bench, bench
from tests.session.fakes.worker import FakeWorker

URL = "https://example.com/prompt.mp3"


async def made(worker: FakeWorker, **fields: object) -> int:
    """The number of a new URL player."""
    await worker.command("player.create", unit=1, url=URL, **fields)
    return 1


async def in_session(b: Bench) -> FakeWorker:
    _, worker, _ = await b.connected()
    return worker


async def test_a_player_goes_from_created_to_finished(autojump_clock: MockClock) -> None:
    async with bench() as b:
        worker = await in_session(b)
        await made(worker)
        b.media.player.start()
        b.media.player.finish()
        await b.quiet()
        assert [name for name in worker.names() if name.startswith("Player.")] == [
            "Player.Created",
            "Player.PlaybackReady",
            "Player.Started",
            "Player.PlaybackFinished",
        ]
        assert worker.last("Player.Started").fields == {"duration": 1500}


async def test_the_request_goes_to_the_library_as_the_script_made_it(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        worker = await in_session(b)
        headers = [["Authorization", "Bearer t0p"], ["X-Voice", "anna"]]
        await made(worker, method="POST", headers=headers, body="say hi", progressive=True)
        assert b.sounds.fetched == [
            Fetching(
                method="POST",
                headers=(("Authorization", "Bearer t0p"), ("X-Voice", "anna")),
                body=b"say hi",
                progressive=True,
            )
        ]
        [entry] = [e for e in b.timeline() if e.what == "player.create"]
        assert "t0p" not in str(entry)
        assert "say hi" in str(entry)
        assert "anna" in str(entry)


async def test_headers_and_body_are_hidden_if_the_script_says_so(autojump_clock: MockClock) -> None:
    async with bench() as b:
        worker = await in_session(b)
        headers = [["X-Voice", "anna"]]
        await made(worker, headers=headers, body="say hi", hide_headers=True, hide_body=True)
        [entry] = [e for e in b.timeline() if e.what == "player.create"]
        assert "anna" not in str(entry)
        assert "say hi" not in str(entry)


@pytest.mark.parametrize("progressive", [False, True])
async def test_only_a_progressive_sound_begins_before_it_is_whole(
    autojump_clock: MockClock, progressive: bool
) -> None:
    async with bench() as b:
        b.sounds.complete = trio.Event()
        worker = await in_session(b)
        await made(worker, progressive=progressive)
        assert ("Player.PlaybackReady" in worker.names()) is progressive
        b.sounds.complete.set()
        await b.quiet()
        assert "Player.PlaybackReady" in worker.names()


async def test_a_playback_on_a_call_begins_before_it_is_whole(autojump_clock: MockClock) -> None:
    async with bench() as b:
        b.sounds.complete = trio.Event()
        _, worker, unit = await b.connected()
        await worker.command("media.play", unit=unit, playback=1, url=URL, progressive=True)
        b.media.player.start()
        b.media.player.say(PlayerStarved())
        b.media.player.say(PlayerFed(missed_frames=21))
        await b.quiet()
        assert worker.heard == ["Call.PlaybackReady", "Call.PlaybackStarted"]
        waits, goes_on = b.lines("media")[-2:]
        assert waits.endswith("all that came of its sound is played; silence until more comes")
        assert goes_on.endswith("goes on after 0.42 s of silence")


async def test_a_player_that_waits_for_its_download_says_so_and_goes_on(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        worker = await in_session(b)
        await made(worker, progressive=True)
        b.media.player.start()
        b.media.player.say(PlayerStarved())
        b.media.player.say(PlayerFed(missed_frames=50))
        b.media.player.finish()
        await b.quiet()
        assert worker.names()[-3:] == [
            "Player.Started",
            "Player.Buffering",
            "Player.PlaybackFinished",
        ]
        assert b.lines("media")[-1] == "player 1: goes on after 1.00 s of silence"


async def test_what_breaks_off_ends_with_the_reason_that_the_sound_knows(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        b.sounds.complete = trio.Event()
        worker = await in_session(b)
        await made(worker, progressive=True)
        b.media.player.start()
        b.sounds.made[0].error = f"{URL} cannot be played: the connection broke"
        b.media.player.finish("the sound broke off")
        await b.quiet()
        finished = worker.last("Player.PlaybackFinished").fields
        assert finished == {"error": f"{URL} cannot be played: the connection broke"}


def offsets(worker: FakeWorker) -> list[int]:
    reached = [e for e in worker.events if e.name == "Player.PlaybackMarkerReached"]
    return [event.fields["offset"] for event in reached]


async def test_markers_count_from_both_ends_and_come_back_as_they_were_given(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        worker = await in_session(b)
        await made(worker)
        for offset in (500, -500, 1000, -9999):
            await worker.command("player.marker", unit=1, offset_ms=offset)
        assert b.media.player.markers == [500, 1000, 1000]  # of 1,500 ms; one lies before it
        for at in b.media.player.markers:
            b.media.player.say(PlayerMarkerReached(offset_ms=at))
        await b.quiet()
        assert offsets(worker) == [500, -500, 1000]


async def test_markers_from_the_end_wait_until_that_is_known(autojump_clock: MockClock) -> None:
    async with bench() as b:
        b.sounds.complete = trio.Event()
        worker = await in_session(b)
        await made(worker, progressive=True)
        await worker.command("player.marker", unit=1, offset_ms=-500)
        await worker.command("player.marker", unit=1, offset_ms=200)
        assert b.media.player.markers == [200]
        b.sounds.complete.set()
        await b.quiet()
        assert b.media.player.markers == [200, 1000]
