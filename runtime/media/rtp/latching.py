"""Which source address a leg listens to and sends to: symmetric RTP that nobody can hijack.

The negotiated address always wins. Another source (a peer behind NAT) is believed only while
nothing valid came from the negotiated one, only after several packets in a row of one stream, and
then alone: no third address can take the leg over.
"""

from __future__ import annotations

from typing import Final

import attrs

Address = tuple[str, int]

PROBATION: Final = 4
"""Packets in a row (80 ms) that another source must send; a blind guesser does not manage."""
SILENT_S: Final = 0.2
"""A source that stops proving itself for this long makes room for the next one."""


@attrs.define
class _Candidate:
    source: Address
    ssrc: int
    sequence: int
    heard_at: float
    packets: int = 1


class SourceGate:
    """Judges the source of each valid packet of one leg, until the negotiated one has spoken."""

    def __init__(self, negotiated: Address) -> None:
        self.negotiated = negotiated
        self.latched: Address | None = None
        self._candidate: _Candidate | None = None

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
        if source == self.latched:
            return True
        if source == self.negotiated:
            self.latched, self._candidate = source, None
            return True
        if self.latched is not None:
            return False
        return self._try(source, ssrc, sequence, now)

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
        self.latched, self._candidate = source, None
        return True
