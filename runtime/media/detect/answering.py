"""Who answered, a person or a machine: judged by how long and how often they speak, then wait.

People say a word or two and wait; machines talk on. The rules and their times are those that
Asterisk's app_amd made customary. Only voiced and silent frames count, so no language does.
"""

from __future__ import annotations

import enum
from typing import Final

import attrs

from runtime.media.frames import FRAME_MS

INITIAL_SILENCE_MS: Final = 2_500
"""Nobody picks up a telephone and says nothing for so long."""
GREETING_MS: Final = 1_500
"""A longer greeting without a pause is a recording."""
AFTER_GREETING_MS: Final = 800
"""Silence after which whoever spoke is waiting for an answer."""
TOTAL_MS: Final = 5_000
MIN_WORD_MS: Final = 100
BETWEEN_WORDS_MS: Final = 50
MAX_WORDS: Final = 3
"""More words are a machine's. Two, as in the sample configuration, calls a fifteenth of the people
machines."""


class Rule(enum.Enum):
    """What decided; the value is for timelines."""

    INITIAL_SILENCE = "silence instead of a greeting"
    LONG_GREETING = "a long greeting"
    MANY_WORDS = "many words"
    SHORT_GREETING = "a short greeting, then silence"
    TOO_LONG = "no rule decided in time"


@attrs.frozen(kw_only=True)
class Judgement:
    """`human` is None when the time was over before any rule fitted."""

    human: bool | None
    rule: Rule
    after_ms: int
    words: int


@attrs.define
class AnsweringMachine:
    """Of one leg, from its answer on; gives one judgement."""

    _elapsed: int = 0
    _voice: int = 0
    """Milliseconds of the current word."""
    _silence: int = 0
    """Milliseconds since the last voice."""
    _greeting: int = 0
    """Milliseconds of voice in all words."""
    _words: int = 0
    _in_word: bool = False

    def hear(self, voiced: bool) -> Judgement | None:
        """One frame of 20 ms."""
        self._elapsed += FRAME_MS
        if voiced:
            self._on_voice()
        else:
            self._on_silence()
        return self._judge()

    def _on_voice(self) -> None:
        self._silence = 0
        self._voice += FRAME_MS
        self._greeting += FRAME_MS
        if self._voice >= MIN_WORD_MS and not self._in_word:
            self._in_word = True
            self._words += 1

    def _on_silence(self) -> None:
        self._silence += FRAME_MS
        if self._silence >= BETWEEN_WORDS_MS:
            if not self._in_word:
                self._greeting -= self._voice  # a click, not a word
            self._voice, self._in_word = 0, False

    def _judge(self) -> Judgement | None:
        if not self._words and self._silence >= INITIAL_SILENCE_MS:
            return self._say(False, Rule.INITIAL_SILENCE)
        if self._words > MAX_WORDS:
            return self._say(False, Rule.MANY_WORDS)
        if self._words and self._greeting >= GREETING_MS:
            return self._say(False, Rule.LONG_GREETING)
        if self._words and self._silence >= AFTER_GREETING_MS:
            return self._say(True, Rule.SHORT_GREETING)
        if self._elapsed >= TOTAL_MS:
            return self._say(None, Rule.TOO_LONG)
        return None

    def _say(self, human: bool | None, rule: Rule) -> Judgement:
        return Judgement(human=human, rule=rule, after_ms=self._elapsed, words=self._words)
