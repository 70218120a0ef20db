"""How often somebody may ask: each owner of a token, and each address, with a token or without.

Guessing tokens is slowed down by address; what is wrong with a client costs only that client.
Loopback binds have no limits: whoever is on this machine has it anyway.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from runtime.decisions.allowances import TokenBucket

BURST_S: Final = 4.0
"""Seconds' worth that may come at once: a console that looks at everything, a deployment with its
files."""
FAILURES_PER_S: Final = 0.5
FAILURE_BURST: Final = 20.0
"""A wrong token now and then; a search through tokens never ends."""
MAX_KNOWN: Final = 2_000
"""Owners and addresses that are remembered; the one longest unseen goes first."""


class Rates:
    """`now` is seconds on a clock that only goes forward."""

    def __init__(self, requests_per_s: float, address_requests_per_s: float) -> None:
        self._per_s = requests_per_s
        self._address_per_s = address_requests_per_s
        self._requests: OrderedDict[str, TokenBucket] = OrderedDict()
        self._addresses: OrderedDict[str, TokenBucket] = OrderedDict()
        self._failures: OrderedDict[str, TokenBucket] = OrderedDict()

    def wait_for_request(self, caller: str, now: float) -> float:
        """0 when it may; otherwise in how many seconds."""
        return _take(self._requests, caller, now, self._per_s, self._per_s * BURST_S)

    def wait_for_address(self, address: str, now: float) -> float:
        """The same for where it comes from, whatever it asks for."""
        per_s = self._address_per_s
        return _take(self._addresses, address, now, per_s, per_s * BURST_S)

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
