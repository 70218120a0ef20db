"""Playback: options, outcomes, and the end of a playback that was replaced meanwhile."""

from __future__ import annotations

import pytest
from trio.testing import MockClock

from runtime.sandbox.commands import PlayProgressTone, Say, SendMediaTo, StartPlayback, StopPlayback
from runtime.sandbox.frames import ResultFrame
from runtime.sandbox.player_commands import CreateTtsPlayer, CreateUrlPlayer
from tests.api.test_calls import alerting
from tests.sandbox.fake_core import running


async def test_say_takes_its_options_in_both_spellings(autojump_clock: MockClock) -> None:
    body = """
call.say("Hi", voice=VoiceList.Offline.en_GB, ttsOptions={"rate": "fast", "volume": 3})
call.say("Hi", {"voice": "en-GB", "ttsOptions": {"rate": "fast", "volume": 3}})
call.say("Hi", "en-GB")
call.say("x" * 20_000)
"""
    async with running(alerting(body)) as core:
        await core.alert()
        one, other, legacy, long = core.all_of(Say)
        assert one == Say(unit=2, playback=1, text="Hi", voice="en-GB", rate="fast", volume="3")
        assert (other.voice, other.rate, legacy.voice) == ("en-GB", "fast", "en-GB")
        assert len(long.text) > 1_500


async def test_start_playback_and_progress_tone_reach_the_wire(autojump_clock: MockClock) -> None:
    body = """
call.startPlayback("music.wav", loop=True)
call.startPlayback("music.wav", {"loop": True, "progressivePlayback": True})
call.startPlayback("music.wav", True)
call.playProgressTone("US")
call.stopPlayback()
"""
    async with running(alerting(body)) as core:
        await core.alert()
        assert [command.loop for command in core.all_of(StartPlayback)] == [True, True, True]
        assert core.one(PlayProgressTone).playback == 4
        assert core.one(StopPlayback) == StopPlayback(unit=2)


@pytest.mark.parametrize("value", ["finished", "stopped", "replaced", "call_ended"])
async def test_awaiting_a_playback_gives_its_outcome(autojump_clock: MockClock, value: str) -> None:
    body = """
outcome = await call.say("Hi")
Logger.write(f"{outcome} {outcome is PlaybackOutcome[outcome.name]}")
"""
    async with running(alerting(body, "async def")) as core:
        await core.alert()
        await core.result(Say, value)
        assert core.logs == [f"{value} True"]


async def test_a_playback_that_fails_gives_error_and_says_why(autojump_clock: MockClock) -> None:
    body = """
playing = call.startPlayback("nothing.wav")
Logger.write(f"{await playing} {playing.error}")
"""
    async with running(alerting(body, "async def")) as core:
        await core.alert()
        await core.result(StartPlayback, error="no such file")
        assert core.logs == ["error no such file"]


FINISHED = """
call.on(CallEvents.PlaybackFinished)(lambda: Logger.write("finished"))
call.on(CallEvents.PlaybackStarted)(lambda: Logger.write("started"))
"""


@pytest.mark.parametrize(
    "replacement",
    [
        "call.say('two')",
        "call.startPlayback('two.wav')",
        "call.stopPlayback()",
        "VoxEngine.createURLPlayer('music.wav').sendMediaTo(call)",
        "call.sendMediaTo(call)",
    ],
)
async def test_a_replaced_playback_never_reports_its_end(
    autojump_clock: MockClock, replacement: str
) -> None:
    body = f"""
call.say("one")
@call.on(CallEvents.OnHold)
def replace():
    {replacement}
"""
    async with running(alerting(FINISHED + body)) as core:
        await core.alert()
        await core.event("Call.PlaybackStarted", 2, {"playback": 1})
        # The natural end is under way while the script replaces the playback.
        await core.event("Call.OnHold", 2, settle=False)
        await core.event("Call.PlaybackFinished", 2, {"playback": 1})
        assert core.logs == ["started"]


async def test_an_outcome_never_contradicts_the_replacement(autojump_clock: MockClock) -> None:
    body = """
first = call.say("one")
call.say("two")
Logger.write(str(await first))
second = call.say("three")
call.stopPlayback()
Logger.write(str(await second))
"""
    async with running(alerting(body, "async def")) as core:
        await core.alert()
        frames = [frame for frame in core.frames if hasattr(frame, "req")]
        await core.send(ResultFrame(req=frames[0].req, value="finished"))
        await core.settle()
        await core.result(Say, "finished")
        assert core.logs == ["replaced", "stopped"]


async def test_the_finished_handler_may_start_the_next_playback(autojump_clock: MockClock) -> None:
    body = """
first = call.say("one")
@call.on(CallEvents.PlaybackFinished)
def again():
    if not call.customData():
        call.customData("once")
        call.say("two")
Logger.write(str(await first))
"""
    async with running(alerting(FINISHED + body, "async def")) as core:
        await core.alert()
        req = core.frame_of(Say).req
        await core.event("Call.PlaybackFinished", 2, {"playback": 1})
        await core.send(ResultFrame(req=req, value="finished"))
        await core.settle()
        await core.event("Call.PlaybackFinished", 2, {"playback": 2})
        assert core.logs == ["finished", "finished", "finished"]


