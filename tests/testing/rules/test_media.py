"""Rules M1 to M12: who hears whom, and what a playback reports."""

from __future__ import annotations

import pytest
import trio

from runtime.testing import Limits, Sim, SimCallee, SimCaller
from tests.testing.rules.scripts import script

TWO_SECONDS = "a" * 30
FIVE_SECONDS = "b" * 75


def heard(person: SimCaller | SimCallee) -> list[tuple[str, float, float | None]]:
    """(what, from, to) in tenths of a second since the call was connected."""

    def since(t: float | None) -> float | None:
        return None if t is None else round(t - 0.02, 1)

    return [(one.what, since(one.start) or 0.0, since(one.end)) for one in person.heard]


def answered(body: str, before: str = "pass") -> str:
    """A scenario that answers and then does this in an async handler."""
    text = script("")
    text += f"@on_call\nasync def alerting(e):\n    call = e.call\n    {before}\n"
    text += "    log_calls(call)\n    call.handleTones(True)\n    await call.answer()\n"
    return text + "".join(f"    {line}\n" for line in body.strip().splitlines())


async def connected(sim: Sim, scenario: str) -> SimCaller:
    sim.load_text(scenario)
    caller = await sim.call()
    await caller.connected()
    return caller


def playback_logs(sim: Sim) -> list[str]:
    return [line.removeprefix("call ") for line in sim.logs if "Playback" in line]


# --- M1, M2, M3 ---------------------------------------------------------------------------------


async def test_m1_a_leg_hears_one_source_and_a_source_many_listeners(sim: Sim) -> None:
    sim.load_text(
        script(f"""
        calls = []
        player = VoxEngine.createTTSPlayer("{FIVE_SECONDS}", onPause=True)
        @on_call
        async def alerting(e):
            await e.call.answer()
            calls.append(e.call)
            player.sendMediaTo(e.call)
            if len(calls) == 2:
                player.resume()
        """),
        conference=True,
    )
    one, two = await sim.call(), await sim.call()
    await trio.sleep(10)
    assert heard(one) == heard(two) == [(FIVE_SECONDS, 0.0, 5.0)]
    one.hang_up()
    two.hang_up()


@pytest.mark.parametrize(
    "replacing",
    [
        'call.say("new")',
        'call.startPlayback("http://example.com/new.mp3")',
        'call.playProgressTone("US")',
        "player.sendMediaTo(call)",
        "call.sendMediaTo(call)",
        "room.sendMediaTo(call)",
    ],
)
async def test_m2_m3_whatever_is_heard_next_replaces_it_for_good(sim: Sim, replacing: str) -> None:
    caller = await connected(
        sim,
        answered(
            f'call.say("{FIVE_SECONDS}")\nawait VoxEngine.sleep(1)\n{replacing}\n',
            before='player = VoxEngine.createURLPlayer("http://example.com/new.mp3", loop=True); '
            "room = VoxEngine.createConference()",
        ),
    )
    await sim.advance(20)
    assert heard(caller)[0] == (FIVE_SECONDS, 0.0, 1.0)
    assert not any(what == FIVE_SECONDS for what, _, _ in heard(caller)[1:])
    assert playback_logs(sim)[:2] == ["PlaybackReady", "PlaybackStarted"]
    finished = playback_logs(sim).count("PlaybackFinished")
    assert finished == (1 if "call.say" in replacing or "startPlayback" in replacing else 0)
    caller.hang_up()


async def test_m2_a_replaced_player_runs_on_and_reports_its_end(sim: Sim) -> None:
    caller = await connected(
        sim,
        answered(
            f"""
player = VoxEngine.createTTSPlayer("{FIVE_SECONDS}")
player.on(PlayerEvents.PlaybackFinished)(lambda: Logger.write("player finished"))
player.sendMediaTo(call)
await VoxEngine.sleep(1)
call.say("new")
"""
        ),
    )
    await sim.advance(4.5)
    assert "player finished" not in sim.logs
    await sim.advance(1)
    assert sim.logs.count("player finished") == 1
    assert heard(caller) == [(FIVE_SECONDS, 0.0, 1.0), ("new", 1.0, 1.4)]
    caller.hang_up()


