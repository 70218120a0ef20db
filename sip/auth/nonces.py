"""Nonces that prove themselves, so that a challenge keeps no state (RFC 7616 3.3).

A nonce holds its time and a keyed hash over that and the address it was given to. Only a nonce
whose answer was right is remembered, with the counts used, so that no answer works twice. When the
table is full the oldest are forgotten and, being forgotten, are stale.
"""

from __future__ import annotations

import enum
import hashlib
import hmac
from collections import OrderedDict
from typing import Final

import attrs

LIFETIME_S: Final = 300.0
"""A phone answers within a second; five minutes let it use the nonce for its next requests."""

MAX_USED: Final = 16_384
"""Nonces in use: one for each phone in five minutes, twice over, at some 250 bytes each."""

WINDOW: Final = 64
"""Counts may arrive out of order on UDP; each still works once."""

_MAC_BYTES: Final = 10
"""80 bits: beyond guessing within the life of a nonce, and short: see MAX_REPLY_FACTOR."""
_MAX_CHARS: Final = 96


class NonceState(enum.Enum):
    GOOD = "good"
    OLD = "past its lifetime, or forgotten"
    FOREIGN = "not ours, or given to another address"


@attrs.define
class _Counts:
    issued_ms: int
    highest: int = 0
    seen: int = 0
    """Bit n: the count `highest - n` was used."""


class Nonces:
    """All nonces of one realm. `secret` is random and new with each process."""

    def __init__(self, secret: bytes, *, lifetime_s: float = LIFETIME_S) -> None:
        self._secret = secret[:64]
        self._lifetime_ms = int(lifetime_s * 1000)
        self._used: OrderedDict[str, _Counts] = OrderedDict()
        self._forgotten_ms = -1
        """Issued at this time or before and not in the table: perhaps used, so stale."""

    def __len__(self) -> int:
        return len(self._used)

    def issue(self, source: str, salt: str, now: float) -> str:
        """A new nonce for the host `source`; `salt` is random, letters and digits."""
        head = f"{int(now * 1000):x}.{salt[-8:]}"
        return f"{head}.{self._mac(head, source)}"

    def state(self, nonce: str, source: str, now: float) -> NonceState:
        issued = self._issued_ms(nonce, source)
        if issued is None:
            return NonceState.FOREIGN
        is_forgotten = nonce not in self._used and issued <= self._forgotten_ms
        if is_forgotten or int(now * 1000) - issued > self._lifetime_ms:
            return NonceState.OLD
        return NonceState.GOOD

    def spend(self, nonce: str, count: int, source: str, now: float) -> bool:
        """Use a good nonce with this count; False when that was done before.

        Count 0 is a client without qop: its answer says nothing of counts, so the nonce works once.
        """
        if self.state(nonce, source, now) is not NonceState.GOOD:
            return False
        counts = self._used.get(nonce)
        if counts is None:
            counts = self._used[nonce] = _Counts(self._issued_ms(nonce, source) or 0)
            self._evict(now)
            counts.highest, counts.seen = count, 1
            return True
        if count == 0 or counts.highest == 0:
            return False
        return _take(counts, count)

    def _evict(self, now: float) -> None:
        oldest = int(now * 1000) - self._lifetime_ms
        while self._used:
            nonce, counts = next(iter(self._used.items()))
            if len(self._used) <= MAX_USED and counts.issued_ms >= oldest:
                return
            self._forgotten_ms = max(self._forgotten_ms, counts.issued_ms)
            del self._used[nonce]

    def _issued_ms(self, nonce: str, source: str) -> int | None:
        """When we gave this nonce to `source`; None when we never did."""
        if len(nonce) > _MAX_CHARS or not nonce.isascii():
            return None
        head, dot, mac = nonce.rpartition(".")
        if not dot or not hmac.compare_digest(mac, self._mac(head, source)):
            return None
        return int(head.partition(".")[0], 16)

    def _mac(self, head: str, source: str) -> str:
        text = f"{head}|{source}".encode("utf-8", "surrogateescape")
        return hashlib.blake2b(text, key=self._secret, digest_size=_MAC_BYTES).hexdigest()


def _take(counts: _Counts, count: int) -> bool:
    """A sliding window, as replay protection of packets has it (RFC 3711 3.3.2)."""
    if count > counts.highest:
        # a peer may name any count: shift by no more than the window is wide
        shift = min(count - counts.highest, WINDOW)
        counts.seen = ((counts.seen << shift) | 1) & ((1 << WINDOW) - 1)
        counts.highest = count
        return True
    bit = 1 << (counts.highest - count) if counts.highest - count < WINDOW else 0
    if not bit or counts.seen & bit:
        return False
    counts.seen |= bit
    return True