async def test_players_are_created_and_wired(autojump_clock: MockClock) -> None:
    source = """
        from runtime import *
        music = VoxEngine.createURLPlayer({"url": "music.wav"}, loop=True)
        VoxEngine.createURLPlayer("music.wav", True, True)
        VoxEngine.createURLPlayer(url="music.wav", onPause=True)
        speech = VoxEngine.createTTSPlayer("Hello", voice="en-GB", onPause=True)
        speech.addMarker(-500)
        speech.resume()
        @speech.on(PlayerEvents.PlaybackMarkerReached)
        def marker(e):
            Logger.write(f"{e.player} {e.offset} {e.id}")
        conference = VoxEngine.createConference({"hd_audio": True})
        music.sendMediaTo(conference)
        recorder = VoxEngine.createRecorder("minutes")
        conference.sendMediaTo(recorder)
        recorder.mute(True)
        speech.stop()
        speech.stop()
    """
    async with running(source) as core:
        assert core.all_of(CreateUrlPlayer) == [
            CreateUrlPlayer(unit=1, url="music.wav", loop=True),
            CreateUrlPlayer(unit=3, url="music.wav", loop=True, on_pause=True),
            CreateUrlPlayer(unit=5, url="music.wav", on_pause=True),
        ]
        assert core.one(CreateTtsPlayer).on_pause
        assert core.all_of(SendMediaTo) == [
            SendMediaTo(source=1, sink=9),
            SendMediaTo(source=9, sink=11),
        ]
        await core.event("Player.PlaybackMarkerReached", 7, {"offset": -500})
        assert core.logs == [
            "Player.stop() ignored: <Player s1-7> has ended",
            "<Player s1-7> -500 s1-7",
        ]


async def test_a_player_asks_for_its_url_as_it_is_told(autojump_clock: MockClock) -> None:
    source = """
        from runtime import *
        asked = {
            "url": "https://tts.example/say",
            "method": "post",
            "headers": ["Authorization: Bearer t", {"name": "X-A", "value": 1}],
            "body": "Hello",
        }
        VoxEngine.createURLPlayer(asked, {"progressivePlayback": True, "hideHeaders": True,
                                          "hideBody": True})
        VoxEngine.createTTSPlayer("Hi", ttsOptions={"rate": "fast"}, progressivePlayback=True)
    """
    async with running(source) as core:
        assert core.one(CreateUrlPlayer) == CreateUrlPlayer(
            unit=1,
            url="https://tts.example/say",
            method="POST",
            headers=(("Authorization", "Bearer t"), ("X-A", "1")),
            body="Hello",
            progressive=True,
            hide_headers=True,
            hide_body=True,
        )
        spoken = CreateTtsPlayer(unit=3, text="Hi", rate="fast", progressive=True)
        assert core.one(CreateTtsPlayer) == spoken


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "https://x.example/", "method": "STEAL"},
        {"url": "https://x.example/", "headers": {"Host": "other"}},
        {"url": "https://x.example/", "headers": {"X": "a\r\nb"}},
        {"url": "https://x.example/", "body": 5},
        {"url": "https://x.example/", "verb": "GET"},
        {"method": "GET"},
    ],
)
async def test_a_request_that_cannot_be_made_is_an_error_of_its_line(
    autojump_clock: MockClock, wrong: dict[str, object]
) -> None:
    source = f"""
        from runtime import *
        try:
            VoxEngine.createURLPlayer({wrong!r})
        except (TypeError, ValueError) as exc:
            Logger.write(str(exc))
    """
    async with running(source) as core:
        [line] = core.logs
        assert line.startswith("VoxEngine.createURLPlayer()")
        assert core.all_of(CreateUrlPlayer) == []


@pytest.mark.parametrize(
    ("made", "last"),
    [
        ("createURLPlayer('a.wav')", "Player.PlaybackFinished"),
        ("createRecorder()", "Recorder.Error"),
        ("createConference()", "Conference.Error"),
    ],
)
async def test_what_has_ended_by_itself_takes_nothing_more(
    autojump_clock: MockClock, made: str, last: str
) -> None:
    source = f"""
        from runtime import *
        thing = VoxEngine.{made}
        @thing.on("{last}")
        def over():
            thing.stop()
        @VoxEngine.on(AppEvents.Started)
        def started():
            thing.stop()
            Logger.write("still listening" if thing._table.of("{last}") else "given back")
    """
    async with running(source) as core:
        sent = len(core.commands)
        await core.event(last, 1)
        await core.event("Application.Started")
        kind = made.removeprefix("create").partition("(")[0].removeprefix("URL")
        assert core.logs == [
            f"{kind}.stop() ignored: <{kind} s1-1> has ended",
            f"{kind}.stop() ignored: <{kind} s1-1> has ended",
            "given back",
        ]
        assert len(core.commands) == sent
