"""How often somebody may ask: each owner of a token, and each address that has none.

Guessing tokens is slowed down by address; what is wrong with a client costs only that client.
Loopback binds have no limits: whoever is on this machine has it anyway.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from runtime.decisions.allowances import TokenBucket

REQUESTS_PER_S: Final = 50.0
REQUEST_BURST: Final = 200.0
"""A console that looks at everything, and a deployment with its files."""
FAILURES_PER_S: Final = 0.5
FAILURE_BURST: Final = 20.0
"""A wrong token now and then; a search through tokens never ends."""
MAX_KNOWN: Final = 2_000
"""Owners and addresses that are remembered; the one longest unseen goes first."""


class Rates:
    """`now` is seconds on a clock that only goes forward."""

    def __init__(self) -> None:
        self._requests: OrderedDict[str, TokenBucket] = OrderedDict()
        self._failures: OrderedDict[str, TokenBucket] = OrderedDict()

    def wait_for_request(self, caller: str, now: float) -> float:
        """0 when it may; otherwise in how many seconds."""
        return _take(self._requests, caller, now, REQUESTS_PER_S, REQUEST_BURST)

    def wait_for_attempt(self, address: str, now: float) -> float:
        """Whether another token may be tried from there; nothing is counted."""
        bucket = self._failures.get(address)
        return bucket.wait_s(now) if bucket is not None else 0.0

    def failed(self, address: str, now: float) -> None:
        """A wrong token came from there."""
        _take(self._failures, address, now, FAILURES_PER_S, FAILURE_BURST)


def _take(
    known: OrderedDict[str, TokenBucket], key: str, now: float, rate: float, burst: float
) -> float:
    bucket = known.get(key)
    if bucket is None:
        bucket = known[key] = TokenBucket(rate, burst)
    known.move_to_end(key)
    while len(known) > MAX_KNOWN:
        known.popitem(last=False)
    return 0.0 if bucket.take(now) else bucket.wait_s(now)
