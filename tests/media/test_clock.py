"""The schedule of the engine, with times given by hand."""

from __future__ import annotations

import pytest

from runtime.media.clock import FRAME_S, MAX_BEHIND_FRAMES, STEP_S, STEPS, Schedule


def test_steps_come_every_five_milliseconds_on_an_absolute_schedule() -> None:
    schedule = Schedule(100.0)
    steps = [schedule.next(99.0) for _ in range(9)]
    assert [s.number for s in steps] == [0, 1, 2, 3, 0, 1, 2, 3, 0]
    assert [s.deadline for s in steps] == pytest.approx([100 + n * STEP_S for n in range(9)])


def test_lateness_does_not_move_the_schedule() -> None:
    schedule = Schedule(0.0)
    deadlines = [schedule.next(n * STEP_S + 0.004).deadline for n in range(1000)]
    assert deadlines[-1] == pytest.approx(999 * STEP_S)
    assert schedule.skipped_frames == 0


def test_a_short_stall_is_made_up_for_frame_by_frame() -> None:
    schedule = Schedule(0.0)
    late = MAX_BEHIND_FRAMES * FRAME_S + 0.001
    steps = [schedule.next(late) for _ in range(STEPS * MAX_BEHIND_FRAMES)]
    assert all(step.skipped == 0 and step.deadline < late for step in steps)


def test_a_long_stall_is_skipped_in_whole_frames() -> None:
    schedule = Schedule(0.0)
    schedule.next(0.0)
    for _ in range(3):
        schedule.next(0.010)
    first, second = schedule.next(1.005), schedule.next(1.005)
    assert (first.number, first.skipped) == (0, 49)
    assert (second.number, second.skipped) == (1, 0)
    assert [first.deadline, second.deadline] == pytest.approx([1.0, 1.005])
    assert schedule.skipped_frames == 49


def test_a_stall_within_a_frame_is_seen_at_the_next_one() -> None:
    schedule = Schedule(0.0)
    schedule.next(0.0)
    assert [schedule.next(5.0).skipped for _ in range(3)] == [0, 0, 0]
    assert schedule.next(5.0).skipped == 249


def test_days_of_frames_do_not_drift() -> None:
    schedule = Schedule(0.0)
    schedule._count = 4 * 50 * 86_400 * 30
    assert schedule.next(0.0).deadline == pytest.approx(86_400 * 30, abs=1e-6)