async def test_two_says_in_a_row_the_second_replaces_the_first_at_once(sim: Sim) -> None:
    caller = await connected(sim, answered('call.say("first")\ncall.say("second")\n'))
    await sim.advance(5)
    assert [what for what, _, _ in heard(caller)] == ["second"]
    assert playback_logs(sim).count("PlaybackFinished") == 1
    caller.hang_up()


async def test_awaiting_a_replaced_playback_tells_so(sim: Sim) -> None:
    caller = await connected(
        sim,
        answered(
            f"""
first = call.say("{FIVE_SECONDS}")
second = call.say("{TWO_SECONDS}")
Logger.write(await first)
Logger.write(await second)
third = call.say("{FIVE_SECONDS}")
call.stopPlayback()
Logger.write(await third)
fourth = call.say("{FIVE_SECONDS}")
await VoxEngine.sleep(1)
call.hangup()
Logger.write(await fourth)
fifth = call.say("late")
Logger.write(await fifth)
"""
        ),
    )
    await caller.ended()
    await sim.settle()
    outcomes = [line for line in sim.logs if " " not in line]
    assert outcomes == ["replaced", "finished", "stopped", "call_ended", "call_ended"]


# --- M4 -----------------------------------------------------------------------------------------


async def test_m4_ready_started_finished_with_the_duration_in_milliseconds(sim: Sim) -> None:
    sim.load_text(
        answered(
            f"""
call.on(CallEvents.PlaybackStarted)(lambda e: Logger.write(f"{{e.duration}} ms"))
call.on(CallEvents.PlaybackFinished)(lambda e: Logger.write(f"error {{e.error}}"))
call.say("{TWO_SECONDS}")
"""
        )
    )
    caller = await sim.call()
    await sim.advance(5)
    assert sim.logs[1:] == [
        "call PlaybackReady",
        "call PlaybackStarted",
        "2000 ms",
        "call PlaybackFinished",
        sim.logs[-1],
    ]
    assert sim.logs[-1] in ("error None", "error ")
    caller.hang_up()


async def test_m4_a_loop_goes_on_without_an_end(sim: Sim) -> None:
    sim.sounds.set_length("http://*", 3)
    caller = await connected(
        sim, answered('call.startPlayback("http://example.com/music.mp3", loop=True)')
    )
    await sim.advance(3600)
    assert caller.hears_now == ["http://example.com/music.mp3"]
    assert playback_logs(sim) == ["PlaybackReady", "PlaybackStarted"]
    caller.hang_up()


@pytest.mark.parametrize(
    ("playback", "error"),
    [
        ('call.startPlayback("absent.wav")', "absent.wav"),
        ('call.startPlayback("../outside.wav")', "outside.wav"),
        ('call.startPlayback("http://example.com/broken.mp3")', "not audio"),
        ('call.say("x" * 1501)', "1501 characters"),
        ('call.playProgressTone("XX")', None),
    ],
)
async def test_m4_what_cannot_be_played_is_finished_with_an_error_and_never_started(
    sim: Sim, playback: str, error: str | None
) -> None:
    sim.sounds.break_file("http://example.com/broken.mp3", "not audio")
    caller = await connected(
        sim,
        answered(
            f"""
call.on(CallEvents.PlaybackFinished)(lambda e: Logger.write(f"error {{e.error}}"))
handle = {playback}
Logger.write(f"outcome {{await handle}}: {{handle.error}}")
"""
        ),
    )
    await sim.advance(1)
    assert "PlaybackStarted" not in playback_logs(sim)
    assert any(line.startswith("outcome error: ") for line in sim.logs)
    if error is not None:
        assert playback_logs(sim) == ["PlaybackFinished"]
        assert any(line.startswith("error ") and error in line for line in sim.logs)
    assert caller.is_connected
    caller.hang_up()


# --- M5, M6 -------------------------------------------------------------------------------------


