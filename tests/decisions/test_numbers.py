"""Numbers between a trunk's habits and ours."""

from __future__ import annotations

import pytest

from runtime.decisions.numbers import NumberRule, dialled_number, rewrite
from runtime.decisions.patterns import number_pattern

BRITISH = (
    NumberRule(strip="00", add="+"),
    NumberRule(strip="0", add="+44"),
    NumberRule(match=r"(44[0-9]{10})", replace=r"+\1"),
)


@pytest.mark.parametrize(
    ("number", "becomes"),
    [
        ("0033123456789", "+33123456789"),
        ("02079460000", "+442079460000"),
        ("020 7946-0000", "+442079460000"),
        ("442079460000", "+442079460000"),
        ("+442079460000", "+442079460000"),
        ("112", "112"),
        ("reception", "reception"),
        ("0abc", "0abc"),
        ("0" * 200, "0" * 200),
        ("", ""),
    ],
)
def test_the_first_rule_that_fits_makes_the_number_international(number: str, becomes: str) -> None:
    assert rewrite(number, BRITISH, "called").number == becomes


def test_a_rule_for_callers_leaves_the_called_number_alone() -> None:
    rules = (NumberRule(of="caller", strip="0", add="+44"),)
    assert rewrite("0207", rules, "called").number == "0207"
    assert rewrite("0207", rules, "caller").number == "+44207"


def test_what_was_rewritten_says_by_which_rule() -> None:
    assert str(rewrite("0207", BRITISH, "called").rule) == "0 at the front becomes +44"
    assert rewrite("112", BRITISH, "called").rule is None


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        (NumberRule(), "does nothing"),
        (NumberRule(match="1", add="+"), "not both"),
        (NumberRule(replace="1"), "needs a match"),
        (NumberRule(match="(1)", replace=r"\2"), "does not fit its match"),
        (NumberRule(strip="0"), None),
    ],
)
def test_a_rule_that_makes_no_sense_says_so(rule: NumberRule, fault: str | None) -> None:
    assert (rule.fault() is None) if fault is None else (fault in str(rule.fault()))


@pytest.mark.parametrize("text", ["(a+)+", "(", "x" * 501])
def test_patterns_that_could_take_for_ever_or_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        number_pattern(text)


def test_visual_separators_are_no_part_of_a_number() -> None:
    assert dialled_number("+44 (20) 7946-0000") == "+442079460000"
    assert dialled_number("bob") is None
