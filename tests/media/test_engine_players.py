"""Players frame by frame: start, end, loop, pause, growing and broken sounds, markers, tones."""

from __future__ import annotations

import os
from typing import Any

import attrs
import numpy as np
import pytest

from runtime.media.pcm import PcmBuffer
from runtime.media.port import (
    PlayerFed,
    PlayerFinished,
    PlayerMarkerReached,
    PlayerStarted,
    PlayerStarved,
)
from runtime.media.protocol import (
    AddMarker,
    OpenPlayer,
    OpenTonePlayer,
    PausePlayer,
    ProtocolError,
    ResumePlayer,
    StartEngine,
)
from runtime.media.tone_script import ToneScript, ToneStep
from tests.media.rig import Rig, q, sound


def growing(samples: int = 0, value: int = 1000) -> PcmBuffer:
    buffer = PcmBuffer.create(capacity_s=10)
    buffer.append(np.full(samples, value, dtype=np.int16))
    return buffer


def test_a_sound_plays_once_from_its_first_to_its_last_sample() -> None:
    rig = Rig()
    peer = rig.peer()
    buffer = PcmBuffer.create(capacity_s=10)
    ramp = (np.arange(4000) * 8 % 32000).astype(np.int16)
    buffer.append(ramp)
    buffer.finish()
    player = rig.player(buffer)
    rig.connect(player, peer)
    rig.tick(30)
    heard = peer.samples[: 25 * 160]
    assert heard[45:] == [q(int(s)) for s in ramp[45:]]  # after the cross-fade from silence
    assert peer.samples[25 * 160 + 45 :] == [0] * (5 * 160 - 45)
    assert rig.told(player) == [PlayerStarted(), PlayerFinished()]


def test_the_start_is_told_with_the_first_frame_and_the_end_after_the_last() -> None:
    rig = Rig()
    player = rig.player(sound(1000, frames=3, extra=80))
    told = [[type(e.what).__name__ for e in rig.tick()] for _ in range(6)]
    assert told == [["PlayerStarted"], [], [], [], ["PlayerFinished"], []]
    assert rig.told(player) == [PlayerStarted(), PlayerFinished()]


def test_at_its_end_the_edges_are_silent_before_anyone_is_told() -> None:
    rig = Rig()
    peer, other = rig.peer(), rig.peer()
    player = rig.player(sound(8000, frames=3))
    rig.connect(player, peer)
    rig.connect(player, other)
    while not any(isinstance(e.what, PlayerFinished) for e in rig.tick()):
        pass
    assert set(peer.last[40:]) == {0}
    assert set(other.last[40:]) == {0}


def test_an_end_does_not_silence_a_leg_that_hears_something_else_by_now() -> None:
    rig = Rig()
    peer = rig.peer()
    first, second = rig.player(sound(8000, frames=3)), rig.player(sound(500, frames=90))
    rig.connect(first, peer)
    rig.tick()
    rig.connect(second, peer)
    rig.tick(6)
    assert PlayerFinished() in rig.told(first)
    assert peer.level == q(500)


def test_a_player_runs_although_nobody_listens() -> None:
    rig = Rig()
    peer = rig.peer()
    player = rig.player(sound(*range(100, 2000, 100)))
    rig.tick(5)
    rig.connect(player, peer)
    rig.tick(2)
    assert peer.level == q(700)


def test_two_legs_hear_the_same_player_in_step() -> None:
    rig = Rig()
    one, two = rig.peer(), rig.peer()
    player = rig.player(sound(*range(100, 2000, 100)))
    rig.connect(player, one)
    rig.connect(player, two)
    rig.tick(8)
    assert one.samples == two.samples


