"""Key-value pairs: time to live, number, and what has changed."""

from __future__ import annotations

import json

import pytest

from runtime.decisions.storage import (
    MAX_KEY,
    MAX_LISTED,
    Pair,
    Pairs,
    StorageFull,
    TooManyKeys,
    listed,
)


def test_a_pair_lives_until_its_time_and_not_a_second_longer() -> None:
    pairs = Pairs()
    pair = pairs.put("a", "1", 30, now=1000.5, most=10)
    assert pair == Pair("a", "1", 1030)
    assert pairs.get("a", 1029.9) == pair
    assert pairs.get("a", 1030) is None
    assert pairs.remove("a", 1030) is None
    assert len(pairs) == 0


def test_pairs_whose_time_is_over_make_room_for_new_ones() -> None:
    pairs = Pairs()
    pairs.put("a", "1", 10, now=0, most=2)
    pairs.put("b", "1", 100, now=0, most=2)
    with pytest.raises(StorageFull, match="there are 2 pairs already"):
        pairs.put("c", "1", 100, now=9, most=2)
    pairs.put("c", "1", 100, now=10, most=2)
    assert pairs.keys("*", 9, now=10) == ["b", "c"]


def test_what_has_changed_is_kept_for_the_file_once_for_each_key() -> None:
    pairs = Pairs({"old": Pair("old", "1", 99)})
    assert pairs.changes == {}
    pairs.put("a", "1", 10, now=0, most=9)
    pairs.put("a", "2", 10, now=0, most=9)
    pairs.remove("old", now=0)
    pairs.remove("never there", now=0)
    assert pairs.changes == {"a": Pair("a", "2", 10), "old": None}


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*", ["ab", "abc", "aa"]),
        ("a*", ["ab", "abc", "aa"]),
        ("a*a", ["aa"]),
        ("ab*", ["ab", "abc"]),
        ("ab*b", []),
        ("ab", ["ab"]),
        ("", []),
        ("**", []),
    ],
)
def test_one_star_stands_for_any_characters(pattern: str, found: list[str]) -> None:
    pairs = Pairs()
    for key in ("ab", "abc", "aa"):
        pairs.put(key, "", 10, now=0, most=9)
    assert pairs.keys(pattern, 9, now=0) == found
    assert pairs.keys(pattern, 1, now=0) == found[:1]


@pytest.mark.parametrize("letter", ["x", "é"])
def test_a_thousand_keys_fit_into_an_answer(letter: str) -> None:
    keys = [letter * 60 + f"{n}" for n in range(MAX_LISTED)]
    assert json.loads(listed(keys)) == keys


@pytest.mark.parametrize("letter", ["\u4e2d", "\U0001f600", '"'])
def test_keys_that_do_not_fit_are_refused_and_end_nothing(letter: str) -> None:
    keys = [letter * MAX_KEY] * MAX_LISTED
    with pytest.raises(TooManyKeys, match=r"1,000 keys are .* ask for fewer"):
        listed(keys)
