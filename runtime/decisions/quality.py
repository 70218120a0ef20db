"""How good a call sounds, as a mean opinion score: the E-model of ITU-T G.107, simplified. Core.

R = 93.2 - Id - Ie_eff, then MOS = 1 + 0.035 R + R (R - 60) (100 - R) 7e-6. What delay costs (Id)
is the usual straight-line fit of G.107's curve; what loss costs (Ie_eff) is G.113's, with the
robustness of G.711 with packet loss concealment. Everything else keeps G.107's default values.
"""

from __future__ import annotations

from typing import Final

from runtime.media.port import LegStatistics

BASE: Final = 93.2
"""R of a narrow-band call without fault (G.107, all defaults)."""
DELAY_SLOPE: Final = 0.024
"""Per millisecond from mouth to ear."""
LONG_DELAY_MS: Final = 177.3
LONG_DELAY_SLOPE: Final = 0.11
"""More, per millisecond beyond that: people begin to talk at the same time."""
ROBUSTNESS: Final = 25.1
"""Bpl of G.711 with concealment, lost packets at random (G.113 Appendix I)."""
WORST: Final = 95.0
"""Ie when nothing arrives (G.107)."""
OWN_DELAY_MS: Final = 40.0
"""20 ms of packet and 20 ms of playout buffer."""
JITTERS: Final = 2.0
"""The playout buffer waits for about so many times the mean deviation."""


def mos_of(statistics: LegStatistics) -> float | None:
    """1.0 to 4.41, to two places; None while nothing was received."""
    if not statistics.packets_received:
        return None
    delay_ms = (statistics.round_trip_ms or 0.0) / 2 + OWN_DELAY_MS + JITTERS * statistics.jitter_ms
    return round(opinion(rating(loss_of(statistics), delay_ms)), 2)


def loss_of(statistics: LegStatistics) -> float:
    """Part of the peer's packets that could not be heard: lost, or too late."""
    expected = statistics.packets_received + statistics.packets_lost
    missing = statistics.packets_lost + statistics.packets_late
    return min(1.0, missing / expected) if expected else 0.0


def rating(loss: float, delay_ms: float) -> float:
    """R of the E-model; `loss` is a fraction, `delay_ms` one way, from mouth to ear."""
    percent = 100 * loss
    impaired = WORST * percent / (percent + ROBUSTNESS)
    delayed = DELAY_SLOPE * delay_ms
    if delay_ms > LONG_DELAY_MS:
        delayed += LONG_DELAY_SLOPE * (delay_ms - LONG_DELAY_MS)
    return max(0.0, BASE - delayed - impaired)


def opinion(r: float) -> float:
    """Mean opinion score of a rating (G.107 Annex B)."""
    r = min(max(r, 0.0), 100.0)
    # The polynomial dips under 1 for ratings below 6.5.
    return max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)
