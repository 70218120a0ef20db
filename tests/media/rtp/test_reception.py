"""Order, loss, duplicates and jitter of one leg, sequence number by sequence number."""

from __future__ import annotations

import numpy as np
import pytest

from runtime.media.rtp.reception import Reception


def judge(reception: Reception, *sequences: int, ssrc: int = 7, leg: int = 0) -> str:
    """One letter per packet: f(resh), d(uplicate), s(uspect); capital = newest or restarted."""
    letters = ""
    for sequence in sequences:
        judged = reception.judge(np.array([leg]), np.array([sequence & 0xFFFF]), np.array([ssrc]))
        letter = "f" if judged.fresh[0] else "d" if judged.duplicate[0] else "s"
        letters += letter.upper() if judged.newest[0] else letter
    return letters


def test_packets_in_order_are_fresh_and_none_is_lost() -> None:
    reception = Reception(1)
    assert judge(reception, 5, 6, 7, 8) == "FFFF"
    assert (reception.received[0], reception.lost(0), reception.expected(0)) == (4, 0, 4)


def test_sequence_numbers_wrap_without_loss() -> None:
    reception = Reception(1)
    assert judge(reception, 65534, 65535, 0, 1) == "FFFF"
    assert reception.lost(0) == 0
    assert reception.extended_highest(0) == 2 * 65536 + 1


def test_missing_packets_are_lost_until_they_come() -> None:
    reception = Reception(1)
    assert judge(reception, 1, 2, 5) == "FFF"
    assert reception.lost(0) == 2
    assert judge(reception, 3) == "f"
    assert reception.lost(0) == 1


def test_duplicates_are_told_from_reordered_packets() -> None:
    reception = Reception(1)
    assert judge(reception, 1, 2, 2, 4, 3, 3, 1, 4) == "FFdFfddd"
    assert (reception.received[0], reception.duplicates[0], reception.lost(0)) == (4, 4, 0)


def test_reordering_works_across_the_wrap() -> None:
    reception = Reception(1)
    assert judge(reception, 65534, 0, 65535, 1, 65535) == "FFfFd"


def test_packets_from_before_the_first_one_do_not_make_loss_negative() -> None:
    reception = Reception(1)
    assert judge(reception, 10, 9, 8, 11) == "FffF"
    assert (reception.lost(0), reception.expected(0)) == (0, 4)


def test_a_window_of_64_packets_tells_duplicates() -> None:
    reception = Reception(1)
    judge(reception, *range(100, 200))
    assert judge(reception, 199 - 63, 199 - 64) == "ds"


def test_a_step_over_the_whole_window_forgets_it() -> None:
    reception = Reception(1)
    assert judge(reception, 1, 200, 199, 150, 137) == "FFfff"
    assert judge(reception, 199, 150, 137) == "ddd"


def test_a_jump_is_believed_when_the_next_packet_confirms_it() -> None:
    reception = Reception(1)
    assert judge(reception, 1, 2, 30000, 3, 4) == "FFsFF"
    assert judge(reception, 40000, 40001, 40002) == "sFF"
    # One packet of the new numbering was not believed, so it was neither received nor expected.
    assert (reception.received[0], reception.lost(0)) == (6, 0)


def test_another_ssrc_starts_anew_and_keeps_the_loss_of_the_old_stream() -> None:
    reception = Reception(1)
    judge(reception, 1, 2, 5, ssrc=7)
    assert judge(reception, 60000, 60002, ssrc=8) == "FF"
    assert reception.lost(0) == 3
    assert reception.expected(0) == 3


def test_legs_do_not_disturb_each_other() -> None:
    reception = Reception(3)
    legs = np.array([0, 2])
    for n in range(3):
        judged = reception.judge(legs, np.array([n, 100 - n]), np.array([1, 2]))
        assert judged.fresh.all()
    assert reception.received.tolist() == [3, 0, 3]
    reception.reset(0)
    assert reception.received.tolist() == [0, 0, 3]
    assert reception.expected(0) == 0


def test_jitter_is_the_running_mean_of_rfc_3550() -> None:
    reception = Reception(1)
    leg = np.array([0])
    expected, before = 0.0, 0
    for n, late in enumerate([0, 0, 40, 0, 80, 80, 16]):
        gap = reception.arrived(leg, np.array([(5000 + 160 * n + late) / 8000]))
        reception.time(leg, np.array([160]), gap)
        expected += (abs(late - before) - expected) / 16
        before = late
    assert reception.jitter[0] == pytest.approx(expected)


def test_followed_packets_have_the_same_jitter_as_judged_ones() -> None:
    judged, followed = Reception(1), Reception(1)
    leg = np.array([0])
    for n, late in enumerate([0, 0, 40, 0, 80, 80, 16]):
        now = np.array([(5000 + 160 * n + late) / 8000])
        judge(judged, n)
        judged.time(leg, np.array([160]), judged.arrived(leg, now))
        if n == 0:
            judge(followed, n)
            followed.time(leg, np.array([160]), followed.arrived(leg, now))
        else:
            followed.follow(leg, now, 160)
    assert followed.jitter[0] == pytest.approx(judged.jitter[0])
    assert followed.max_gap[0] == pytest.approx(judged.max_gap[0])
    assert followed.received.tolist() == judged.received.tolist()
    assert (followed.lost(0), followed.expected(0)) == (0, 7)


def test_duplicates_of_followed_packets_are_known() -> None:
    reception = Reception(1)
    judge(reception, 100, 102)
    for _ in range(10):
        reception.follow(np.array([0]), np.array([1.0]), 160)
    assert judge(reception, 112, 105, 102, 101, 101, 100, 113) == "dddfddF"
    for _ in range(100):
        reception.follow(np.array([0]), np.array([1.0]), 160)
    assert judge(reception, 213 - 63, 213, 214) == "ddF"


def test_a_jump_of_the_senders_clock_is_not_jitter() -> None:
    reception = Reception(1)
    leg = np.array([0])
    for n, step in enumerate((0, 160, 900_000_000, 160)):
        gap = reception.arrived(leg, np.array([n * 0.02]))
        reception.time(leg, np.array([step]), gap)
    assert reception.jitter[0] < 1


def test_time_between_audio_and_other_packets_is_not_jitter() -> None:
    reception = Reception(1)
    leg = np.array([0])
    reception.time(leg, np.array([0]), reception.arrived(leg, np.array([1.0])))
    for now in (1.02, 1.04, 1.06):
        reception.arrived(leg, np.array([now]))
        reception.untimed(leg)
    reception.time(leg, np.array([640]), reception.arrived(leg, np.array([1.08])))
    assert reception.jitter[0] == 0


def test_the_longest_gap_is_remembered() -> None:
    reception = Reception(1)
    for now in (1.0, 1.02, 1.34, 1.36):
        reception.arrived(np.array([0]), np.array([now]))
    assert reception.max_gap[0] == pytest.approx(0.32)
