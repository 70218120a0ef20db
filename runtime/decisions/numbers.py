"""How telephone numbers are rewritten between a trunk's habits and ours (E.164). Pure.

A trunk has one list of rules for what it sends and one for what it gets. The first rule that fits a
number rewrites it, the others are not looked at; a number that none fits stays as it is. What is no
number (a user name, an extension with letters) is never touched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal

import attrs

from runtime.decisions.patterns import MAX_SUBJECT, number_pattern

MAX_RULES: Final = 32
"""Of one list; whoever needs more is writing a routing table."""
MAX_PART: Final = 64
"""Characters of what is stripped, added or put in place: two numbers."""

_NUMBER: Final = re.compile(r"\+?[0-9*#]{1,32}")
"""E.164 has at most 15 digits; service codes and prefixes need a little more."""
_VISUAL: Final = str.maketrans("", "", " -.()/")
"""Separators that people write into numbers (RFC 3966 5.1.1, and the slash)."""

Of = Literal["both", "called", "caller"]


def dialled_number(text: str) -> str | None:
    """The digits to dial, without visual separators; None when this is no telephone number."""
    number = text.translate(_VISUAL)
    return number if _NUMBER.fullmatch(number) else None


def _short(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    if len(value) > MAX_PART:
        raise ValueError(f"has {len(value)} characters, the limit is {MAX_PART}")


def _pattern(_: object, __: attrs.Attribute[str], value: str) -> None:
    if value:
        number_pattern(value)


@attrs.frozen(kw_only=True)
class NumberRule:
    """Either `strip` and `add` at the front, or `match` (the whole number) and `replace`."""

    of: Of = "both"
    """Which number: the one that is called, the caller's, or each."""
    strip: str = attrs.field(default="", validator=_short)
    """The number must begin with it, and loses it; empty fits every number."""
    add: str = attrs.field(default="", validator=_short)
    match: str = attrs.field(default="", validator=_pattern)
    replace: str = attrs.field(default="", validator=_short)
    r"""What takes the place of a match; \1 to \9 are its groups."""

    def fault(self) -> str | None:
        """What is wrong with the rule as a whole."""
        if self.match and (self.strip or self.add):
            return "write strip and add, or match and replace, not both"
        if self.replace and not self.match:
            return "replace needs a match"
        if not (self.match or self.strip or self.add):
            return "does nothing: write strip, add or match"
        if self.match:
            try:
                re.compile(self.match).sub(self.replace, "")
            except (re.error, IndexError) as exc:
                return f"replace {self.replace!r} does not fit its match: {exc}"
        return None

    def applied(self, number: str) -> str | None:
        """The number rewritten; None when the rule does not fit it."""
        if self.match:
            found = re.compile(self.match).fullmatch(number)
            return None if found is None else found.expand(self.replace)
        if not number.startswith(self.strip):
            return None
        return self.add + number[len(self.strip) :]

    def __str__(self) -> str:
        if self.match:
            return f"{self.match} becomes {self.replace or 'nothing'}"
        return f"{self.strip or 'nothing'} at the front becomes {self.add or 'nothing'}"


@attrs.frozen(kw_only=True)
class Rewritten:
    """A number, and the rule that made it."""

    number: str
    rule: NumberRule | None = None


def rewrite(number: str, rules: Iterable[NumberRule], of: Of) -> Rewritten:
    """Apply the first rule that fits."""
    digits = dialled_number(number) if len(number) <= MAX_SUBJECT else None
    if digits is None:
        return Rewritten(number=number)
    for rule in rules:
        if rule.of in ("both", of):
            changed = rule.applied(digits)
            if changed is not None:
                return Rewritten(number=changed, rule=rule)
    return Rewritten(number=digits)
