"""How fast an address may send that is welcome: the networks of `[sip] allow`, and trunks.

Pure and bounded. The limits are far above what any exchange sends and below what one core answers,
so that a peer that went mad, or was taken over, does not keep everybody else from being heard. It
is told so (503 with Retry-After), as far as that makes sense: a peer that goes on regardless gets
silence, which costs less. What belongs to a call that is up is never counted, whoever sends it.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, Literal

import attrs

from runtime.legs.sip.strangers import Bucket

WELCOME_BURST: Final = 2_000
"""Requests at once that begin something: every phone of a large office after a power cut, each with
a REGISTER, a challenge and an OPTIONS."""
WELCOME_PER_S: Final = 400.0
"""A hundred call set-ups a second, each with its challenge, and pings beside them, are less than
half of this; one core answers thousands, so that others are still heard."""
TOLD_BURST: Final = 100
"""503s at once: a carrier's failover looks at the first ones."""
TOLD_PER_S: Final = 20.0
"""And each second from then on: whoever heeds an answer has one soon."""
RETRY_AFTER_S: Final = 5
"""A burst is half refilled by then."""
MAX_WELCOME: Final = 4_096
"""Addresses remembered; the one heard longest ago is forgotten, and starts anew."""

Pace = Literal["hear", "tell", "ignore"]


@attrs.define
class _Peer:
    requests: Bucket
    told: Bucket


class Welcome:
    """The pace of each address that may send."""

    def __init__(self) -> None:
        self._peers: OrderedDict[str, _Peer] = OrderedDict()

    def __len__(self) -> int:
        return len(self._peers)

    def of(self, host: str, now: float) -> Pace:
        """One more request from there."""
        peer = self._peers.get(host)
        if peer is None:
            peer = self._peers[host] = _Peer(
                requests=Bucket(WELCOME_BURST, WELCOME_PER_S, now, WELCOME_BURST),
                told=Bucket(TOLD_BURST, TOLD_PER_S, now, TOLD_BURST),
            )
            if len(self._peers) > MAX_WELCOME:
                self._peers.popitem(last=False)
        else:
            self._peers.move_to_end(host)
        if peer.requests.take(1.0, now):
            return "hear"
        return "tell" if peer.told.take(1.0, now) else "ignore"