async def test_m5_stop_playback_fires_no_finished_and_leaves_silence(sim: Sim) -> None:
    caller = await connected(
        sim,
        answered(f'call.say("{FIVE_SECONDS}")\nawait VoxEngine.sleep(2)\ncall.stopPlayback()\n'),
    )
    await sim.advance(20)
    assert heard(caller) == [(FIVE_SECONDS, 0.0, 2.0)]
    assert playback_logs(sim) == ["PlaybackReady", "PlaybackStarted"]
    caller.hang_up()


async def test_m5_stop_playback_does_nothing_to_anything_else(sim: Sim) -> None:
    caller = await connected(
        sim, answered("call.sendMediaTo(call)\nawait VoxEngine.sleep(1)\ncall.stopPlayback()\n")
    )
    await sim.advance(2)
    caller.says("still an echo")
    await caller.hears("still an echo")
    caller.hang_up()


async def test_m6_after_a_playback_the_leg_hears_silence_not_what_was_there_before(
    sim: Sim,
) -> None:
    sim.sounds.set_length("http://*", 3)
    caller = await connected(
        sim,
        answered(
            f"""
call.startPlayback("http://example.com/music.mp3", loop=True)
await VoxEngine.sleep(1)
await call.say("{TWO_SECONDS}")
"""
        ),
    )
    await sim.advance(3.1)
    await caller.hears_nothing(seconds=30)
    caller.hang_up()


async def test_m6_finished_is_where_scripts_bridge_again(sim: Sim) -> None:
    caller = await connected(
        sim,
        answered(
            """
call.on(CallEvents.PlaybackFinished)(lambda: call.say("again", {}))
call.say("once")
"""
        ),
    )
    await caller.hears("once")
    for _ in range(5):
        await caller.hears("again", to_the_end=True)
    caller.hang_up()


# --- M7 -----------------------------------------------------------------------------------------


async def test_m7_a_leg_that_ends_during_a_playback_gets_no_finished(sim: Sim) -> None:
    caller = await connected(sim, answered(f'call.say("{FIVE_SECONDS}")'))
    await sim.advance(1)
    caller.hang_up()
    await sim.advance(10)
    assert sim.logs[-2:] == ["call PlaybackStarted", "call Disconnected"]


# --- M8 -----------------------------------------------------------------------------------------

EARLY = """
@on_call
async def alerting(e):
    caller = e.call
    bob = VoxEngine.callSIP("sip:bob@example.com")
    VoxEngine.sendMediaBetween(caller, bob)
    bob.on(CallEvents.AudioStarted)(lambda: caller.startEarlyMedia())
    bob.on(CallEvents.Connected)(lambda: caller.answer())
"""


async def test_m8_edges_made_before_there_is_media_take_effect_when_there_is(sim: Sim) -> None:
    sim.load_text(script("") + EARLY)
    bob = sim.expect_call()
    caller = await sim.call()
    await bob.invited()
    bob.early_media()
    await sim.settle()
    assert caller.wire == ["invited", "183"]
    await bob.says("please wait")
    await caller.hears("please wait")
    caller.says("can you hear me?", seconds=0.5)
    await sim.advance(1)
    assert bob.heard == []
    bob.answer()
    await caller.connected()
    caller.says("and now?")
    await bob.hears("and now?")
    caller.hang_up()
    bob.hang_up()


async def test_m8_a_say_between_answer_and_connected_waits_for_connected(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        def alerting(e):
            e.call.answer()
            e.call.say("hello")
        """)
    )
    caller = await sim.call()
    one = await caller.hears("hello")
    assert one.start == pytest.approx(0.02)
    caller.hang_up()


async def test_m8_a_say_without_answer_or_early_media_is_an_error(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        async def alerting(e):
            log_calls(e.call)
            Logger.write(await e.call.say("nobody can hear this"))
            e.call.hangup()
        """)
    )
    caller = await sim.call()
    await caller.ended()
    await sim.settle()
    assert sim.logs == ["call PlaybackFinished", "error", "call Disconnected"]
    assert caller.heard == []


