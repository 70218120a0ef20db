"""Loss concealment, frame by frame: go on as before, fade, fall silent, and come back softly."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.media.frames import FRAME, Samples
from runtime.media.rtp.concealment import CONTINUED, MAX_MATCHED, Concealment
from runtime.media.rtp.playout import Playout
from tests.media.spectrum import amplitude_of, decibels, tone


class Heard:
    """One leg: packets of any length are put at their place, frames come out."""

    def __init__(self) -> None:
        self.playout = Playout(1)
        self.playout.reset(0)
        self.concealment = Concealment(1, self.playout)
        self.row = np.zeros((1, FRAME), dtype=np.int16)
        self.start = self.playout.clock

    def put(self, at: int, samples: Samples) -> None:
        positions = self.start + at + np.arange(len(samples))
        self.playout.write_samples(np.zeros(len(samples), dtype=np.int64), positions, samples)

    def frames(self, count: int) -> Samples:
        heard = []
        for _ in range(count):
            self.concealment.play(self.row)
            self.playout.advance(1)
            heard.append(self.row[0].copy())
        return np.concatenate(heard)


def play(*frames: int | Samples | None) -> Samples:
    """Levels (or frames, or None for a lost one) in, everything heard as one row out."""
    line = Heard()
    for number, frame in enumerate(frames):
        if frame is not None:
            line.put(FRAME * number, np.resize(np.array(frame, dtype=np.int16), FRAME))
    return line.frames(len(frames))


def with_holes(sound: Samples, *holes: tuple[int, int]) -> Samples:
    """What is heard of a sound of whole frames, if [start, end) of these never came."""
    line, at = Heard(), 0
    for start, end in (*holes, (len(sound), len(sound))):
        line.put(at, sound[at:start])
        at = end
    return line.frames(len(sound) // FRAME)


def test_whole_frames_pass_unchanged() -> None:
    assert play(100, -32767, 32767).tolist() == [100] * 160 + [-32767] * 160 + [32767] * 160


def test_before_the_first_packet_there_is_silence() -> None:
    assert set(play(None, None, 700).tolist()[:320]) == {0}


def test_a_lost_frame_goes_on_for_10_ms_and_fades_to_silence_until_60_ms() -> None:
    heard = play(9000, 9000, 9000, None, None, None, None)[480:].astype(int)
    assert set(heard[:80].tolist()) == {9000}
    assert (np.diff(heard) <= 0).all()
    assert abs(heard[279] - 4500) < 30
    assert set(heard[CONTINUED - 1 :].tolist()) == {0}


@pytest.mark.parametrize("hertz", [70, 133, 220, 440, 1000])
def test_a_tone_goes_on_in_phase(hertz: int) -> None:
    sound = tone(hertz, 8000, 0.2)
    heard = with_holes(sound, (800, 960))
    # Until what came is faded in: at full level for 10 ms, and 80 % at 20 ms.
    error = heard[800:880].astype(float) - sound[800:880]
    assert np.abs(error).max() < 1800
    assert decibels(amplitude_of(heard[640:1120], hertz, 8000), 8000) > -1.5
    assert heard[1040:].tolist() == sound[1040:].tolist()


def test_a_voice_goes_on_with_its_pitch() -> None:
    at = np.arange(1600) / 8000
    voice = sum(np.sin(2 * np.pi * 110 * n * at) / n for n in range(1, 20))
    sound = (4000 * np.asarray(voice)).astype(np.int16)
    heard = with_holes(sound, (960, 1120))
    assert np.corrcoef(heard[960:1120], sound[960:1120])[0, 1] > 0.95


def test_noise_does_not_buzz() -> None:
    """The longer the hole, the more periods are repeated: no period stands out."""
    sound = np.random.default_rng(5).normal(0, 3000, 1600).astype(np.int16)
    made = with_holes(sound, (800, 1280))[960:1200].astype(float)
    for lag in range(40, 110):
        assert np.corrcoef(made[lag:], made[:-lag])[0, 1] < 0.9


def test_sound_that_comes_back_soon_is_faded_in_without_a_step() -> None:
    heard = play(9000, 9000, 9000, None, 9000).astype(int)
    assert np.abs(np.diff(heard)).max() < 200
    assert heard[-1] == 9000


@pytest.mark.parametrize("lost", [3, 4, 20])
def test_sound_that_comes_back_late_is_faded_in_as_what_begins_is(lost: int) -> None:
    heard = play(9000, 9000, 9000, *[None] * lost, 5000, 5000)[-320:].astype(int)
    assert np.abs(np.diff(heard, prepend=0)).max() <= 5000 / 40 + 1
    assert set(heard[40:].tolist()) == {5000}


def test_sound_that_comes_back_late_in_the_middle_of_a_frame_is_faded_in() -> None:
    sound = tone(300, 8000, 0.3)
    steepest = int(np.abs(np.diff(sound.astype(int))).max())
    heard = with_holes(sound, (640, 1330)).astype(int)
    assert np.abs(np.diff(heard)).max() < 1.5 * steepest
    assert heard[1370:].tolist() == sound[1370:].tolist()


@pytest.mark.parametrize("size", [40, 80, 160, 240, 320, 480])
@pytest.mark.parametrize("start", [640, 720, 760])
def test_a_hole_of_any_place_and_length_has_no_steps(start: int, size: int) -> None:
    sound = tone(300, 8000, 0.2)
    steepest = int(np.abs(np.diff(sound.astype(int))).max())
    heard = with_holes(sound, (start, start + size)).astype(int)
    assert np.abs(np.diff(heard)).max() < 1.5 * steepest
    assert heard[:start].tolist() == sound[:start].tolist()
    assert heard[start + size + 80 :].tolist() == sound[start + size + 80 :].tolist()


def test_several_holes_of_one_frame_are_filled() -> None:
    sound = tone(200, 8000, 0.2)
    heard = with_holes(sound, (680, 720), (760, 800), (840, 880), (920, 960))
    assert np.corrcoef(heard, sound)[0, 1] > 0.995


def test_a_frame_of_more_holes_than_any_packets_make_is_silent_in_the_last_ones() -> None:
    sound = np.full(960, 9000, dtype=np.int16)
    holes = [(at, at + 1) for at in range(640, 800, 2)]
    heard = with_holes(sound, *holes)
    assert set(heard[:648].tolist()) == {9000}
    assert set(heard[648:800:2].tolist()) == {0}
    assert set(heard[800:].tolist()) == {9000}


def test_a_hole_after_a_hole_is_continued_from_what_was_heard() -> None:
    sound = tone(250, 8000, 0.3)
    heard = with_holes(sound, (640, 800), (960, 1120), (1280, 1440))
    assert np.corrcoef(heard, sound)[0, 1] > 0.98


def test_a_half_lost_frame_after_silence_has_no_mark_in_it() -> None:
    line = Heard()
    line.put(260, np.full(60, 40, dtype=np.int16))
    assert line.frames(2)[160:].tolist() == [0] * 100 + [40] * 60


def test_silence_is_continued_as_silence() -> None:
    assert set(play(0, 0, 0, None, None, 0).tolist()) == {0}


def test_if_a_network_falls_apart_for_all_legs_some_are_continued_plainly_in_turn() -> None:
    legs = MAX_MATCHED + 50
    playout = Playout(legs)
    for leg in range(legs):
        playout.reset(leg)
    concealment = Concealment(legs, playout)
    rows = np.zeros((legs, FRAME), dtype=np.int16)
    sound = tone(90, 8000, 0.8)
    well_done = np.zeros(legs, dtype=np.int64)
    for number in range(40):
        frame = sound[FRAME * number : FRAME * (number + 1)]
        if number < 4 or number % 4:
            everyone = np.arange(legs)
            playout.write_frames(everyone, np.full(legs, playout.clock), np.tile(frame, (legs, 1)))
        concealment.play(rows)
        playout.advance(legs)
        if number >= 4 and number % 4 == 0:
            right = np.abs(rows[:, :80].astype(int) - frame[:80]).max(axis=1) < 1500
            assert np.count_nonzero(right) == MAX_MATCHED
            well_done += right
        assert np.abs(rows).max() <= 8200
    assert well_done.min() > 0


def test_legs_are_concealed_independently_and_forget_who_was_there_before() -> None:
    playout = Playout(3)
    for leg in range(3):
        playout.reset(leg)
    concealment = Concealment(3, playout)
    rows = np.zeros((3, FRAME), dtype=np.int16)

    def frame(level: int, *legs: int) -> None:
        samples = np.full((len(legs), FRAME), level, dtype=np.int16)
        playout.write_frames(np.array(legs), np.full(len(legs), playout.clock), samples)
        concealment.play(rows)
        playout.advance(3)

    for level in (1000, 1000, 1000):
        frame(level, 0, 1, 2)
    frame(2000, 0, 2)
    assert rows[0].tolist() == [2000] * FRAME
    assert rows[1, 0] == 1000
    assert rows[2].tolist() == [2000] * FRAME
    concealment.reset(1)
    playout.reset(1)
    frame(2000, 0, 2)
    assert set(rows[1].tolist()) == {0}
