"""Players of all kinds on simulated calls: each rule of the reference, events in their order."""

from __future__ import annotations

import pytest

from runtime.testing import Sim, SimCaller
from tests.testing.rules.scripts import script

TWO_SECONDS = "thirty characters, two seconds"
KINDS = {
    "url": ('VoxEngine.createURLPlayer("https://example.com/a.mp3"{options})', "Player", 5_000),
    "progressive": (
        'VoxEngine.createURLPlayer("https://example.com/a.mp3", progressivePlayback=True{options})',
        "Player",
        5_000,
    ),
    "tts": (f'VoxEngine.createTTSPlayer("{TWO_SECONDS}"{{options}})', "Player", 2_000),
    "tone": ('VoxEngine.createToneScriptPlayer("440@-19;4(1/1/1)"{options})', "Player", 4_000),
    "sequence": (
        'VoxEngine.createSequencePlayer(segments=[{{"text": "' + TWO_SECONDS + '"}}, '
        '{{"url": "https://example.com/a.mp3"}}])',
        "SequencePlayer",
        7_000,
    ),
}
"""How each is made, what its events are called by, and how long it is in milliseconds."""
EVENTS = (
    "Created",
    "PlaybackReady",
    "Started",
    "PlaybackMarkerReached",
    "Error",
    "PlaybackFinished",
    "Stopped",
)


def made(kind: str, body: str, options: str = "") -> str:
    """A script that makes a player when the call is answered, writes its events down, and goes on
    with `body`."""
    how, prefix, _ = KINDS[kind]
    lines = f"""
        @VoxEngine.on(AppEvents.CallAlerting)
        async def alerting(e):
            call = e.call
            await call.answer()
            player = {how.format(options=options)}
            def tell(e, name):
                detail = [getattr(e, each) for each in ("duration", "offset", "error")
                          if each in dir(e)]
                Logger.write(f"{{name}} {{detail}}")
            for name in {EVENTS}:
                player.on(f"{prefix}.{{name}}")(lambda e, n=name: tell(e, n))
            player.sendMediaTo(call)
"""
    return script(lines + "\n".join(f"            {line}" for line in body.splitlines()))


def heard(caller: SimCaller) -> list[tuple[str, float, float]]:
    """(what, from, to) in seconds since the player began to be heard."""
    begin = caller.heard[0].start
    return [
        (h.what, round(h.start - begin, 2), round((h.end or 0) - begin, 2)) for h in caller.heard
    ]


async def played(sim: Sim, scenario: str, seconds: float = 30) -> SimCaller:
    """A caller who heard it all, and has hung up."""
    sim.load_text(scenario)
    caller = await sim.call()
    await sim.advance(seconds)
    caller.hang_up()
    return caller


@pytest.mark.parametrize("kind", KINDS)
async def test_a_player_is_created_ready_started_and_finished(sim: Sim, kind: str) -> None:
    await played(sim, made(kind, "player.addMarker(500)"))
    assert sim.logs == [
        "Created []",
        "PlaybackReady []",
        f"Started [{KINDS[kind][2]}]",
        "PlaybackMarkerReached [500]",
        "PlaybackFinished [None]",
    ]


@pytest.mark.parametrize("kind", ["url", "progressive", "tts"])
async def test_with_on_pause_it_starts_when_it_is_resumed(sim: Sim, kind: str) -> None:
    body = 'await VoxEngine.sleep(3)\nLogger.write("resume")\nplayer.resume()'
    await played(sim, made(kind, body, ", onPause=True"))
    started = f"Started [{KINDS[kind][2]}]"
    assert sim.logs == [
        "Created []",
        "PlaybackReady []",
        "resume",
        started,
        "PlaybackFinished [None]",
    ]


@pytest.mark.parametrize("kind", KINDS)
async def test_paused_at_once_it_starts_when_it_is_resumed(sim: Sim, kind: str) -> None:
    body = 'player.pause()\nawait VoxEngine.sleep(3)\nLogger.write("resume")\nplayer.resume()'
    await played(sim, made(kind, body))
    assert sim.logs.index("resume") < sim.logs.index(f"Started [{KINDS[kind][2]}]")
    assert sim.logs[-1] == "PlaybackFinished [None]"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_pause_holds_the_place_and_fires_nothing(sim: Sim, kind: str) -> None:
    body = """player.addMarker(1000)
await VoxEngine.sleep(0.5)
player.pause()
Logger.write("pause")
await VoxEngine.sleep(2)
Logger.write("resume")
player.resume()"""
    caller = await played(sim, made(kind, body))
    what, length = caller.heard[0].what, KINDS[kind][2] / 1000
    first = 2.0 if kind == "sequence" else length
    assert heard(caller)[:2] == [(what, 0.0, 0.5), (what, 2.5, first + 2.0)]
    assert sim.logs[3:] == [
        "pause",
        "resume",
        "PlaybackMarkerReached [1000]",
        "PlaybackFinished [None]",
    ]


@pytest.mark.parametrize("kind", KINDS)
async def test_stopping_it_is_stopped_and_never_finished(sim: Sim, kind: str) -> None:
    body = "await VoxEngine.sleep(1)\nplayer.stop()\nplayer.resume()\nplayer.sendMediaTo(call)"
    caller = await played(sim, made(kind, body))
    assert [line for line in sim.logs if "ignored" not in line][2:] == [
        f"Started [{KINDS[kind][2]}]",
        "Stopped []",
    ]
    assert sum("ignored" in line for line in sim.logs) == 2
    assert heard(caller) == [(caller.heard[0].what, 0.0, 1.0)]


