"""How often an address may knock: a bucket of requests each, bans, and those who proved themselves.

Pure and bounded: a flood from invented addresses pushes out other strangers, never a phone that has
registered.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

import attrs

KNOCKS: Final = 5
"""Requests of a stranger that are answered; a misconfigured phone sees its 403 often enough."""
PATIENCE: Final = 20
"""The same where a stranger may be a user: some phones behind one NAT start at the same time, and a
registration takes two requests."""
REFILL_PER_S: Final = 0.5
"""Requests that a possible user gets back: a phone behind a bad password goes on being told so."""
WRONG_COSTS: Final = 2.0
"""A wrong password counts this much more than a request without one."""
BAN_S: Final = 600.0
"""How long a stranger's further requests are ignored; scanners try for minutes, people mend."""
SHUT_OUT_AFTER: Final = 50
"""Ignored requests of one ban after which datagrams are dropped unread. A carrier that asks for a
sign of life from an address that nobody listed stays below it, and its calls are still heard."""
MAX_STRANGERS: Final = 4_096
"""Addresses remembered; the oldest is forgotten, and starts anew."""

ALL_BURST: Final = 1_000
"""Requests of all strangers together: every source address of a flood can be invented."""
ALL_PER_S: Final = 500.0
"""Some five percent of what one core answers; calls in progress and allowed peers do not count."""

KNOWN_S: Final = 7_200.0
"""After a right password; phones refresh within the hour."""
KNOWN_BURST: Final = 400
"""Requests at once from an address where users are: an office after a power cut."""
KNOWN_PER_S: Final = 20.0
MAX_KNOWN: Final = 10_000
"""As many as there are places for registrations."""


@attrs.define
class Bucket:
    """So many requests at once, and so many more each second."""

    capacity: float
    per_s: float
    at: float
    level: float

    def take(self, cost: float, now: float) -> bool:
        """Whether `cost` could be paid; what is there is spent in any case."""
        self.level = min(self.capacity, self.level + (now - self.at) * self.per_s)
        self.at = now
        paid = self.level >= cost
        self.level = max(0.0, self.level - cost)
        return paid


@attrs.define
class _Stranger:
    bucket: Bucket
    banned_until: float = 0.0
    ignored: int = 0


class Strangers:
    """Addresses without a right to call."""

    def __init__(self, *, patience: bool) -> None:
        """`patience`: strangers may be users; counts for those who come from then on."""
        self.ban_s = BAN_S
        self.patience = patience
        self._found: OrderedDict[str, _Stranger] = OrderedDict()
        self._all = Bucket(ALL_BURST, ALL_PER_S, 0.0, ALL_BURST)

    def __len__(self) -> int:
        return len(self._found)

    def banned(self, now: float) -> int:
        """How many are."""
        return sum(now < each.banned_until for each in self._found.values())

    def is_banned(self, host: str, now: float) -> bool:
        known = self._found.get(host)
        return known is not None and now < known.banned_until

    def is_shut_out(self, host: str, now: float) -> bool:
        known = self._found.get(host)
        return known is not None and known.ignored >= SHUT_OUT_AFTER and now < known.banned_until

    def knock(self, host: str, now: float) -> bool:
        """One request; whether it is heard."""
        stranger = self._of(host, now)
        if now < stranger.banned_until:
            stranger.ignored += 1
            return False
        if not stranger.bucket.take(1.0, now):
            self._ban(stranger, now)
            return False
        return self._all.take(1.0, now)

    def offended(self, host: str, now: float, *, at_once: bool) -> bool:
        """It did what no phone does; whether it is banned by this."""
        stranger = self._of(host, now)
        if now < stranger.banned_until:
            return False
        if at_once:
            self._ban(stranger, now)
            stranger.ignored = SHUT_OUT_AFTER
            return True
        if stranger.bucket.take(WRONG_COSTS, now):
            return False
        self._ban(stranger, now)
        return True

    def forget(self, host: str) -> None:
        self._found.pop(host, None)

    def _of(self, host: str, now: float) -> _Stranger:
        """Its record, now the newest; a new one after a ban, and after as long a time of quiet."""
        stranger = self._found.pop(host, None)
        if stranger is None or (now - stranger.bucket.at >= BAN_S and now >= stranger.banned_until):
            capacity = float(PATIENCE if self.patience else KNOCKS)
            bucket = Bucket(capacity, REFILL_PER_S if self.patience else 0.0, now, capacity)
            stranger = _Stranger(bucket)
        self._found[host] = stranger
        if len(self._found) > MAX_STRANGERS:
            self._found.popitem(last=False)
        return stranger

    def _ban(self, stranger: _Stranger, now: float) -> None:
        stranger.banned_until = now + BAN_S
        stranger.ignored = 1


class Acquaintances:
    """Addresses from which a user has proven itself lately."""

    def __init__(self) -> None:
        self._found: OrderedDict[str, tuple[float, Bucket]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._found)

    def add(self, host: str, now: float) -> None:
        _, bucket = self._found.pop(host, (now, Bucket(KNOWN_BURST, KNOWN_PER_S, now, KNOWN_BURST)))
        self._found[host] = now, bucket
        if len(self._found) > MAX_KNOWN:
            self._found.popitem(last=False)

    def knows(self, host: str, now: float) -> bool:
        known = self._found.get(host)
        return known is not None and now - known[0] < KNOWN_S

    def may(self, host: str, now: float) -> bool | None:
        """Whether its next request is heard; None for an address that is not known."""
        if not self.knows(host, now):
            return None
        return self._found[host][1].take(1.0, now)
