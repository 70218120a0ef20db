"""What a piece of work costs, counted and not timed: the same on every machine.

`instructions` counts what Python itself runs, without what C code does inside of one. `Steps`
counts what regular expressions look at: it matches in the open, and sees that it finds the same.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from types import FrameType, ModuleType
from typing import Any, Final

import pytest

NO: Final = -1
DEEP: Final = 50_000
"""A matcher calls the next one for each round of a repetition."""

Rest = Callable[[int], int]
"""Matches what comes after a position: where that ends, or NO."""
Matcher = Callable[[int, Rest], int]


def instructions(work: Callable[[], object]) -> int:
    """How many instructions of the interpreter the work takes."""
    count = 0

    def traced(frame: FrameType, what: str, _: object) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        count += what == "opcode"
        return traced

    before = sys.gettrace()
    sys.settrace(traced)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


class Steps:
    """Counts what all regular expressions of a module do."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, module: ModuleType) -> None:
        self.taken = 0
        for name, value in list(vars(module).items()):
            if isinstance(value, re.Pattern):
                monkeypatch.setattr(module, name, _Counted(value, self))

    def of(self, work: Callable[[], object]) -> int:
        before, limit = self.taken, sys.getrecursionlimit()
        sys.setrecursionlimit(DEEP)
        try:
            work()
        finally:
            sys.setrecursionlimit(limit)
        return self.taken - before


class _Counted:
    """In the place of a pattern: does as it does, and counts."""

    def __init__(self, pattern: re.Pattern[str], steps: Steps) -> None:
        self._pattern, self._steps = pattern, steps
        self._match = _Backtracking(pattern)

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        found = list(self._pattern.finditer(text))
        self._count(text, found, len(text))
        return iter(found)

    def search(self, text: str) -> re.Match[str] | None:
        found = self._pattern.search(text)
        self._count(text, [found] if found else [], found.start() if found else len(text))
        return found

    def sub(self, new: str | Callable[[re.Match[str]], str], text: str) -> str:
        self._count(text, list(self._pattern.finditer(text)), len(text))
        return self._pattern.sub(new, text)

    def _count(self, text: str, found: Sequence[re.Match[str]], last: int) -> None:
        """A search tries each place up to the next match, and goes on after that."""
        ends = {each.start(): each.end() for each in found}
        at = 0
        while at <= last:
            end, steps = self._match.at(text, at)
            assert end == ends.get(at, NO), f"{self._pattern.pattern} at {at} of {text[:80]!r}"
            self._steps.taken += steps
            at = max(end, at + 1)


class _Backtracking:
    """The first way first, and back to the last choice when the rest does not fit."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._compiler = importlib.import_module("re._compiler")
        self._parser = importlib.import_module("re._parser")
        self._tree = self._parser.parse(pattern.pattern, pattern.flags)
        self._text, self._steps = "", 0
        self._whole = self._sequence(self._tree)

    def at(self, text: str, start: int) -> tuple[int, int]:
        """Where a match that starts there ends, or NO; and the steps that took."""
        self._text, self._steps = text, 0
        return self._whole(start, _here), self._steps

    def _sequence(self, tree: Sequence[Any]) -> Matcher:
        first, *others = [self._one(op, argument) for op, argument in tree] or [_nothing]
        for other in others:
            first = _then(first, other)
        return first

    def _one(self, op: object, argument: Any) -> Matcher:
        match str(op), argument:
            case "SUBPATTERN", (_, _, _, inner):
                return self._sequence(inner)
            case "ATOMIC_GROUP", inner:
                return _kept(self._sequence(inner))
            case "BRANCH", (_, ways):
                return _either([self._sequence(way) for way in ways])
            case "MAX_REPEAT", (least, most, inner):
                return _greedy(self._sequence(inner), int(least), int(most))
            case "POSSESSIVE_REPEAT", (least, most, inner):
                return _kept(_greedy(self._sequence(inner), int(least), int(most)))
            case "MIN_REPEAT", (least, most, inner):
                return _lazy(self._sequence(inner), int(least), int(most))
            case ("ASSERT" | "ASSERT_NOT") as kind, (1, inner):
                return _ahead(self._sequence(inner), wanted=kind == "ASSERT")
            case _:
                return self._simple(op, argument)

    def _simple(self, op: object, argument: Any) -> Matcher:
        """One character, or what stands around a place: there is one way only."""
        alone = self._parser.SubPattern(self._tree.state, [(op, argument)])
        real = self._compiler.compile(alone, self._tree.state.flags)

        def matcher(at: int, rest: Rest) -> int:
            self._steps += 1
            found = real.match(self._text, at)
            return rest(found.end()) if found else NO

        return matcher


def _here(at: int) -> int:
    return at


def _nothing(at: int, rest: Rest) -> int:
    return rest(at)


def _then(one: Matcher, other: Matcher) -> Matcher:
    return lambda at, rest: one(at, lambda reached: other(reached, rest))


def _kept(inner: Matcher) -> Matcher:
    """No way but the first is tried."""

    def matcher(at: int, rest: Rest) -> int:
        end = inner(at, _here)
        return NO if end == NO else rest(end)

    return matcher


def _either(ways: Sequence[Matcher]) -> Matcher:
    def matcher(at: int, rest: Rest) -> int:
        for way in ways:
            end = way(at, rest)
            if end != NO:
                return end
        return NO

    return matcher


def _ahead(inner: Matcher, *, wanted: bool) -> Matcher:
    return lambda at, rest: rest(at) if (inner(at, _here) != NO) == wanted else NO


def _greedy(inner: Matcher, least: int, most: int) -> Matcher:
    def rounds(at: int, rest: Rest, done: int) -> int:
        if done < most:
            end = inner(at, lambda to: rounds(to, rest, done + 1) if to > at else NO)
            if end != NO:
                return end
        return rest(at) if done >= least else NO

    return lambda at, rest: rounds(at, rest, 0)


def _lazy(inner: Matcher, least: int, most: int) -> Matcher:
    def rounds(at: int, rest: Rest, done: int) -> int:
        end = rest(at) if done >= least else NO
        if end == NO and done < most:
            end = inner(at, lambda to: rounds(to, rest, done + 1) if to > at else NO)
        return end

    return lambda at, rest: rounds(at, rest, 0)
