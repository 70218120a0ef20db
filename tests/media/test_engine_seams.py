"""Every change of what a leg hears, packet by packet: no click, no gap, no jump of a timestamp.

Sounds are constant levels, which have no steepness of their own: whatever is steeper than a fade of
5 ms is a click. Both engines are judged.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from runtime.media.native.library import Library
from runtime.media.pcm import PcmBuffer
from runtime.media.port import PlayerFinished, ToneReceivedFromPeer
from runtime.media.protocol import (
    CloseUnit,
    Connect,
    Disconnect,
    HandleTones,
    PausePlayer,
    ResumePlayer,
)
from tests.media.native.helper import helper
from tests.media.rig import Peer, Rig, q, sound
from tests.media.speaker import TABLE, Speaker
from tests.media.test_engine_codecs import steps_of
from tests.media.test_engine_events import key

LOUD = 8000
FADE = 40
"""Samples in 5 ms."""
STEEPEST = 2 * LOUD / FADE + 2 * 512
"""From one side to the other within a fade, and two roundings of G.711 at that level."""

Change = Callable[[Rig, Peer, int], object]


@pytest.fixture(params=["numpy", "native"])
def library(request: pytest.FixtureRequest) -> Library | None:
    return helper() if request.param == "native" else None


@pytest.fixture
def rig(library: Library | None) -> Rig:
    return Rig(library=library)


def level(value: int, seconds: float = 5, rate: int = 8000) -> PcmBuffer:
    buffer = PcmBuffer.create(rate, capacity_s=seconds)
    buffer.append(np.full(round(rate * seconds), value, dtype=np.int16))
    buffer.finish()
    return buffer


def listening(rig: Rig, *, loop: bool = False, buffer: PcmBuffer | None = None) -> tuple[Peer, int]:
    """A leg that hears a player, and has done so for a while."""
    peer = rig.peer()
    player = rig.player(buffer or level(LOUD), loop=loop)
    rig.connect(player, peer)
    rig.tick(8)
    return peer, player


def judge(peer: Peer, ticks: int) -> None:
    """One packet for each tick, numbered without a gap, and nothing in them clicks."""
    assert len(peer.heard) == ticks
    for one, other in itertools.pairwise(peer.heard):
        assert other.sequence == (one.sequence + 1) & 0xFFFF
        assert other.timestamp == (one.timestamp + 160) & 0xFFFFFFFF
        assert other.ssrc == one.ssrc
        assert not other.marker
    steps = np.abs(np.diff([0, *peer.samples]))
    assert steps.max() <= STEEPEST, f"a click at sample {np.argmax(steps)}"


def another_player(rig: Rig, peer: Peer, player: int) -> None:
    rig.connect(rig.player(level(-LOUD)), peer)


def a_wide_player(rig: Rig, peer: Peer, player: int) -> None:
    rig.connect(rig.player(level(-LOUD, rate=16000)), peer)


def a_tone(rig: Rig, peer: Peer, player: int) -> None:
    rig.connect(rig.tone(50.0), peer)


def a_stop(rig: Rig, peer: Peer, player: int) -> None:
    rig.do(Disconnect(player, peer.unit), CloseUnit(player))


def an_end(rig: Rig, peer: Peer, player: int) -> None:
    rig.close(player)


def a_disconnection(rig: Rig, peer: Peer, player: int) -> None:
    rig.do(Disconnect(player, peer.unit))


def a_pause(rig: Rig, peer: Peer, player: int) -> None:
    rig.do(PausePlayer(player))


def a_short_pause(rig: Rig, peer: Peer, player: int) -> None:
    rig.do(PausePlayer(player))
    rig.tick(3)
    rig.do(ResumePlayer(player))


def the_shortest_pause(rig: Rig, peer: Peer, player: int) -> None:
    rig.do(PausePlayer(player))
    rig.tick()
    rig.do(ResumePlayer(player))


def a_pause_and_a_stop(rig: Rig, peer: Peer, player: int) -> None:
    rig.do(PausePlayer(player), Disconnect(player, peer.unit), CloseUnit(player))


def a_stop_and_a_new_one_at_once(rig: Rig, peer: Peer, player: int) -> None:
    rig.do(Disconnect(player, peer.unit), CloseUnit(player))
    rig.connect(rig.player(level(-LOUD)), peer)


def there_and_back_again(rig: Rig, peer: Peer, player: int) -> None:
    other = rig.player(level(-LOUD))
    rig.connect(other, peer)
    rig.tick()
    rig.connect(player, peer)
    rig.tick()
    rig.connect(other, peer)


CHANGES: list[Change] = [
    another_player,
    a_wide_player,
    a_tone,
    a_stop,
    an_end,
    a_disconnection,
    a_pause,
    a_short_pause,
    the_shortest_pause,
    a_pause_and_a_stop,
    a_stop_and_a_new_one_at_once,
    there_and_back_again,
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("after", [0, 1, 2, 50])
def test_no_change_of_a_player_is_heard_as_a_click(rig: Rig, change: Change, after: int) -> None:
    peer, player = listening(rig)
    rig.tick(after)
    change(rig, peer, player)
    rig.tick(60)
    judge(peer, round((rig.now - 1000) / 0.02))


@pytest.mark.parametrize("change", [another_player, a_stop, an_end, a_pause, a_short_pause])
def test_no_change_of_a_wide_player_is_heard_as_a_click(rig: Rig, change: Change) -> None:
    peer, player = listening(rig, buffer=level(LOUD, rate=16000))
    change(rig, peer, player)
    rig.tick(60)
    judge(peer, round((rig.now - 1000) / 0.02))


@pytest.mark.parametrize("ticks", range(1, 6))
@pytest.mark.parametrize("players", range(3))
def test_a_pause_between_two_blocks_of_a_player_is_no_click(
    rig: Rig, players: int, ticks: int
) -> None:
    for _ in range(players):  # players fetch their sounds at different ticks
        rig.player(level(LOUD))
    peer = rig.peer()
    player = rig.player(level(LOUD))
    rig.connect(player, peer)
    rig.tick(ticks)
    rig.do(PausePlayer(player))
    rig.tick(5)
    rig.do(ResumePlayer(player))
    rig.tick(5)
    judge(peer, ticks + 10)


def speaking(rig: Rig, value: int) -> Iterator[Peer]:
    """A peer whose audio comes once per tick."""
    peer = rig.peer()
    while True:
        peer.say_level(value)
        rig.tick()
        yield peer


def test_from_a_player_to_a_call_and_back_and_to_silence(rig: Rig) -> None:
    speaker = speaking(rig, -LOUD)
    other = next(speaker)
    peer, player = listening(rig, buffer=level(LOUD))
    for edge in (
        Connect(other.unit, peer.unit),
        Connect(player, peer.unit),
        Connect(other.unit, peer.unit),
        Disconnect(other.unit, peer.unit),
        Connect(other.unit, peer.unit),
        CloseUnit(other.unit),
    ):
        for _ in range(6):
            next(speaker)
        rig.do(edge)
    rig.tick(5)
    judge(peer, len(peer.heard))
    assert len(peer.heard) == 8 + 6 * 6 + 5
    assert peer.level == 0


@pytest.mark.parametrize("codec", ["PCMU", "L16/8000", "L16"])
def test_what_is_heard_after_a_hold_begins_softly(library: Library | None, codec: str) -> None:
    rig = Rig(library=library, codecs=TABLE)
    speaker = Speaker.on(rig, codec)
    rig.connect(rig.player(level(LOUD)), speaker.peer)
    rig.tick(20)
    rig.reconfigure(speaker.peer, sending=False)
    rig.tick(20)
    speaker.peer.heard.clear()
    rig.reconfigure(speaker.peer, sending=True)
    rig.tick(5)
    heard = np.concatenate(([0], speaker.heard(5))).astype(int)
    assert len(heard) == 1 + 5 * len(speaker.heard(1))
    assert np.abs(np.diff(heard)).max() <= STEEPEST / 2
    assert abs(heard[-1] - LOUD) < 300


@pytest.mark.parametrize("extra", [0, 1, 20, 80, 130, 159])
def test_the_end_of_a_sound_is_no_click_wherever_in_a_frame_it_lies(rig: Rig, extra: int) -> None:
    peer, player = listening(rig, buffer=sound(LOUD, frames=20, extra=extra))
    rig.tick(30)
    assert isinstance(rig.told(player)[-1], PlayerFinished)
    judge(peer, 38)


@pytest.mark.parametrize("count", [100, 160, 777, 8000, 12_345])
def test_the_seam_of_a_loop_is_no_click(rig: Rig, count: int) -> None:
    buffer = PcmBuffer.create(capacity_s=5)
    rising = np.linspace(-LOUD, LOUD, count).astype(np.int16)
    buffer.append(rising)
    buffer.finish()
    peer = rig.peer()
    rig.connect(rig.player(buffer, loop=True), peer)
    rig.tick(200)
    judge(peer, 200)


# --- barge-in -------------------------------------------------------------------------------------


@pytest.mark.parametrize("stop", [a_stop, an_end, a_disconnection, a_pause])
def test_a_key_stops_what_is_heard_within_two_frames(rig: Rig, stop: Change) -> None:
    """The core answers a press before the next tick: of the two frames that leave after the packet
    with the press's end, the first is sound, and the second for 5 ms."""
    peer, player = listening(rig)
    rig.do(HandleTones(peer.unit, True))
    rig.tick()
    key(peer, "5", ticks=5, ends=0)
    assert not any(isinstance(each, ToneReceivedFromPeer) for each in rig.told(peer))
    before = len(peer.heard)
    key(peer, "5", ticks=1, ends=1)  # the end bit, and one tick
    assert isinstance(rig.told(peer)[-1], ToneReceivedFromPeer)
    stop(rig, peer, player)
    rig.tick(10)
    after = np.array([packet.samples for packet in peer.heard[before:]])
    sounding = [int(np.count_nonzero(frame)) for frame in after]
    assert sounding[0] == 160
    assert 0 < sounding[1] <= FADE
    assert sounding[2:] == [0] * 9
    judge(peer, len(peer.heard))


