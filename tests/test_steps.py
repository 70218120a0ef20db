"""The counters that stand where other tests would have a clock."""

from __future__ import annotations

import re
from functools import partial
from types import ModuleType

import pytest

from tests.steps import Steps, instructions


def counted(monkeypatch: pytest.MonkeyPatch, pattern: str) -> tuple[Steps, ModuleType]:
    module = ModuleType("with_a_pattern")
    module.__dict__["PATTERN"] = re.compile(pattern)
    return Steps(monkeypatch, module), module


@pytest.mark.parametrize(
    ("pattern", "piece", "growth"),
    [
        ("ab", "a", 10),
        (r"x*:", "x", 100),
        (r"(?<!x)x*+:", "x", 10),
        (r"(?:x|y)*:", "xy", 100),
        (r"<.*?>", "<", 100),
        (r"<(?!x{1,7};)", "<x", 10),
        (r"(?>x{2,3})[^x]|^y", "xxy", 10),
    ],
)
def test_going_back_shows_in_the_steps(
    pattern: str, piece: str, growth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, module = counted(monkeypatch, pattern)
    few, many = (steps.of(partial(module.PATTERN.sub, "", piece * n)) for n in (20, 200))
    assert growth * 0.8 < many / few < growth * 1.2


def test_instructions_are_those_of_everything_that_is_called() -> None:
    def work(rounds: int) -> int:
        return sum(each for each in range(rounds))

    few, many = (instructions(partial(work, n)) for n in (10, 1_010))
    assert instructions(partial(work, 10)) == few
    assert many - few >= 1_000
