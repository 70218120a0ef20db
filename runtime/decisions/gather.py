"""Digit collection: what `Call.gather` does with prompt, digits and silence. [worker]

Rules: digits before the prompt is over stop it (barge-in) or are not taken (without barge-in). The
first digit has `timeout_s` from the end of the prompt, each further one `inter_digit_s` from the
digit before. The finish key ends and is not part of the digits; so does the last digit allowed.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

import attrs

MAX_DIGITS: Final = 256
"""Longer than any card, account or telephone number; bounds what is kept."""
KEYS: Final = frozenset("0123456789*#ABCD")


class Reason(Enum):
    MAX_DIGITS = auto()
    FINISH_KEY = auto()
    TIMEOUT = auto()
    CALL_ENDED = auto()


@attrs.frozen(kw_only=True)
class Plan:
    """What to collect. Times in seconds."""

    max_digits: int = MAX_DIGITS
    finish_on: str = "#"
    """Keys that end the collection; empty for none."""
    timeout_s: float = 5.0
    inter_digit_s: float = 5.0
    barge_in: bool = True


@attrs.frozen
class StopPrompt:
    """The caller pressed a key: end the prompt."""


@attrs.frozen
class Done:
    """The collection is over; nothing follows."""

    digits: str
    reason: Reason


Action = StopPrompt | Done


class Gather:
    """One collection. Feed it digits and times; `next_timeout` says when to call `on_time`."""

    def __init__(self, plan: Plan, now: float, *, prompting: bool) -> None:
        self._plan = plan
        self._digits = ""
        self._prompting = prompting
        self._done = False
        self._deadline = None if prompting else now + plan.timeout_s

    def next_timeout(self) -> float | None:
        return None if self._done else self._deadline

    def on_digit(self, key: str, now: float) -> list[Action]:
        if self._done or key not in KEYS:
            return []
        if not self._prompting:
            return self._take(key, now)
        if not self._plan.barge_in:
            return []
        self._prompting = False
        return [StopPrompt(), *self._take(key, now)]

    def on_prompt_over(self, now: float) -> list[Action]:
        if self._prompting:
            self._prompting = False
            self._deadline = now + self._plan.timeout_s
        return []

    def on_call_ended(self) -> list[Action]:
        return self._finish(Reason.CALL_ENDED)

    def on_time(self, now: float) -> list[Action]:
        if self._deadline is None or now < self._deadline:
            return []
        return self._finish(Reason.TIMEOUT)

    def _take(self, key: str, now: float) -> list[Action]:
        if key in self._plan.finish_on:
            return self._finish(Reason.FINISH_KEY)
        self._digits += key
        if len(self._digits) >= self._plan.max_digits:
            return self._finish(Reason.MAX_DIGITS)
        self._deadline = now + self._plan.inter_digit_s
        return []

    def _finish(self, reason: Reason) -> list[Action]:
        if self._done:
            return []
        self._done = True
        return [Done(self._digits, reason)]
