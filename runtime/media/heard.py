"""What all legs that are over have sent and received, added up."""

from __future__ import annotations

import attrs

from runtime.media.port import LegStatistics


@attrs.define
class Heard:
    """RTP packets, of all engines so far."""

    sent: int = 0
    received: int = 0
    lost: int = 0
    """On their way to us."""

    def add(self, statistics: LegStatistics) -> None:
        self.sent += statistics.packets_sent
        self.received += statistics.packets_received
        self.lost += max(0, statistics.packets_lost)
