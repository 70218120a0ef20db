"""Counts of what has been since the start, and of what is now: sessions, calls, recordings.

Counted where it is told that something began or is over, so that nothing is counted twice and a
call pays two additions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, Literal

import attrs

from runtime.decisions.bounded_counts import BoundedCounts
from runtime.decisions.call_state import STATES
from runtime.session.history import (
    CallPicture,
    CallResult,
    History,
    RecordingPicture,
    SessionPicture,
)

if TYPE_CHECKING:
    from runtime.session.supervisor import SessionHost

MAX_CODES: Final = 60
"""Codes of failed calls that are told apart: some more than are registered (RFC 3261 21 and later
ones), and peers may make up any of 600."""

Direction = Literal["in", "out"]
OTHER: Final[tuple[Direction, int]] = ("out", -1)
"""Counts those beyond: mostly of calls to peers, who choose them."""


class Tally:
    """The registry's `history`, before the one that keeps pictures."""

    def __init__(self, then: History) -> None:
        self._then = then
        self.sessions_started = 0
        self.sessions_ended: Counter[str] = Counter()
        """By `Cause`."""
        self.calls_started: Counter[Direction] = Counter()
        self.calls_ended: Counter[tuple[Direction, CallResult]] = Counter()
        self.talk_s: dict[Direction, float] = {"in": 0.0, "out": 0.0}
        self.failures: BoundedCounts[tuple[Direction, int]] = BoundedCounts(MAX_CODES, OTHER)
        """Calls that were never connected, by what ended them."""
        self.recordings = 0

    def session(self, picture: SessionPicture) -> None:
        self._then.session(picture)
        if picture.end_cause is None:
            self.sessions_started += 1
        else:
            self.sessions_ended[picture.end_cause] += 1

    def call(self, picture: CallPicture) -> None:
        self._then.call(picture)
        way = direction(incoming=picture.incoming)
        if picture.result == "live":
            self.calls_started[way] += 1
            return
        self.calls_ended[way, picture.result] += 1
        self.talk_s[way] += picture.duration_s
        if picture.result == "failed":
            self.failures.add((way, picture.code))

    def recording(self, picture: RecordingPicture) -> None:
        self._then.recording(picture)
        self.recordings += 1


@attrs.frozen(kw_only=True)
class Standing:
    """What there is at one moment."""

    sessions: Counter[str]
    """By `SessionState`."""
    calls: Counter[tuple[Direction, str]]
    """By `CallState`."""


def standing_of(hosts: Iterable[SessionHost]) -> Standing:
    sessions: Counter[str] = Counter()
    calls: Counter[tuple[Direction, str]] = Counter()
    for host in hosts:
        sessions[host.state.value] += 1
        for call in host.context.calls:
            calls[direction(incoming=call.incoming), STATES[call.phase].value] += 1
    return Standing(sessions=sessions, calls=calls)


def direction(*, incoming: bool) -> Direction:
    return "in" if incoming else "out"
