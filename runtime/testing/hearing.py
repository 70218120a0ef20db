"""Symbolic sound: what people call a piece of audio, and who heard which part of it when.

Pure: an Ear is told what sounds from now on and keeps the intervals. What is replaced within the
same instant was never heard, as in the engine, where commands take effect together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal

import attrs

CHARACTERS_PER_SECOND: Final = 15.0
"""An even reading voice (about 160 English words a minute)."""
SHORTEST_SPEECH_S: Final = 0.4
"""Even "No." takes this long."""
FRAME_S: Final = 0.02

Kind = Literal["speech", "file", "tone", "voice", "digit"]
"""speech: text to speech; file: a sound file; tone: a progress tone; voice: what the other party
says; digit: a key press that was not handled and so went through as sound."""

_TAG = re.compile(r"<[^>]*>")


def speech_seconds(text: str) -> float:
    """How long a text is spoken: 15 characters a second, in whole 20 ms frames, 0.4 s at least.

    Markup (SSML tags) takes no time; runs of white space count once.
    """
    spoken = " ".join(_TAG.sub(" ", text).split())
    frames = round(max(SHORTEST_SPEECH_S, len(spoken) / CHARACTERS_PER_SECOND) / FRAME_S)
    return round(frames * FRAME_S, 2)


@attrs.frozen(kw_only=True, eq=False)
class Audio:
    """One piece of sound on its way; two equal prompts are two pieces."""

    what: str
    kind: Kind
    source: str
    """Whose: "player 3", "caller +4479...", "callee sip:bob@..."."""


@attrs.frozen(kw_only=True)
class Heard:
    """An interval in which somebody heard one thing. `end` is None while it goes on."""

    number: int
    """Counts up by the order of `start`; for telling equal prompts apart."""
    what: str
    kind: Kind
    source: str
    start: float
    end: float | None

    @property
    def seconds(self) -> float | None:
        """Its length; None while it goes on."""
        return None if self.end is None else round(self.end - self.start, 6)

    def matches(self, wanted: str | re.Pattern[str]) -> bool:
        """Whether `wanted` is in what was heard: a part of it in any case, or a pattern."""
        if isinstance(wanted, re.Pattern):
            return wanted.search(self.what) is not None
        return wanted.casefold() in self.what.casefold()

    def __str__(self) -> str:
        end = "now" if self.end is None else f"{self.end:.2f}"
        return f"{self.start:8.2f} - {end:>8}  {self.kind:6}  {self.what}"


class Ear:
    """Everything one listener heard."""

    def __init__(self) -> None:
        self._heard: list[Heard] = []
        self._open: dict[Audio, int] = {}
        """What sounds now, and the number of its interval."""
        self._next = 1

    @property
    def sounding(self) -> frozenset[Audio]:
        return frozenset(self._open)

    @property
    def heard(self) -> list[Heard]:
        """All intervals, by their start."""
        return list(self._heard)

    def since(self, number: int) -> list[Heard]:
        """Intervals with a number above `number`."""
        first = len(self._heard)
        while first and self._heard[first - 1].number > number:
            first -= 1
        return self._heard[first:]

    def hear(self, sounding: Iterable[Audio], now: float) -> bool:
        """From now on it hears exactly `sounding`; whether that changed anything."""
        wanted = list(dict.fromkeys(sounding))
        gone = [audio for audio in self._open if audio not in wanted]
        come = [audio for audio in wanted if audio not in self._open]
        for audio in gone:
            self._close(self._open.pop(audio), now)
        for audio in come:
            self._begin(audio, now)
        return bool(gone or come)

    def _begin(self, audio: Audio, now: float) -> None:
        heard = Heard(
            number=self._next,
            what=audio.what,
            kind=audio.kind,
            source=audio.source,
            start=now,
            end=None,
        )
        self._open[audio] = self._next
        self._heard.append(heard)
        self._next += 1

    def _close(self, number: int, now: float) -> None:
        place = len(self._heard) - 1
        while self._heard[place].number != number:
            place -= 1
        heard = self._heard[place]
        if heard.start >= now:
            del self._heard[place]
        else:
            self._heard[place] = attrs.evolve(heard, end=now)


def transcript(heard: Iterable[Heard]) -> str:
    """A table for people: one interval a line, or "(silence)"."""
    return "\n".join(str(one) for one in heard) or "(silence)"