def test_a_key_replaces_a_prompt_by_the_next_within_two_frames(rig: Rig) -> None:
    peer, _ = listening(rig)
    rig.do(HandleTones(peer.unit, True))
    rig.tick()
    before = len(peer.heard)
    key(peer, "1", ticks=1, ends=1)
    assert isinstance(rig.told(peer)[-1], ToneReceivedFromPeer)
    rig.connect(rig.player(level(-LOUD)), peer)
    rig.tick(3)
    second = np.array(peer.heard[before + 1].samples)
    assert (second[FADE:] < 0).all()
    judge(peer, len(peer.heard))


@pytest.mark.parametrize("count", [400, 8000, 12_345])
def test_a_mended_loop_keeps_its_length_and_all_but_its_first_5_ms(rig: Rig, count: int) -> None:
    buffer = PcmBuffer.create(capacity_s=5)
    content = np.linspace(-LOUD, LOUD, count).astype(np.int16)
    buffer.append(content)
    buffer.finish()
    peer = rig.peer()
    rig.connect(rig.player(buffer, loop=True), peer)
    rig.tick(200)
    wanted = np.resize([q(int(value)) for value in content], 200 * 160)
    phases = np.arange(200 * 160) % count
    exact = phases >= FADE
    assert np.array(peer.samples)[exact].tolist() == wanted[exact].tolist()


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("rate", [8000, 16000])
def test_no_change_is_heard_as_a_click_by_a_wide_leg(change: Change, rate: int) -> None:
    rig = Rig(codecs=TABLE)
    listener = Speaker.on(rig, "L16")
    player = rig.player(level(LOUD, rate=rate))
    rig.connect(player, listener.peer)
    rig.tick(8)
    change(rig, listener.peer, player)
    rig.tick(60)
    steps = np.abs(np.diff(listener.heard().astype(int)))
    # 5 ms are 80 samples here; from 8 to 16 kHz the corner of a fade swings a little.
    assert steps.max() <= 1.5 * (2 * LOUD / 80)
    assert len({packet.ssrc for packet in listener.peer.heard}) == 1
    assert steps_of(listener.peer.heard) == {(1, 320)}