@pytest.mark.parametrize("kind", ["url", "progressive", "tone"])
async def test_a_loop_goes_on_until_it_is_stopped(sim: Sim, kind: str) -> None:
    body = "player.addMarker(500)\nawait VoxEngine.sleep(60)\nplayer.stop()"
    caller = await played(sim, made(kind, body, ", loop=True"), 70)
    assert sim.logs == [
        "Created []",
        "PlaybackReady []",
        f"Started [{KINDS[kind][2]}]",
        "PlaybackMarkerReached [500]",
        "Stopped []",
    ]
    assert heard(caller) == [(caller.heard[0].what, 0.0, 60.0)]


@pytest.mark.parametrize("kind", ["url", "progressive", "tts", "tone"])
async def test_markers_count_from_either_end(sim: Sim, kind: str) -> None:
    body = """@player.on(PlayerEvents.PlaybackMarkerReached)
def reached(e):
    Logger.write(f"{e.offset} after {VoxEngine.now().timestamp() - begin:.1f}")
begin = VoxEngine.now().timestamp()
for offset in (-500, 300, 0, 99_999, -99_999):
    player.addMarker(offset)"""
    await played(sim, made(kind, body))
    end = KINDS[kind][2] / 1000
    reached = [line for line in sim.logs if "after" in line]
    assert reached == ["0 after 0.0", "300 after 0.3", f"-500 after {end - 0.5:.1f}"]


async def test_markers_of_a_sequence_count_within_their_segment(sim: Sim) -> None:
    body = """first, second = player._segments
player.addMarker(-500)
player.addMarker(500, 1)
player.addMarker(700, second)
player.addMarker(2500, first)
for wrong in (2, -1, "1", {"url": "other.mp3"}):
    try:
        player.addMarker(1, wrong)
    except (TypeError, ValueError) as exc:
        Logger.write(str(exc))"""
    await played(sim, made("sequence", body))
    assert sim.logs[:4] == [
        "SequencePlayer.addMarker(): there is no segment 2, they are 0 to 1",
        "SequencePlayer.addMarker(): there is no segment -1, they are 0 to 1",
        "SequencePlayer.addMarker(): segment must be a number or one of the dicts, not str",
        "SequencePlayer.addMarker(): segment is none of those that the player was made of",
    ]
    assert [line for line in sim.logs if "Marker" in line and "add" not in line] == [
        "PlaybackMarkerReached [-500]",
        "PlaybackMarkerReached [500]",
        "PlaybackMarkerReached [700]",
    ]


async def test_the_segments_of_a_sequence_are_heard_one_after_the_other(sim: Sim) -> None:
    caller = await played(sim, made("sequence", "pass"))
    assert heard(caller) == [
        (TWO_SECONDS, 0.0, 2.0),
        ("https://example.com/a.mp3", 2.0, 7.0),
    ]


@pytest.mark.parametrize(
    ("kind", "where"), [("url", ""), ("progressive", ""), ("sequence", "segment 1: ")]
)
async def test_what_cannot_be_played_finishes_with_the_error_and_never_starts(
    sim: Sim, kind: str, where: str
) -> None:
    sim.sounds.break_file("*a.mp3", "it answered 404")
    await played(sim, made(kind, "pass"))
    told = f"['{where}it answered 404']"
    assert sim.logs == ["Created []", f"Error {told}", f"PlaybackFinished {told}"]


@pytest.mark.parametrize("kind", KINDS)
async def test_stop_playback_of_a_call_leaves_its_player_alone(sim: Sim, kind: str) -> None:
    caller = await played(sim, made(kind, "await VoxEngine.sleep(1)\ncall.stopPlayback()"))
    assert sim.logs[-1] == "PlaybackFinished [None]"
    assert heard(caller)[-1][2] == KINDS[kind][2] / 1000


@pytest.mark.parametrize(
    ("script_text", "reason"),
    [
        ("", "'' is not a frequency and its level"),
        ("440;1(1/0/1)", "'440' is not a frequency and its level"),
        ("440@-19", "0 sections after the frequencies"),
        ("440@-19;1(1/0/2)", "'2' must be numbers of the 1 frequencies"),
    ],
)
async def test_a_tone_script_that_cannot_be_read_is_an_error_of_its_line(
    sim: Sim, script_text: str, reason: str
) -> None:
    sim.load_text(
        script(f"""
        @VoxEngine.on(AppEvents.Started)
        def started():
            try:
                VoxEngine.createToneScriptPlayer({script_text!r})
            except ValueError as exc:
                Logger.write(str(exc))
        """)
    )
    await sim.start()
    await sim.advance(1)
    [line] = sim.logs
    assert line.startswith("VoxEngine.createToneScriptPlayer(): ")
    assert reason in line


@pytest.mark.parametrize(
    ("segments", "reason"),
    [
        ("None", "segments must be a list of dicts, not NoneType"),
        ("[]", "0 segments, it must be 1 to 50"),
        ("[{}] * 51", "51 segments, it must be 1 to 50"),
        ("[{}]", "segments[0] must have either url or text"),
        ("['a.mp3']", "segments[0] must be a dict, not str"),
        ("[{'url': 'a', 'text': 'b'}]", "segments[0] must have either url or text"),
        ("[{'text': 'a', 'parameters': {'vioce': 'x'}}]", "has no option 'vioce'"),
        ("[{'url': 5}]", "segments[0].url must be a string, not int"),
    ],
)
async def test_segments_that_are_none_are_errors_of_their_line(
    sim: Sim, segments: str, reason: str
) -> None:
    sim.load_text(
        script(f"""
        @VoxEngine.on(AppEvents.Started)
        def started():
            try:
                VoxEngine.createSequencePlayer(segments={segments})
            except (TypeError, ValueError) as exc:
                Logger.write(str(exc))
        """)
    )
    await sim.start()
    await sim.advance(1)
    [line] = sim.logs
    assert reason in line
