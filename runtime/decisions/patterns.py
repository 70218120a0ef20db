"""Regular expressions that operators write and strangers' numbers meet. Pure.

The rule: what is accepted takes a time that is bounded for every number. Patterns are short,
numbers are short, and a repetition inside a repetition, which may take exponential time, is
refused.
"""

from __future__ import annotations

import re
from typing import Any, Final

MAX_PATTERN: Final = 500
"""Longer than a list of fifty numbers; such lists want several rules."""
MAX_SUBJECT: Final = 128
"""What a pattern is tried on: E.164 has 15 digits, names of conferences some more."""


def number_pattern(text: str) -> re.Pattern[str]:
    """The compiled pattern; ValueError says what is wrong with it and what to do."""
    if len(text) > MAX_PATTERN:
        raise ValueError(
            f"its pattern has {len(text)} characters, the limit is {MAX_PATTERN}; split it into "
            "several rules"
        )
    try:
        pattern = re.compile(text)
        nested = _repeats_repetition(re._parser.parse(text))  # type: ignore[attr-defined]
    except (re.error, RecursionError, OverflowError) as exc:
        raise ValueError(f"{text!r} is not a regular expression: {exc}") from exc
    if nested:
        raise ValueError(
            f"{text!r} repeats something that repeats, which some numbers would keep busy for "
            "ever; write it without a + or * inside another one"
        )
    return pattern


def _repeats_repetition(parsed: Any, inside: bool = False) -> bool:
    """Whether an unbounded repetition stands inside another one ((a+)+ takes exponential time)."""
    for op, argument in parsed:
        name = str(op)
        if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            _, most, body = argument
            many = most > MAX_SUBJECT
            if (many and inside) or _repeats_repetition(body, inside or most > 1):
                return True
        elif any(_repeats_repetition(part, inside) for part in _parts(name, argument)):
            return True
    return False


def _parts(name: str, argument: Any) -> list[Any]:
    if name == "BRANCH":
        return list(argument[1])
    if name == "SUBPATTERN":
        return [argument[-1]]
    if name in ("ASSERT", "ASSERT_NOT"):
        return [argument[1]]
    if name == "ATOMIC_GROUP":
        return [argument]
    if name == "GROUPREF_EXISTS":
        return [part for part in argument[1:] if part is not None]
    return []
