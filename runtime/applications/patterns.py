"""Patterns of uploaded rules: RE2 matches them in time linear in the number, whatever they say.

The operator's own rules are Python's regular expressions (session/rules.py). Tenants' patterns meet
strangers' numbers in the core, where a pattern such as `(a|a)*b` would stop every call.
"""

from __future__ import annotations

from typing import Final

import re2

from runtime.decisions.patterns import MAX_PATTERN

MAX_PROGRAM: Final = 5_000
"""Instructions of a compiled pattern: a number of 128 characters takes well under a millisecond."""
MAX_MEMORY: Final = 256 * 1024
"""Bytes that RE2 may use for one pattern, its cache included."""


class LinearPattern:
    """`fullmatch` as Python's patterns have it. Raises ValueError, saying what to change."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_PATTERN:
            raise ValueError(
                f"has {len(text)} characters, the limit is {MAX_PATTERN}; split it into several"
            )
        options = re2.Options()
        options.max_mem = MAX_MEMORY
        options.log_errors = False
        try:
            self._compiled = re2.compile(text, options)
        except re2.error as exc:
            why = exc.args[0]
            why = why.decode("utf-8", "replace") if isinstance(why, bytes) else str(why)
            raise ValueError(
                f"{text!r} is no pattern here ({why}); look-around and back-references do not exist"
            ) from None
        if self._compiled.programsize > MAX_PROGRAM:
            raise ValueError(f"{text!r} is too large; repeat less, or split it into several rules")

    def fullmatch(self, text: str, /) -> object:
        try:
            return self._compiled.fullmatch(text)
        except UnicodeEncodeError:  # half a character, from a stranger: no rule means that
            return None
