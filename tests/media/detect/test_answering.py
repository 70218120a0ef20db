"""Who answered: tables of when somebody spoke, and what the rules say."""

from __future__ import annotations

import pytest

from runtime.media.detect.answering import AnsweringMachine, Judgement, Rule


def judged(*voice_and_silence_ms: int) -> Judgement:
    """The judgement of a pattern: milliseconds of silence, voice, silence, voice ...; then silence
    for ever."""
    machine = AnsweringMachine()
    frames = [
        number % 2 == 1
        for number, length in enumerate(voice_and_silence_ms)
        for _ in range(length // 20)
    ]
    for voiced in [*frames, *[False] * 400]:
        judgement = machine.hear(voiced)
        if judgement is not None:
            return judgement
    raise AssertionError("no judgement within eight seconds")


@pytest.mark.parametrize(
    ("pattern", "human", "rule"),
    [
        ((500, 400), True, Rule.SHORT_GREETING),
        ((500, 400, 300, 400), True, Rule.SHORT_GREETING),
        ((0, 300, 200, 300, 200, 300), True, Rule.SHORT_GREETING),
        ((2_000, 600), True, Rule.SHORT_GREETING),
        ((300, 1_600), False, Rule.LONG_GREETING),
        ((300, 700, 200, 700, 200, 700), False, Rule.LONG_GREETING),
        ((300, 200, 100, 200, 100, 200, 100, 200), False, Rule.MANY_WORDS),
        ((), False, Rule.INITIAL_SILENCE),
        ((300, 40), False, Rule.INITIAL_SILENCE),
    ],
)
def test_the_rules(pattern: tuple[int, ...], human: bool, rule: Rule) -> None:
    judgement = judged(*pattern)
    assert (judgement.human, judgement.rule) == (human, rule)


def test_a_person_is_known_800_ms_after_the_last_word() -> None:
    assert judged(500, 400).after_ms == 500 + 400 + 800


def test_a_pause_of_one_lost_frame_does_not_make_two_words_of_one() -> None:
    assert judged(500, 200, 20, 200).words == 1


def test_clicks_are_no_words() -> None:
    machine = AnsweringMachine()
    clicks = [machine.hear(n % 20 == 0) for n in range(120)]
    assert clicks == [None] * 120


def test_somebody_who_neither_stops_nor_goes_on_is_undecided_after_five_seconds() -> None:
    judgement = judged(1_900, 200, 700, 200, 700, 200, 700, 20, 700)
    assert judgement.human is None
    assert judgement.rule is Rule.TOO_LONG
    assert judgement.after_ms == 5_000
