"""Loss concealment, frame by frame: repeat, fade, silence, and come back softly."""

from __future__ import annotations

import numpy as np

from runtime.media.frames import FRAME, Samples
from runtime.media.rtp.concealment import Concealment
from runtime.media.rtp.playout import MISSING


def play(*frames: int | Samples | None) -> Samples:
    """Levels (or frames, or None for a lost one) in, everything heard as one row out."""
    concealment = Concealment(1)
    row = np.zeros((1, FRAME), dtype=np.int16)
    heard = []
    for frame in frames:
        due = np.full((1, FRAME), MISSING, dtype=np.int16)
        if frame is not None:
            due[0] = frame
        concealment.play(row, due, np.array([frame is not None]))
        heard.append(row[0].copy())
    return np.concatenate(heard)


def test_whole_frames_pass_unchanged() -> None:
    assert play(100, -32767, 32767).tolist() == [100] * 160 + [-32767] * 160 + [32767] * 160


def test_before_the_first_packet_there_is_silence() -> None:
    assert set(play(None, None, 700).tolist()[:320]) == {0}


def test_a_lost_frame_repeats_the_last_one_and_fades() -> None:
    heard = play(9000, None, None, None, None, None)
    assert heard[159] == 9000
    assert heard[160] == 9000
    assert abs(int(heard[319]) - 6000) < 30
    assert abs(int(heard[479]) - 3000) < 30
    assert abs(int(heard[639])) < 30
    assert set(heard[640:].tolist()) == {0}
    assert (np.diff(heard[160:640].astype(int)) <= 0).all()


def test_the_shape_of_the_last_frame_is_repeated() -> None:
    shape = (8000 * np.sin(2 * np.pi * np.arange(FRAME) / 20)).astype(np.int16)
    heard = play(shape, None)
    correlation = np.corrcoef(shape, heard[FRAME:])[0, 1]
    assert correlation > 0.97


def test_sound_that_comes_back_soon_is_faded_in_without_a_step() -> None:
    heard = play(9000, None, 9000).astype(int)
    assert np.abs(np.diff(heard)).max() < 200
    assert heard[-1] == 9000


def test_sound_that_comes_back_late_is_exact() -> None:
    heard = play(9000, None, None, None, None, 5000)
    assert set(heard[-160:].tolist()) == {5000}


def test_a_half_lost_frame_keeps_its_good_half() -> None:
    half = np.full(FRAME, 9000, dtype=np.int16)
    half[80:] = MISSING
    heard = play(9000, half, 9000)
    assert set(heard[160:240].tolist()) == {9000}
    assert 5900 < heard[319] < 7600
    assert heard[320] == 9000


def test_a_half_lost_frame_after_silence_has_no_mark_in_it() -> None:
    half = np.full(FRAME, MISSING, dtype=np.int16)
    half[100:] = 40
    heard = play(None, half)
    assert heard[160:].tolist() == [0] * 100 + [40] * 60


def test_legs_are_concealed_independently() -> None:
    concealment = Concealment(3)
    rows = np.zeros((3, FRAME), dtype=np.int16)
    due = np.full((3, FRAME), 1000, dtype=np.int16)
    concealment.play(rows, due, np.array([True, True, True]))
    due = np.full((3, FRAME), 2000, dtype=np.int16)
    due[1] = MISSING
    concealment.play(rows, due, np.array([True, False, True]))
    assert rows[0].tolist() == [2000] * FRAME
    assert rows[1, 0] == 1000
    assert rows[2].tolist() == [2000] * FRAME
    concealment.reset(1)
    due[1] = MISSING
    concealment.play(rows, due, np.array([True, False, True]))
    assert set(rows[1].tolist()) == {0}
