"""The opinion score of a call, against figures of ITU-T G.107 and G.113."""

from __future__ import annotations

import pytest

from runtime.decisions.quality import loss_of, mos_of, opinion, rating
from runtime.media.port import LegStatistics


@pytest.mark.parametrize(
    ("r", "mos"), [(0, 1.0), (50, 2.58), (60, 3.1), (70, 3.6), (80, 4.03), (90, 4.34), (100, 4.5)]
)
def test_ratings_become_scores_as_in_annex_b(r: float, mos: float) -> None:
    assert opinion(r) == pytest.approx(mos, abs=0.01)


def test_a_clean_near_call_is_as_good_as_telephones_get() -> None:
    assert mos_of(LegStatistics(packets_received=1_000, jitter_ms=0.5, round_trip_ms=10)) == 4.39


@pytest.mark.parametrize(("loss", "r"), [(0.0, 93.2), (0.01, 89.6), (0.05, 77.4), (0.2, 51.1)])
def test_loss_costs_what_g113_says(loss: float, r: float) -> None:
    assert rating(loss, 0.0) == pytest.approx(r, abs=0.1)


def test_delay_hurts_little_at_first_and_much_beyond_177_ms() -> None:
    assert rating(0.0, 100) == pytest.approx(90.8)
    assert rating(0.0, 150) - rating(0.0, 170) < 0.5
    assert rating(0.0, 300) - rating(0.0, 400) > 13


def test_late_packets_are_as_good_as_lost() -> None:
    assert loss_of(LegStatistics(packets_received=95, packets_lost=5, packets_late=5)) == 0.1
    assert loss_of(LegStatistics(packets_received=1, packets_late=9)) == 1.0


def test_there_is_no_score_without_a_packet() -> None:
    assert mos_of(LegStatistics(packets_sent=500)) is None


def test_the_score_never_leaves_its_scale() -> None:
    worst = LegStatistics(
        packets_received=1, packets_lost=10**6, jitter_ms=8_000, round_trip_ms=60_000
    )
    assert mos_of(worst) == 1.0