async def test_m8_in_early_media_the_caller_hears_and_is_not_heard(sim: Sim) -> None:
    sim.load_text(
        script("""
        @on_call
        async def alerting(e):
            e.call.startEarlyMedia()
            e.call.sendMediaTo(e.call)
            await VoxEngine.sleep(2)
            await e.call.say("all lines are busy")
            e.call.reject(486)
        """)
    )
    caller = await sim.call()
    await sim.settle()
    caller.says("hello?", seconds=1)
    await caller.hears("all lines are busy", to_the_end=True)
    assert (await caller.ended()).code == 486
    assert [one.what for one in caller.heard] == ["all lines are busy"]


# --- M9, M10 ------------------------------------------------------------------------------------


async def test_m9_stop_media_to_removes_only_its_own_edge(sim: Sim) -> None:
    caller = await connected(
        sim,
        answered(
            f"""
player = VoxEngine.createTTSPlayer("{FIVE_SECONDS}")
player.sendMediaTo(call)
await VoxEngine.sleep(1)
call.say("{TWO_SECONDS}")
player.stopMediaTo(call)
await VoxEngine.sleep(5)
call.sendMediaTo(call)
call.stopMediaTo(call)
"""
        ),
    )
    await sim.advance(3.5)
    assert heard(caller) == [(FIVE_SECONDS, 0.0, 1.0), (TWO_SECONDS, 1.0, 3.0)]
    await sim.advance(5)
    await caller.says("no echo")
    assert caller.hears_now == []
    caller.hang_up()


CONFERENCE = script("""
    room = VoxEngine.createConference()
    calls = {}
    @on_call
    async def alerting(e):
        call = e.call
        calls[e.destination] = call
        call.handleTones(True)
        await call.answer()
        VoxEngine.sendMediaBetween(call, room)
        async for tone in call.tones():
            if tone == "1":
                call.stopMediaTo(room)
            else:
                room.stop()
""")


async def test_m10_in_a_conference_everybody_hears_the_others(sim: Sim) -> None:
    sim.load_text(CONFERENCE, conference=True)
    people = [await sim.call("900", f"+44207946000{n}") for n in range(3)]
    await sim.advance(1)
    for number, person in enumerate(people):
        person.says(f"voice {number}", seconds=2)
    await sim.advance(3)
    for number, person in enumerate(people):
        others = {f"voice {other}" for other in range(3) if other != number}
        assert {one.what for one in person.heard} == others
        person.hang_up()


async def test_m10_a_muted_member_hears_and_is_not_heard(sim: Sim) -> None:
    sim.load_text(CONFERENCE, conference=True)
    one, two = await sim.call("900"), await sim.call("900")
    await sim.advance(1)
    await one.press("1")
    await one.says("muted")
    await two.says("hello")
    assert [what.what for what in one.heard] == ["hello"]
    assert two.heard == []
    one.hang_up()
    two.hang_up()


async def test_m10_a_member_who_leaves_takes_only_his_own_edges(sim: Sim) -> None:
    sim.load_text(CONFERENCE, conference=True)
    one, two, three = [await sim.call("900") for _ in range(3)]
    await sim.advance(1)
    two.hang_up()
    await sim.settle()
    await one.says("are you there?")
    await three.hears("are you there?")
    await three.press("2")
    await one.says("the room is gone")
    assert [what.what for what in three.heard] == ["are you there?"]
    one.hang_up()
    three.hang_up()


async def test_m10_a_full_conference_lets_nobody_else_in_and_says_so(sim: Sim) -> None:
    sim.configure(limits=Limits(conference_members=2))
    told = """
def told(e):
    Logger.write(e.error)

room.addEventListener(ConferenceEvents.ConferenceError, told)
"""
    sim.load_text(CONFERENCE + told, conference=True)
    one, two, late = [await sim.call("900") for _ in range(3)]
    await sim.advance(1)
    for speaker in (one, two, late):
        await speaker.says(f"voice of {[one, two, late].index(speaker)}")
    assert [what.what for what in one.heard] == ["voice of 1"]
    assert [what.what for what in two.heard] == ["voice of 0"]
    assert late.heard == []
    full = "the conference is full: it has 2 calls already (limit conference_members); "
    full += "let one leave first, or send the call to another conference"
    assert [line for line in sim.logs if line.startswith("the conf")] == [full, full]
    two.hang_up()
    one.hang_up()
    late.hang_up()


