"""Which source address a leg listens to and sends to: symmetric RTP that nobody can hijack.

The negotiated address always wins. Another source (a peer behind NAT) is believed only while
nothing valid came from the negotiated one, only after several packets in a row of one stream, and
then alone. If that one falls silent, only the same stream (its SSRC is a secret to whoever is not
on the way) may go on from elsewhere, as after a change of the NAT's mind; after a new negotiation
any stream may.
"""

from __future__ import annotations

from typing import Final

import attrs

Address = tuple[str, int]

PROBATION: Final = 4
"""Packets in a row (80 ms) that another source must send; a blind guesser does not manage."""
SILENT_S: Final = 0.2
"""A source that stops proving itself for this long makes room for the next one."""
LOST_S: Final = 1.0
"""A believed source that is silent for this long may have moved; a pause of a few packets never."""


@attrs.define
class _Candidate:
    source: Address
    ssrc: int
    sequence: int
    heard_at: float
    packets: int = 1


class SourceGate:
    """Judges the sources of valid packets of one leg, until the negotiated one has spoken.

    What comes from where the leg sends need not be brought before it one by one, once that source
    is believed; `went_on` tells of it.
    """

    def __init__(self, negotiated: Address) -> None:
        self.negotiated = negotiated
        self.latched: Address | None = None
        self._candidate: _Candidate | None = None
        self._heard_at = 0.0
        """When the latched source last spoke."""
        self._ssrc: int | None = None
        """What it said last; None after a new negotiation."""

    @property
    def settled(self) -> bool:
        """The negotiated address spoke; nobody else will ever be accepted."""
        return self.latched == self.negotiated

    @property
    def target(self) -> Address:
        """Where to send."""
        return self.latched or self.negotiated

    def accepts(self, source: Address, ssrc: int, sequence: int, now: float) -> bool:
        """Whether a well-formed packet of a negotiated payload type is from our peer."""
        if source in (self.latched, self.negotiated):
            self._latch(source, ssrc, now)
            return True
        if self.ignores(source, now):
            return False
        if self.latched is not None and self._ssrc not in (None, ssrc):
            return False
        return self._try(source, ssrc, sequence, now)

    def ignores(self, source: Address, now: float) -> bool:
        """Whether nothing that this source sends now could be believed, whatever it is."""
        if source in (self.latched, self.negotiated) or self.latched is None:
            return False
        return self.settled or now - self._heard_at < LOST_S

    def went_on(self, at: float, ssrc: int | None) -> None:
        """The latched source spoke last at this time, and so."""
        if self.latched is not None and at > self._heard_at:
            self._heard_at, self._ssrc = at, ssrc

    def negotiated_again(self) -> None:
        """A new offer and answer named the same address: the peer may have moved behind its NAT."""
        self._ssrc = None

    def _latch(self, source: Address, ssrc: int, now: float) -> None:
        self.latched, self._candidate = source, None
        self._ssrc, self._heard_at = ssrc, now

    def _try(self, source: Address, ssrc: int, sequence: int, now: float) -> bool:
        candidate = self._candidate
        if candidate is not None and candidate.source != source:
            # One that is proving itself is not pushed out by another; one that fell silent is.
            if now - candidate.heard_at < SILENT_S:
                return False
            candidate = None
        if (
            candidate is None
            or candidate.ssrc != ssrc
            or (sequence - candidate.sequence) & 0xFFFF != 1
        ):
            self._candidate = _Candidate(source, ssrc, sequence, now)
            return False
        candidate.sequence, candidate.heard_at = sequence, now
        candidate.packets += 1
        if candidate.packets < PROBATION:
            return False
        self._latch(source, ssrc, now)
        return True
