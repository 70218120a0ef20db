"""Collection of digits and speech: what `Call.gather` does with prompt, keys, words and silence.
[worker]

Rules: digits before the prompt is over stop it (barge-in) or are not taken (without barge-in). The
first digit has `timeout_s` from the end of the prompt, each further one `inter_digit_s` from the
digit before. The finish key ends and is not part of the digits; so does the last digit allowed.
Speech is listened to while a digit would be taken, until the first digit: who presses a key does
not mean to speak. A voice stops the prompt as a key does; what it says ends the collection.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

import attrs

MAX_DIGITS: Final = 256
"""Longer than any card, account or telephone number; bounds what is kept."""
MAX_UTTERANCE_S: Final = 60.0
"""From the first sound of a voice to what it said: the longest speech that VoxEngine recognises in
one piece. A recogniser that says nothing by then is not waited for."""
KEYS: Final = frozenset("0123456789*#ABCD")


class Reason(Enum):
    MAX_DIGITS = auto()
    FINISH_KEY = auto()
    SPEECH = auto()
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
    speech: bool = False
    """Words are taken too."""


@attrs.frozen
class StopPrompt:
    """The caller pressed a key or speaks: end the prompt."""


@attrs.frozen
class Done:
    """The collection is over; nothing follows."""

    digits: str
    reason: Reason
    speech: str = ""
    confidence: float = 0.0
    """0 to 100; of the speech."""


Action = StopPrompt | Done


class Gather:
    """One collection. Feed it digits, speech and times; `next_timeout` says when to call `on_time`,
    `listening` whether a recogniser should hear the call."""

    def __init__(self, plan: Plan, now: float, *, prompting: bool) -> None:
        self._plan = plan
        self._digits = ""
        self._prompting = prompting
        self._done = False
        self._speaking = False
        self._deaf = not plan.speech
        self._deadline = None if prompting else now + plan.timeout_s

    def next_timeout(self) -> float | None:
        return None if self._done else self._deadline

    @property
    def listening(self) -> bool:
        """Whether speech would be taken now."""
        held_back = self._prompting and not self._plan.barge_in
        return not (self._done or self._deaf or self._digits or held_back)

    def on_digit(self, key: str, now: float) -> list[Action]:
        if self._done or key not in KEYS:
            return []
        if not self._prompting:
            return self._take(key, now)
        if not self._plan.barge_in:
            return []
        return [*self._stop_prompt(), *self._take(key, now)]

    def on_prompt_over(self, now: float) -> list[Action]:
        if self._prompting:
            self._prompting = False
            self._deadline = now + self._plan.timeout_s
        return []

    def on_voice(self, now: float) -> list[Action]:
        """Somebody begins to speak."""
        if not self.listening or self._speaking:
            return []
        self._speaking = True
        self._deadline = now + MAX_UTTERANCE_S
        return self._stop_prompt()

    def on_speech(self, text: str, confidence: float, now: float) -> list[Action]:
        """What was said; blank when it was nothing after all."""
        if not self.listening:
            return []
        if text.strip():
            return [*self._stop_prompt(), *self._finish(Reason.SPEECH, text.strip(), confidence)]
        self._wait_anew(now)
        return []

    def on_recogniser_lost(self, now: float) -> list[Action]:
        """No speech will come any more; keys still do."""
        self._wait_anew(now)
        self._deaf = True
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

    def _stop_prompt(self) -> list[Action]:
        stop: list[Action] = [StopPrompt()] if self._prompting else []
        self._prompting = False
        return stop

    def _wait_anew(self, now: float) -> None:
        """A voice led to nothing: what follows has the time of a first digit."""
        if self._speaking and self.listening:
            self._deadline = now + self._plan.timeout_s
        self._speaking = False

    def _finish(self, reason: Reason, speech: str = "", confidence: float = 0.0) -> list[Action]:
        if self._done:
            return []
        self._done = True
        return [Done(self._digits, reason, speech, confidence)]
