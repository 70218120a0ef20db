"""Prompts on a call (voxengine.md 3.3, M3-M8 and M12)."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from runtime.legs.leg import Connected
from tests.session.bench import Bench, bench
from tests.session.fakes.leg import FakeLeg


def hears(b: Bench, leg: FakeLeg) -> str | None:
    """The label of the player that the leg hears."""
    source = b.media.source_of(leg.media)
    return None if source is None else str(getattr(source, "label", source))


async def test_m4_ready_started_finished(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        say = await worker.command("media.say", unit=unit, playback=1, text="welcome")
        assert worker.heard == ["Call.PlaybackReady"]
        assert hears(b, leg) == "welcome"
        b.media.player.start()
        b.media.player.finish()
        await b.quiet()
        assert worker.heard == [
            "Call.PlaybackReady",
            "Call.PlaybackStarted",
            "Call.PlaybackFinished",
            f"result {say}",
        ]
        started = worker.last("Call.PlaybackStarted").fields
        assert started == {"duration": 1500, "playback": 1}
        assert worker.last("Call.PlaybackFinished").fields == {"playback": 1}
        assert worker.result(say) == "finished"


async def test_m6_after_the_end_the_leg_hears_silence(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        await worker.command("media.say", unit=unit, playback=1, text="welcome")
        b.media.player.finish()
        await b.quiet()
        assert hears(b, leg) is None
        assert b.sounds.made[0].closed
        assert b.media.player.closed


async def test_m4_a_missing_file_finishes_with_the_error_and_never_starts(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        play = await worker.command("media.play", unit=unit, playback=1, url="no.wav")
        assert worker.names() == ["Call.PlaybackFinished"]
        error = worker.last("Call.PlaybackFinished").fields["error"]
        assert "not in the scenario's folder" in error
        assert worker.result(play) == f"error: {error}"
        assert b.view().legs
        assert leg.sent == ["200"]


async def test_a_text_that_is_too_long_finishes_with_the_error(autojump_clock: MockClock) -> None:
    async with bench() as b:
        _, worker, unit = await b.connected()
        await worker.command("media.say", unit=unit, playback=1, text="x" * 1501)
        assert worker.names() == ["Call.PlaybackFinished"]


async def test_a_sound_that_never_loads_is_given_up(autojump_clock: MockClock) -> None:
    async with bench() as b:
        b.sounds.delay_s = 1_000
        _, worker, unit = await b.connected()
        await worker.command("media.play", unit=unit, playback=1, url="slow.wav")
        await trio.sleep(31)
        assert "Timeout is reached" in worker.last("Call.PlaybackFinished").fields["error"]


async def test_m4_a_loop_never_finishes_by_itself(autojump_clock: MockClock) -> None:
    async with bench() as b:
        _, worker, unit = await b.connected()
        play = await worker.command("media.play", unit=unit, playback=1, url="a.wav", loop=True)
        assert b.media.player.loop
        b.media.player.start()
        await trio.sleep(600)
        assert worker.result(play) is None


async def test_m5_stop_playback_fires_nothing(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        say = await worker.command("media.say", unit=unit, playback=1, text="welcome")
        b.media.player.start()
        await worker.command("media.stop", unit=unit)
        b.media.player.finish()
        await b.quiet()
        assert "Call.PlaybackFinished" not in worker.names()
        assert worker.result(say) == "stopped"
        assert hears(b, leg) is None


async def test_m5_stop_playback_leaves_a_bridge_alone(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        other = await b.dialled(worker, 1)
        other.ack()
        await worker.command("media.send", source=1, sink=unit)
        await worker.command("media.stop", unit=unit)
        assert b.media.source_of(leg.media) is other.media


async def test_m5_a_replaced_prompt_never_finishes(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        first = await worker.command("media.say", unit=unit, playback=1, text="one")
        player = b.media.player
        second = await worker.command("media.say", unit=unit, playback=2, text="two")
        player.finish()
        await b.quiet()
        assert (worker.result(first), worker.result(second)) == ("replaced", None)
        assert hears(b, leg) == "two"
        assert worker.names() == ["Call.PlaybackReady", "Call.PlaybackReady"]
        assert player.closed
        assert b.sounds.made[0].closed


async def test_of_two_prompts_in_a_row_the_second_wins_although_both_are_loading(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        b.sounds.delay_s = 1.0
        leg, worker, unit = await b.connected()
        first = await worker.post("media.say", unit=unit, playback=1, text="one")
        await worker.command("media.say", unit=unit, playback=2, text="two")
        await trio.sleep(2)
        assert worker.result(first) == "replaced"
        assert hears(b, leg) == "two"
        assert len(b.media.players) == 1


async def test_loading_a_sound_does_not_hold_up_other_commands(autojump_clock: MockClock) -> None:
    async with bench() as b:
        b.sounds.delay_s = 10.0
        leg, worker, unit = await b.connected()
        await worker.command("media.say", unit=unit, playback=1, text="one")
        await worker.command("call.message", unit=unit, text="still here")
        assert leg.sent[-1] == "MESSAGE still here"


async def test_m2_a_bridge_that_comes_later_replaces_a_prompt_that_is_loading(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        other = await b.dialled(worker, 1)
        other.ack()
        b.sounds.delay_s = 1.0
        say = await worker.command("media.say", unit=unit, playback=1, text="one")
        await worker.command("media.send", source=1, sink=unit)
        await trio.sleep(2)
        assert worker.result(say) == "replaced"
        assert b.media.source_of(leg.media) is other.media
        assert b.media.players == []


async def test_m2_a_prompt_replaces_a_bridge_for_good(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        other = await b.dialled(worker, 1)
        other.ack()
        await worker.command("media.send", source=1, sink=unit)
        await worker.command("media.say", unit=unit, playback=1, text="one")
        assert hears(b, leg) == "one"
        b.media.player.finish()
        await b.quiet()
        assert b.media.source_of(leg.media) is None


async def test_m7_a_leg_that_dies_settles_its_prompt_without_finished(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        say = await worker.command("media.say", unit=unit, playback=1, text="one")
        b.media.player.start()
        leg.bye()
        await b.quiet()
        assert worker.result(say) == "call_ended"
        assert "Call.PlaybackFinished" not in worker.names()
        assert b.media.player.closed


async def test_m7_a_leg_that_dies_while_its_prompt_is_loading(autojump_clock: MockClock) -> None:
    async with bench() as b:
        b.sounds.delay_s = 1.0
        leg, worker, unit = await b.connected()
        say = await worker.command("media.say", unit=unit, playback=1, text="one")
        leg.bye()
        await trio.sleep(2)
        assert worker.result(say) == "call_ended"
        assert b.media.players == []


async def test_m8_a_prompt_between_answer_and_connected_waits(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.alerting()
        worker.heard.clear()
        answer = await worker.post("call.answer", unit=unit)
        await worker.command("media.say", unit=unit, playback=1, text="welcome")
        await trio.sleep(1)
        assert worker.heard == []
        assert b.media.players == []
        leg.ack()
        await b.quiet()
        assert hears(b, leg) == "welcome"
        assert worker.heard == [
            "Call.StateChanged",
            "Call.Connected",
            "Call.PlaybackReady",
            f"result {answer}",
        ]


async def test_m8_the_newer_of_two_held_prompts_wins(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.alerting()
        await worker.post("call.answer", unit=unit)
        first = await worker.post("media.say", unit=unit, playback=1, text="one")
        await worker.command("media.say", unit=unit, playback=2, text="two")
        leg.ack()
        await b.quiet()
        assert worker.result(first) == "replaced"
        assert hears(b, leg) == "two"
        assert len(b.media.players) == 1


@pytest.mark.parametrize("first", [None, "call.ring"])
async def test_m8_a_prompt_on_an_unanswered_leg_finishes_with_an_error(
    autojump_clock: MockClock, first: str | None
) -> None:
    async with bench() as b:
        _, worker, unit = await b.alerting()
        if first:
            await worker.command(first, unit=unit)
        say = await worker.command("media.say", unit=unit, playback=1, text="one")
        finished = worker.last("Call.PlaybackFinished").fields
        assert finished["playback"] == 1
        assert "not answered yet" in finished["error"]
        assert (worker.result(say) or "").startswith("error: say()")


async def test_m8_early_media_is_heard_before_the_answer(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.alerting()
        await worker.command("call.early_media", unit=unit)
        await worker.command("media.say", unit=unit, playback=1, text="please wait")
        assert hears(b, leg) == "please wait"
        await worker.command("call.answer", unit=unit)
        leg.say(Connected())
        await b.quiet()
        assert hears(b, leg) == "please wait"


async def test_m12_a_progress_tone_lasts_until_it_is_replaced(autojump_clock: MockClock) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        tone = await worker.command("media.progress_tone", unit=unit, playback=1, country="RU")
        assert hears(b, leg) == "ringback RU"
        b.media.player.start()
        await b.quiet()
        assert worker.last("Call.PlaybackStarted").fields["duration"] == 5000
        await worker.command("media.say", unit=unit, playback=2, text="one")
        assert worker.result(tone) == "replaced"
        assert "Call.PlaybackFinished" not in worker.names()


async def test_an_unknown_country_is_refused_with_the_known_ones(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        _, worker, unit = await b.connected()
        tone = await worker.command("media.progress_tone", unit=unit, playback=1, country="XX")
        assert "known are" in (worker.result(tone) or "")


async def test_a_progress_tone_on_an_unanswered_leg_is_refused_without_finished(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        _, worker, unit = await b.alerting()
        tone = await worker.command("media.progress_tone", unit=unit, playback=1, country="US")
        assert (worker.result(tone) or "").startswith("error: playProgressTone()")
        assert "Call.PlaybackFinished" not in worker.names()


async def test_the_same_playback_number_twice_confuses_nobody_but_its_script(
    autojump_clock: MockClock,
) -> None:
    async with bench() as b:
        leg, worker, unit = await b.connected()
        first = await worker.command("media.say", unit=unit, playback=1, text="one")
        await worker.command("media.say", unit=unit, playback=1, text="two")
        assert worker.result(first) == "replaced"
        assert hears(b, leg) == "two"
        assert len(b.media.edges) == 1


async def test_a_broken_player_finishes_with_the_error(autojump_clock: MockClock) -> None:
    async with bench() as b:
        _, worker, unit = await b.connected()
        await worker.command("media.say", unit=unit, playback=1, text="one")
        b.media.player.start()
        b.media.player.finish("the file is damaged")
        await b.quiet()
        assert worker.last("Call.PlaybackFinished").fields["error"] == "the file is damaged"
