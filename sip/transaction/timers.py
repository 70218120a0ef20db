"""The SIP timers (RFC 3261 table 4), as one value that is handed to whoever needs them."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class Timers:
    """Basic intervals in seconds; everything else is derived from them."""

    t1: float = 0.5
    """Estimate of the round trip; first retransmission interval."""
    t2: float = 4.0
    """Longest interval between retransmissions of a non-INVITE request or an INVITE response."""
    t4: float = 5.0
    """How long a message may stay in the network."""

    @property
    def give_up(self) -> float:
        """64*T1: timers B, F, H, J, L and M, and the wait for an ACK or a PRACK."""
        return 64 * self.t1

    @property
    def wait_d(self) -> float:
        """Timer D: at least 32 s on UDP, so that a repeated failure response is ACKed again."""
        return max(32.0, self.give_up)
