"""What the embedded recogniser can have of what a script wants."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.decisions.hints import (
    MAX_WORDS,
    HintsRefused,
    Phrase,
    grammar_of,
    phrases_wanted,
    unknown_words,
    wants_embedded,
    wishes_of,
)


def texts(*hints: object, **more: object) -> list[tuple[str, tuple[str, ...]]]:
    wanted = phrases_wanted({"phraseHints": list(hints), **more})
    return [(phrase.text, phrase.words) for phrase in wanted]


def test_phrases_sound_alike_whatever_their_case_and_punctuation() -> None:
    typeset = "I don\N{RIGHT SINGLE QUOTATION MARK}t"
    assert texts("Sales", "Customer-Service!", "sales.", typeset) == [
        ("Sales", ("sales",)),
        ("Customer-Service!", ("customer", "service")),
        (typeset, ("i", "don't")),
    ]


@pytest.mark.parametrize("language", ["en", "en-GB", "en_US", "EN-us"])
def test_any_english_will_do(language: str) -> None:
    assert texts("yes", language=language) == texts("yes", profile=f"offline:{language}")


def test_the_language_comes_before_the_profile() -> None:
    assert texts("yes", language="en", profile="de-DE") == [("yes", ("yes",))]


@pytest.mark.parametrize("hint", ["2", "", "...", "größe", "a; b | c", "<rule>", "yes\0", "x" * 50])
def test_what_is_no_word_is_told_with_the_hint_that_has_it(hint: str) -> None:
    with pytest.raises(HintsRefused, match="cannot be recognised"):
        texts("yes", hint)


def test_long_phrases_are_refused() -> None:
    with pytest.raises(HintsRefused, match="more than 10 words"):
        texts("word " * (MAX_WORDS + 1))


def test_unknown_words_are_told_once_each() -> None:
    phrases = phrases_wanted({"phraseHints": ["big zorgle", "zorgle", "small kraal"]})
    assert unknown_words(phrases, {"big", "small"}.__contains__) == ["zorgle", "kraal"]


def test_the_grammar_is_one_of_the_phrases() -> None:
    grammar = grammar_of([Phrase("Yes", ("yes",)), Phrase("Not now", ("not", "now"))])
    assert grammar.splitlines()[-1] == "public <hint> = yes | not now;"


@given(st.lists(st.text(max_size=30), min_size=1, max_size=5))
def test_nothing_but_words_gets_into_the_grammar(hints: list[str]) -> None:
    try:
        phrases = phrases_wanted({"phraseHints": hints})
    except HintsRefused:
        return
    choices = grammar_of(phrases).splitlines()[-1].partition(" = ")[2]
    assert set(choices) <= set("abcdefghijklmnopqrstuvwxyz' |;")
    assert choices.count("|") == len(phrases) - 1


@pytest.mark.parametrize("text", ["", "[]", "5", "{", "null", "[" * 5000])
def test_wishes_that_are_no_object_are_none(text: str) -> None:
    assert wishes_of(text) == {}


def test_a_profile_chooses_the_embedded_recogniser() -> None:
    assert wants_embedded({"profile": "offline:en-US"})
    assert not wants_embedded({"profile": "en-US"})
    assert not wants_embedded({})
