"""Who hears what, sample by sample: bridges, echo, replacement, recordings."""

from __future__ import annotations

import numpy as np

from runtime.media.pcm import PcmRing, Samples
from runtime.media.port import RecorderClosed
from runtime.media.protocol import (
    Disconnect,
    HandleTones,
    MuteRecorder,
    OpenRecorder,
    TapLeg,
)
from tests.media.packets import sine
from tests.media.rig import Rig, q, sound, talk


def test_two_bridged_legs_hear_each_other_exactly() -> None:
    rig = Rig()
    one, two = rig.peer(), rig.peer()
    rig.connect(one, two)
    rig.connect(two, one)
    talk(rig, 10, (one, 1000), (two, -2000))
    # One tick of playout delay: a packet that came before tick n is sent in tick n + 1.
    assert one.samples == [0] * 160 + [q(-2000)] * 160 * 9
    assert two.samples == [0] * 160 + [q(1000)] * 160 * 9


def test_a_bridged_tone_arrives_without_a_gap_or_a_step() -> None:
    rig = Rig()
    one, two = rig.peer(), rig.peer()
    rig.connect(one, two)
    sent = b"".join(sine(440, 160 * n) for n in range(100))
    for n in range(100):
        one.say(sent[160 * n : 160 * (n + 1)])
        rig.tick()
    assert b"".join(p.payload for p in two.heard[1:]) == sent[: 160 * 99]


def test_a_leg_may_hear_itself() -> None:
    rig = Rig()
    peer = rig.peer()
    rig.connect(peer, peer)
    talk(rig, 5, (peer, 700))
    assert peer.level == q(700)


def test_a_disconnected_leg_hears_silence_after_five_milliseconds() -> None:
    rig = Rig()
    one, two = rig.peer(), rig.peer()
    rig.connect(one, two)
    talk(rig, 5, (one, 8000))
    rig.do(Disconnect(one.unit, two.unit))
    talk(rig, 2, (one, 8000))
    assert set(two.samples[-320 + 40 :]) == {0}
    assert np.abs(np.diff(two.samples[-480:])).max() < 700


def test_a_replaced_source_is_cross_faded_and_never_comes_back() -> None:
    rig = Rig()
    one, two, listener = rig.peer(), rig.peer(), rig.peer()
    rig.connect(one, listener)
    talk(rig, 5, (one, 8000), (two, -8000))
    rig.connect(two, listener)
    rig.do(Disconnect(one.unit, listener.unit))
    talk(rig, 5, (one, 8000), (two, -8000))
    change = listener.samples[5 * 160 :]
    assert change[0] > 7000
    assert set(change[45:]) == {q(-8000)}
    assert np.abs(np.diff(listener.samples[160:])).max() < 900
    rig.do(Disconnect(two.unit, listener.unit))
    talk(rig, 2, (one, 8000), (two, -8000))
    assert listener.level == 0


def test_several_changes_in_one_tick_end_with_the_last() -> None:
    rig = Rig()
    one, two, listener = rig.peer(), rig.peer(), rig.peer()
    talk(rig, 3, (one, 8000), (two, -500))
    rig.connect(one, listener)
    rig.connect(two, listener)
    rig.connect(one, listener)
    rig.connect(two, listener)
    talk(rig, 2, (one, 8000), (two, -500))
    assert listener.level == q(-500)
    assert max(listener.samples) <= 0


def test_the_same_edge_again_changes_nothing() -> None:
    rig = Rig()
    one, two = rig.peer(), rig.peer()
    rig.connect(one, two)
    for n in range(20):
        one.say(sine(440, 160 * n))
        rig.connect(one, two)
        rig.tick()
    assert b"".join(p.payload for p in two.heard[1:]) == b"".join(
        sine(440, 160 * n) for n in range(19)
    )


def test_a_source_that_ends_leaves_silence_and_a_sink_that_ends_leaves_nothing() -> None:
    rig = Rig()
    one, two, three = rig.peer(), rig.peer(), rig.peer()
    rig.connect(one, two)
    rig.connect(two, three)
    talk(rig, 5, (one, 8000), (two, 300))
    rig.close(one)
    rig.close(three)
    talk(rig, 2, (two, 300))
    assert two.level == 0
    assert np.abs(np.diff(two.samples)).max() < 8100
    assert rig.sockets.closed == [0, 2]
    rig.connect(one, two)
    rig.connect(two, three)
    talk(rig, 3, (two, 300))
    assert two.level == 0


def test_connecting_a_source_that_has_ended_replaces_what_was_heard_by_silence() -> None:
    rig = Rig()
    one, two = rig.peer(), rig.peer()
    ended = rig.player(sound(5))
    rig.connect(one, two)
    talk(rig, 5, (one, 8000))
    rig.connect(ended, two)
    talk(rig, 3, (one, 8000))
    assert two.level == 0


# --- recordings ---------------------------------------------------------------------------------