# --- M11, M12 -----------------------------------------------------------------------------------


async def test_m11_hold_and_resume_are_only_reported(sim: Sim) -> None:
    caller = await connected(sim, answered(f'call.say("{FIVE_SECONDS}")'))
    await sim.advance(1)
    caller.hold()
    await sim.advance(1)
    caller.resume()
    await sim.advance(10)
    assert [line for line in sim.logs if "Hold" in line] == ["call OnHold", "call OffHold"]
    spans = [(round(a - 0.02, 1), round((b or 0) - 0.02, 1)) for _, a, b in _times(caller)]
    assert spans == [(0.0, 1.0), (2.0, 5.0)]
    assert sim.logs[-1] == "call PlaybackFinished"
    assert caller.is_connected
    caller.hang_up()


def _times(person: SimCaller) -> list[tuple[str, float, float | None]]:
    return [(one.what, one.start, one.end) for one in person.heard]


async def test_m12_a_progress_tone_never_finishes_and_lasts_until_replaced(sim: Sim) -> None:
    caller = await connected(
        sim,
        answered('call.playProgressTone("US")\nawait VoxEngine.sleep(100)\nawait call.say("hi")\n'),
    )
    await sim.advance(110)
    assert heard(caller) == [("ringback US", 0.0, 100.0), ("hi", 100.0, 100.4)]
    assert playback_logs(sim) == [
        "PlaybackReady",
        "PlaybackStarted",
        "PlaybackReady",
        "PlaybackStarted",
        "PlaybackFinished",
    ]
    caller.hang_up()


# --- players ------------------------------------------------------------------------------------


async def test_a_player_reports_its_life_and_its_markers(sim: Sim) -> None:
    sim.load_text(
        script(f"""
        @VoxEngine.on(AppEvents.Started)
        async def started():
            player = VoxEngine.createTTSPlayer("{TWO_SECONDS}", onPause=True)
            for name in ("Created", "PlaybackReady", "Started", "PlaybackMarkerReached",
                         "PlaybackFinished", "Stopped"):
                player.on(f"Player.{{name}}")(lambda e, n=name: Logger.write(n))
            player.addMarker(500)
            player.addMarker(-500)
            await VoxEngine.sleep(3)
            Logger.write("resume")
            player.resume()
        """)
    )
    await sim.start()
    await sim.advance(10)
    assert sim.logs == [
        "Created",
        "PlaybackReady",
        "resume",
        "Started",
        "PlaybackMarkerReached",
        "PlaybackMarkerReached",
        "PlaybackFinished",
    ]


async def test_stopping_a_player_is_stopped_and_not_finished(sim: Sim) -> None:
    sim.load_text(
        script(f"""
        @VoxEngine.on(AppEvents.Started)
        async def started():
            player = VoxEngine.createTTSPlayer("{FIVE_SECONDS}")
            for name in ("Started", "PlaybackFinished", "Stopped"):
                player.on(f"Player.{{name}}")(lambda e, n=name: Logger.write(n))
            await VoxEngine.sleep(1)
            player.stop()
        """)
    )
    await sim.start()
    await sim.advance(20)
    assert sim.logs == ["Started", "Stopped"]


@pytest.mark.parametrize("progressive", [False, True])
async def test_a_progressive_playback_does_not_wait_for_its_download(
    sim: Sim, progressive: bool
) -> None:
    sim.load_text(
        script(f"""
        @VoxEngine.on(AppEvents.CallAlerting)
        async def alerting(e):
            await e.call.answer()
            e.call.startPlayback("https://example.com/a.mp3", progressivePlayback={progressive})
        """)
    )
    sim.sounds.file_delay_s = 10.0
    caller = await sim.call()
    await sim.advance(5)
    heard = [interval.what for interval in caller.heard]
    assert ("https://example.com/a.mp3" in heard) is progressive
    await sim.advance(20)
    assert "https://example.com/a.mp3" in [interval.what for interval in caller.heard]
    caller.hang_up()
