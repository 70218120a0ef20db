"""Ringback cadences."""

from __future__ import annotations

from runtime.decisions.progress_tones import progress_tone, unknown_country


def test_the_russian_ringback_has_the_five_second_cycle_of_the_reference() -> None:
    tone = progress_tone("RU")
    assert tone is not None
    assert tone.duration_ms == 5_000
    assert tone.loop


def test_countries_are_known_by_either_name_and_any_case() -> None:
    assert progress_tone("us") is progress_tone("US")
    assert progress_tone("GB") is progress_tone("UK")


def test_an_unknown_country_is_told_the_known_ones() -> None:
    assert progress_tone("XX") is None
    assert "US" in unknown_country("XX")
