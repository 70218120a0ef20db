"""Ears keep intervals; what is replaced in the same instant was never heard."""

from __future__ import annotations

import re

import pytest

from runtime.testing.hearing import Audio, Ear, Heard, speech_seconds, transcript


def prompt(what: str) -> Audio:
    return Audio(what=what, kind="speech", source="player 1")


def spans(ear: Ear) -> list[tuple[str, float, float | None]]:
    return [(one.what, one.start, one.end) for one in ear.heard]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("No.", 0.4),
        ("a" * 15, 1.0),
        ("a" * 36, 2.4),
        ("<speak>aaaaa<break time='3s'/>aaaaaaaaa</speak>", 1.0),
        ("  aaaaaaa \n\n aaaaaaa ", 1.0),
    ],
)
def test_speech_takes_fifteen_characters_a_second(text: str, seconds: float) -> None:
    assert speech_seconds(text) == seconds


def test_an_interval_lasts_from_the_first_to_the_last_sound() -> None:
    ear = Ear()
    welcome = prompt("welcome")
    assert ear.hear([welcome], 1.0)
    assert not ear.hear([welcome], 2.0)
    assert ear.hear([], 3.0)
    assert spans(ear) == [("welcome", 1.0, 3.0)]


def test_equal_prompts_are_two_intervals() -> None:
    ear = Ear()
    ear.hear([prompt("again")], 0.0)
    ear.hear([prompt("again")], 1.0)
    assert spans(ear) == [("again", 0.0, 1.0), ("again", 1.0, None)]


def test_what_is_replaced_at_once_was_never_heard() -> None:
    ear = Ear()
    ear.hear([prompt("first")], 1.0)
    ear.hear([prompt("second")], 1.0)
    assert spans(ear) == [("second", 1.0, None)]


def test_a_mix_is_heard_as_overlapping_intervals() -> None:
    ear = Ear()
    ann, bob = prompt("ann"), prompt("bob")
    ear.hear([ann], 0.0)
    ear.hear([ann, bob], 1.0)
    ear.hear([bob], 2.0)
    ear.hear([], 3.0)
    assert spans(ear) == [("ann", 0.0, 2.0), ("bob", 1.0, 3.0)]


def test_since_gives_what_began_later() -> None:
    ear = Ear()
    ear.hear([prompt("one")], 0.0)
    ear.hear([prompt("never")], 1.0)
    ear.hear([prompt("two")], 1.0)
    assert [one.what for one in ear.since(0)] == ["one", "two"]
    assert [one.what for one in ear.since(ear.heard[0].number)] == ["two"]
    assert ear.since(99) == []


@pytest.mark.parametrize("wanted", ["press 1", "PRESS", re.compile(r"press \d")])
def test_a_part_in_any_case_or_a_pattern_matches(wanted: str | re.Pattern[str]) -> None:
    one = Heard(number=1, what="Hello, press 1", kind="speech", source="player 1", start=0, end=1.5)
    assert one.matches(wanted)
    assert not one.matches("press 2")
    assert one.seconds == 1.5


def test_a_transcript_is_a_table() -> None:
    ear = Ear()
    ear.hear([prompt("hi")], 0.0)
    assert transcript(ear.heard) == "    0.00 -      now  speech  hi"
    assert transcript([]) == "(silence)"
