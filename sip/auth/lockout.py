"""Who has failed too often: guessing passwords ends after a few tries, by address and by user.

Rules: an address that guesses is locked out whatever name it tries; a name that is guessed at from
many addresses is locked for all addresses but those that proved it lately, so that an attacker
cannot keep a phone out. Every table is bounded; the entry unused for longest goes first.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

import attrs

WINDOW_S: Final = 300.0
"""Failures older than this are forgiven."""
LOCK_S: Final = 600.0
"""As long as strangers are ignored: people mend a password meanwhile, a guesser gains nothing."""
SOURCE_FAILURES: Final = 10
"""A phone with an old password tries some times by itself; ten guesses find nothing."""
USER_FAILURES: Final = 50
"""From all addresses together: several phones with an old password stay below it."""
MAX_ENTRIES: Final = 4_096
"""Of each table."""
KNOWN_S: Final = 86_400.0
"""For how long an address that proved a user keeps its way in; phones register each hour."""


@attrs.define
class _Failures:
    since: float
    count: int = 0
    until: float = 0.0


class _Tally:
    """Failures by some key."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._entries: OrderedDict[str, _Failures] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def failed(self, key: str, now: float) -> None:
        entry = self._entries.pop(key, None)
        if entry is None or now - entry.since >= WINDOW_S:
            entry = _Failures(now)
        entry.count += 1
        if entry.count >= self._limit:
            entry = _Failures(now, until=now + LOCK_S)
        self._entries[key] = entry
        if len(self._entries) > MAX_ENTRIES:
            self._entries.popitem(last=False)

    def is_locked(self, key: str, now: float) -> bool:
        entry = self._entries.get(key)
        return entry is not None and now < entry.until

    def forgive(self, key: str) -> None:
        self._entries.pop(key, None)


class Lockout:
    """Counts failures of one realm."""

    def __init__(self) -> None:
        self._sources = _Tally(SOURCE_FAILURES)
        self._users = _Tally(USER_FAILURES)
        self._known: OrderedDict[tuple[str, str], float] = OrderedDict()

    @property
    def size(self) -> int:
        """Entries of all tables."""
        return len(self._sources) + len(self._users) + len(self._known)

    def failed(self, user: str, source: str, now: float) -> None:
        """A wrong answer for `user` (existing or not) from the host `source`; "" is no host."""
        if source:
            self._sources.failed(source, now)
        self._users.failed(user, now)

    def succeeded(self, user: str, source: str, now: float) -> None:
        self._sources.forgive(source)
        self._known.pop((user, source), None)
        self._known[user, source] = now
        if len(self._known) > MAX_ENTRIES:
            self._known.popitem(last=False)

    def why_locked(self, user: str, source: str, now: float) -> str | None:
        """Why an answer is not even looked at; None when it is."""
        if self._sources.is_locked(source, now):
            return f"too many wrong passwords from {source}"
        proved = self._known.get((user, source))
        is_known = proved is not None and now - proved < KNOWN_S
        if not is_known and self._users.is_locked(user, now):
            return f"too many wrong passwords for user {user[:40]!r}"
        return None