@pytest.mark.parametrize("samples", [1, 7, 159, 160, 161, 1000, 1600, 5003])
def test_a_loop_that_goes_on_smoothly_is_played_as_it_is(samples: int) -> None:
    rig = Rig()
    peer = rig.peer()
    buffer = PcmBuffer.create(capacity_s=10)
    turns = max(1, samples // 50)
    content = (4000 * np.sin(2 * np.pi * turns * np.arange(samples) / samples)).astype(np.int16)
    buffer.append(content)
    buffer.finish()
    player = rig.player(buffer, loop=True)
    rig.connect(player, peer)
    rig.tick(100)
    wanted = [q(int(s)) for s in np.resize(content, 100 * 160)]
    assert peer.samples[45:] == wanted[45:]
    assert rig.told(player) == [PlayerStarted()]


def test_a_closed_player_is_silent_and_says_nothing() -> None:
    rig = Rig()
    peer = rig.peer()
    player = rig.player(sound(8000, frames=50))
    rig.connect(player, peer)
    rig.tick(5)
    rig.close(player)
    rig.close(player)
    rig.tick(2)
    assert peer.level == 0
    assert rig.told(player) == [PlayerStarted()]


def test_a_paused_player_starts_when_it_is_resumed() -> None:
    rig = Rig()
    peer = rig.peer()
    player = rig.player(sound(100, 200, 300), paused=True)
    rig.connect(player, peer)
    rig.tick(5)
    assert rig.told(player) == []
    assert set(peer.samples) == {0}
    rig.do(ResumePlayer(player))
    rig.tick(2)
    assert rig.told(player) == [PlayerStarted()]
    assert peer.level == q(200)


def test_pausing_fades_out_and_resuming_goes_on_where_it_stopped() -> None:
    rig = Rig()
    peer = rig.peer()
    player = rig.player(sound(*[8000] * 20, *[4000] * 20))
    rig.connect(player, peer)
    rig.tick(18)
    rig.do(PausePlayer(player), PausePlayer(player))
    rig.tick(5)
    assert set(peer.samples[19 * 160 :]) == {0}
    rig.do(ResumePlayer(player), ResumePlayer(player))
    rig.tick(4)
    assert set(peer.samples[23 * 160 + 40 : 25 * 160]) == {q(8000)}
    assert peer.level == q(4000)
    assert np.abs(np.diff(peer.samples[160 : 25 * 160])).max() < 700


def test_a_player_paused_and_resumed_within_a_tick_never_stopped() -> None:
    rig = Rig()
    peer = rig.peer()
    player = rig.player(sound(8000, frames=50))
    rig.connect(player, peer)
    rig.tick(3)
    rig.do(PausePlayer(player), ResumePlayer(player))
    rig.tick(2)
    assert peer.level == q(8000)


def test_a_growing_sound_plays_what_is_there_and_waits_for_the_rest() -> None:
    rig = Rig()
    peer = rig.peer()
    buffer = growing()
    player = rig.player(buffer)
    rig.connect(player, peer)
    rig.tick(3)
    assert rig.told(player) == []
    buffer.append(np.full(400, 1000, dtype=np.int16))
    rig.tick(4)
    assert rig.told(player) == []  # two frames are not worth beginning for
    buffer.append(np.full(8 * 160, 1000, dtype=np.int16))
    rig.tick(12)
    assert rig.told(player) == [PlayerStarted(), PlayerStarved()]
    buffer.append(np.full(160, 1000, dtype=np.int16))
    rig.tick(3)
    assert peer.level == 0  # a frame is not worth going on for
    buffer.append(np.full(80 + 8 * 160, 1000, dtype=np.int16))
    rig.tick(2)
    assert peer.level == q(1000)
    rig.tick(10)
    assert peer.level == 0
    buffer.append(np.full(160, 1000, dtype=np.int16))
    buffer.finish()
    rig.tick(2)
    assert rig.told(player) == [
        PlayerStarted(),
        PlayerStarved(),
        PlayerFed(missed_frames=5),
        PlayerStarved(),
        PlayerFed(missed_frames=2),
        PlayerFinished(),
    ]
    heard = peer.samples.count(q(1000))
    whole = 400 + 8 * 160 + 160 + 80 + 8 * 160 + 160
    assert whole - 3 * 40 <= heard < whole  # all of it, three times faded in
    assert np.abs(np.diff(peer.samples)).max() < 100  # no click where it waits and goes on


def test_a_sound_that_breaks_off_ends_with_an_error_after_what_there_was() -> None:
    rig = Rig()
    buffer = growing(1600)
    player = rig.player(buffer)
    rig.tick(2)
    buffer.finish(failed=True)
    rig.tick(10)
    told = rig.told(player)
    assert told[0] == PlayerStarted()
    assert isinstance(told[1], PlayerFinished)
    assert "broke off" in str(told[1].error)


def test_a_sound_that_failed_before_its_first_sample_never_starts() -> None:
    rig = Rig()
    buffer = growing()
    buffer.finish(failed=True)
    player = rig.player(buffer, loop=True)
    rig.tick(3)
    (only,) = rig.told(player)
    assert isinstance(only, PlayerFinished)
    assert only.error


@pytest.mark.parametrize("loop", [False, True])
def test_an_empty_sound_starts_and_ends_at_once(loop: bool) -> None:
    rig = Rig()
    buffer = growing()
    buffer.finish()
    player = rig.player(buffer, loop=loop)
    rig.tick(3)
    assert rig.told(player) == [PlayerStarted(), PlayerFinished()]


def test_stereo_sounds_are_mixed_down() -> None:
    rig = Rig()
    peer = rig.peer()
    buffer = PcmBuffer.create(channels=2, capacity_s=10)
    buffer.append(np.tile(np.array([1000, 3000], dtype=np.int16), (800, 1)))
    buffer.finish()
    rig.connect(rig.player(buffer), peer)
    rig.tick(3)
    assert peer.level == q(2000)


def test_a_sound_of_another_rate_or_no_sound_at_all_is_refused_with_the_reason() -> None:
    rig = Rig()
    wide = rig.player(PcmBuffer.create(48000, capacity_s=1))
    nothing, wrong = rig.new_id(), rig.new_id()
    rig.do(OpenPlayer(unit=nothing, fd=3, loop=False, paused=False))
    null = os.open("/dev/null", os.O_RDONLY)
    rig.do(OpenPlayer(unit=wrong, fd=0, loop=False, paused=False), fds=[null])
    rig.tick(2)
    errors = [str(what.error) for u in (wide, nothing, wrong) for what in rig.told(u)]  # type: ignore[attr-defined]
    assert len(errors) == 3
    assert "48000 Hz" in errors[0]
    assert all("cannot be played" in error for error in errors[1:])


def test_the_descriptor_is_closed_once_it_is_mapped() -> None:
    rig = Rig()
    before = len(os.listdir("/proc/self/fd"))
    buffer = sound(100, frames=5)
    player = rig.player(buffer)
    rig.tick()
    buffer.close()
    rig.close(player)
    rig.tick()
    # mmap keeps a duplicate of its own as long as the player lives.
    assert len(os.listdir("/proc/self/fd")) == before


def test_more_players_than_there_are_rows_end_with_an_error() -> None:
    rig = Rig(players=2)
    players = [rig.player(sound(100, frames=50)) for _ in range(3)]
    rig.tick()
    (refused,) = rig.told(players[2])
    assert isinstance(refused, PlayerFinished)
    assert "in use" in str(refused.error)
    rig.close(players[0])
    again = rig.player(sound(100, frames=50))
    rig.tick()
    assert rig.told(again) == [PlayerStarted()]


def test_markers_are_told_when_their_sample_was_played() -> None:
    rig = Rig()
    player = rig.player(sound(100, frames=20), marker=100)
    rig.do(AddMarker(player, 0), AddMarker(player, 399), AddMarker(player, 5000))
    when = {}
    for n in range(25):
        for event in rig.tick():
            if isinstance(event.what, PlayerMarkerReached):
                when[event.what.offset_ms] = n
    assert when == {0: 0, 100: 5, 399: 19}
    assert rig.told(player)[-1] == PlayerFinished()


def test_a_marker_behind_the_position_is_told_at_once() -> None:
    rig = Rig()
    player = rig.player(sound(100, frames=50))
    rig.tick(20)
    rig.do(AddMarker(player, 40))
    rig.tick()
    assert rig.told(player) == [PlayerStarted(), PlayerMarkerReached(offset_ms=40)]


def test_a_paused_player_reaches_no_marker() -> None:
    rig = Rig()
    player = rig.player(sound(100, frames=50), marker=100)
    rig.tick(3)
    rig.do(PausePlayer(player))
    rig.tick(20)
    assert rig.told(player) == [PlayerStarted()]
    rig.do(ResumePlayer(player))
    rig.tick(3)
    assert rig.told(player)[-1] == PlayerMarkerReached(offset_ms=100)


def test_markers_are_bounded() -> None:
    rig = Rig()
    player = rig.player(sound(100, frames=50))
    rig.do(*[AddMarker(player, n) for n in range(500)])
    rig.tick(60)
    reached = [w for w in rig.told(player) if isinstance(w, PlayerMarkerReached)]
    assert len(reached) == 100


def test_a_tone_that_does_not_loop_ends_by_itself() -> None:
    rig = Rig()
    peer = rig.peer()
    player = rig.tone(425.0, ms=200, loop=False)
    rig.connect(player, peer)
    rig.tick(15)
    assert rig.told(player) == [PlayerStarted(), PlayerFinished()]
    assert max(peer.samples) > 1000
    assert set(peer.last) == {0}


def test_many_players_that_start_together_all_play_to_their_end() -> None:
    rig = Rig(players=50)
    players = [rig.player(sound(100, frames=30)) for _ in range(50)]
    rig.tick(31)
    for player in players:
        assert rig.told(player) == [PlayerStarted(), PlayerFinished()]


def test_a_second_start_breaks_the_protocol() -> None:
    rig = Rig()
    rig.do(StartEngine(host="", first_port=1, last_port=2, max_legs=1, max_players=1))
    with pytest.raises(ProtocolError, match="runs already"):
        rig.tick()


@pytest.mark.parametrize(
    "changes",
    [
        {"frequencies_hz": (0.0,)},
        {"frequencies_hz": (float("nan"),)},
        {"frequencies_hz": (4000.0,)},
        {"frequencies_hz": (400.0,) * 9},
        {"duration_ms": -1},
        {"duration_ms": 4_000_000},
        {"level_dbm0": float("nan")},
        {"level_dbm0": 20.0},
    ],
)
def test_a_tone_that_cannot_be_heard_is_refused(changes: dict[str, Any]) -> None:
    step = attrs.evolve(ToneStep(frequencies_hz=(400.0,), duration_ms=100), **changes)
    with pytest.raises(ValueError):
        OpenTonePlayer(unit=1, script=ToneScript(label="x", steps=(step,)), paused=False)
    with pytest.raises(ValueError, match="steps"):
        OpenTonePlayer(
            unit=1,
            script=ToneScript(label="x", steps=(ToneStep(frequencies_hz=(), duration_ms=1),) * 73),
            paused=False,
        )