def recorded(ring: PcmRing) -> Samples:
    return ring.read()[0]


def test_a_tapped_leg_is_left_and_what_it_hears_right_with_its_prompts() -> None:
    rig = Rig()
    peer = rig.peer()
    ring = PcmRing.create()
    recorder = rig.recorder(ring)
    rig.do(TapLeg(recorder, peer.unit))
    prompt = rig.player(sound(3000, frames=5))
    rig.connect(prompt, peer)
    talk(rig, 10, (peer, 1000))
    rig.close(recorder)
    rig.tick()
    frames = recorded(ring).reshape(-1, 160, 2)
    assert len(frames) == 10
    assert [int(f[80, 0]) for f in frames] == [0] + [q(1000)] * 9
    assert [int(f[80, 1]) for f in frames] == [3000] * 5 + [0] * 5
    assert rig.told(recorder) == [RecorderClosed(frames=10, overrun_frames=0)]
    assert ring.closed


def test_a_ring_of_one_channel_gets_the_mix() -> None:
    rig = Rig()
    one, two = rig.peer(), rig.peer()
    rig.connect(two, one)
    ring = PcmRing.create(channels=1)
    rig.do(TapLeg(rig.recorder(ring), one.unit))
    talk(rig, 10, (one, 1000), (two, 300))
    mono = recorded(ring).reshape(-1, 160)
    assert set(mono[1:].ravel().tolist()) == {q(1000) + q(300)}


def test_sources_connected_to_a_recorder_are_mixed_into_both_channels() -> None:
    rig = Rig()
    one, two = rig.peer(), rig.peer()
    room = rig.conference()
    rig.connect(two, room)
    ring = PcmRing.create()
    recorder = rig.recorder(ring)
    rig.connect(one, recorder)
    rig.connect(room, recorder)
    talk(rig, 6, (one, 1000), (two, 40))
    rig.do(Disconnect(one.unit, recorder))
    talk(rig, 4, (one, 1000), (two, 40))
    rig.close(recorder)
    rig.tick()
    frames = recorded(ring).reshape(-1, 160, 2)
    both = q(1000) + q(40)
    assert [f[9].tolist() for f in frames] == [[0, 0]] + [[both] * 2] * 5 + [[q(40)] * 2] * 4


def test_a_muted_recorder_writes_silence_and_keeps_time() -> None:
    rig = Rig()
    peer = rig.peer()
    ring = PcmRing.create()
    recorder = rig.recorder(ring)
    rig.do(TapLeg(recorder, peer.unit))
    talk(rig, 4, (peer, 1000))
    rig.do(MuteRecorder(recorder, True))
    talk(rig, 3, (peer, 1000))
    rig.do(MuteRecorder(recorder, False))
    talk(rig, 3, (peer, 1000))
    rig.close(recorder)
    rig.tick()
    left = recorded(ring)[::160, 0].tolist()
    assert left == [0] + [q(1000)] * 3 + [0] * 3 + [q(1000)] * 3


def test_time_lost_by_a_stall_is_silence_in_the_recording() -> None:
    rig = Rig()
    peer = rig.peer()
    ring = PcmRing.create()
    recorder = rig.recorder(ring)
    rig.do(TapLeg(recorder, peer.unit))
    talk(rig, 4, (peer, 1000))
    rig.tick(skipped=20)
    rig.close(recorder)
    rig.tick()
    assert rig.told(recorder) == [RecorderClosed(frames=25, overrun_frames=0)]
    assert len(recorded(ring)) == 25 * 160


def test_a_recording_goes_on_in_silence_when_its_leg_is_gone() -> None:
    rig = Rig()
    peer = rig.peer()
    ring = PcmRing.create()
    recorder = rig.recorder(ring)
    rig.do(TapLeg(recorder, peer.unit))
    talk(rig, 4, (peer, 1000))
    rig.close(peer)
    rig.tick(4)
    rig.close(recorder)
    rig.tick()
    left = recorded(ring)[::160, 0].tolist()
    assert left == [0] + [q(1000)] * 3 + [0] * 4


def test_a_descriptor_that_is_no_ring_closes_the_recorder_at_once() -> None:
    rig = Rig()
    recorder = rig.new_id()
    rig.do(OpenRecorder(unit=recorder, fd=0))
    rig.do(MuteRecorder(recorder, True), TapLeg(recorder, 99), HandleTones(recorder, True))
    rig.tick()
    assert rig.told(recorder) == [RecorderClosed(frames=0, overrun_frames=0)]


def test_an_overrun_is_counted_for_the_recorder() -> None:
    rig = Rig()
    ring = PcmRing.create(capacity_s=0.5)
    recorder = rig.recorder(ring)
    rig.tick(100)
    ring.read()
    rig.close(recorder)
    (closed,) = [event.what for event in rig.tick()]
    assert isinstance(closed, RecorderClosed)
    assert closed.frames == 100
    assert 70 <= closed.overrun_frames <= 80
