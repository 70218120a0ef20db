"""Which key presses a script hears."""

from __future__ import annotations

import itertools

import pytest

from runtime.decisions.tones import ToneGate, Way


def gate(kinds: int = 0) -> ToneGate:
    made = ToneGate()
    made.handle(True, kinds)
    return made


def test_nothing_is_heard_until_tones_are_handled() -> None:
    silent = ToneGate()
    assert not silent.wants_rfc4733
    assert not silent.admit("5", Way.RFC4733, 0.0)
    silent.handle(True, 0)
    assert silent.wants_rfc4733
    assert silent.admit("5", Way.RFC4733, 0.0)
    silent.handle(False, 0)
    assert not silent.admit("5", Way.RFC4733, 1.0)


@pytest.mark.parametrize(
    ("kinds", "rfc", "in_band", "info"),
    [
        (0, True, True, True),
        (1, True, False, False),
        (2, False, True, False),
        (3, False, False, True),
    ],
)
def test_only_the_asked_kinds_are_heard(kinds: int, rfc: bool, in_band: bool, info: bool) -> None:
    assert gate(kinds).wants_rfc4733 is rfc
    assert gate(kinds).wants_in_band is in_band
    assert gate(kinds).admit("1", Way.IN_BAND, 0.0) is in_band
    assert gate(kinds).admit("1", Way.RFC4733, 0.0) is rfc
    assert gate(kinds).admit("1", Way.SIP_INFO, 0.0) is info


@pytest.mark.parametrize("ways", [(Way.RFC4733, Way.SIP_INFO), (Way.SIP_INFO, Way.RFC4733)])
def test_a_press_that_is_reported_both_ways_is_heard_once(ways: tuple[Way, Way]) -> None:
    both = gate()
    heard = [both.admit("5", way, at) for at in (0.0, 0.6, 1.2) for way in ways]
    assert heard == [True, False] * 3


def test_the_same_key_twice_is_two_presses() -> None:
    twice = gate()
    assert [twice.admit("5", Way.RFC4733, at) for at in (0.0, 0.1, 0.2)] == [True] * 3


def test_what_is_no_key_is_nothing() -> None:
    assert not gate().admit("x", Way.SIP_INFO, 0.0)
    assert not gate().admit("", Way.SIP_INFO, 0.0)


def test_fast_presses_are_paired_although_their_reports_overtake_each_other() -> None:
    both = gate()
    reports = [(tone, Way.RFC4733) for tone in "5665"] + [(tone, Way.SIP_INFO) for tone in "5665"]
    heard = [tone for n, (tone, way) in enumerate(reports) if both.admit(tone, way, n * 0.05)]
    assert heard == list("5665")


def test_who_has_sent_rfc4733_once_is_not_listened_to_for_tones_any_more() -> None:
    both = gate()
    assert both.wants_in_band
    assert both.admit("5", Way.RFC4733, 0.0)
    assert not both.wants_in_band
    assert not both.admit("5", Way.IN_BAND, 0.1)
    assert not both.admit("6", Way.IN_BAND, 60.0)
    both.handle(True, 0)
    assert not both.wants_in_band


def test_who_asked_for_tones_in_the_audio_alone_gets_them_beside_rfc4733() -> None:
    alone = gate(2)
    assert not alone.admit("5", Way.RFC4733, 0.0)
    assert alone.wants_in_band
    assert alone.admit("5", Way.IN_BAND, 0.1)


@pytest.mark.parametrize(
    "ways",
    list(itertools.permutations([Way.RFC4733, Way.IN_BAND, Way.SIP_INFO])),
)
def test_a_press_that_is_reported_in_three_ways_is_heard_once(ways: tuple[Way, ...]) -> None:
    every = gate()
    assert [every.admit("5", way, n * 0.05) for n, way in enumerate(ways)].count(True) == 1


def test_a_long_press_is_one_although_its_info_came_when_it_began() -> None:
    every = gate()
    assert every.admit("5", Way.SIP_INFO, 10.0)
    assert not every.admit("5", Way.IN_BAND, 13.0, duration_s=2.9)
    assert every.admit("5", Way.SIP_INFO, 14.0)
