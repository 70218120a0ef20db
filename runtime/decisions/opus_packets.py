"""How long an Opus packet sounds, by its first octets (RFC 6716 3.1, 3.2). Pure."""

from __future__ import annotations

from typing import Final

CLOCK_HZ: Final = 48_000
"""RFC 7587 4.1: of timestamps, whatever the packet's own bandwidth."""
MAX_PACKET: Final = 1_500
"""Octets; far more than 120 ms of speech have."""
_MAX_SAMPLES: Final = CLOCK_HZ * 120 // 1000
"""RFC 6716 3.2.5: R5."""
_SILK: Final = (480, 960, 1920, 2880)
_HYBRID: Final = (480, 960)
_CELT: Final = (120, 240, 480, 960)


def samples_of(packet: bytes) -> int | None:
    """At 48 kHz; None for what is no packet."""
    if not 0 < len(packet) <= MAX_PACKET:
        return None
    frame, code = _frame_samples(packet[0] >> 3), packet[0] & 3
    if code < 3:
        return frame * (1 if code == 0 else 2)
    count = packet[1] & 0x3F if len(packet) > 1 else 0
    return frame * count if 0 < frame * count <= _MAX_SAMPLES else None


def _frame_samples(configuration: int) -> int:
    """Table 2."""
    if configuration < 12:
        return _SILK[configuration % 4]
    if configuration < 16:
        return _HYBRID[configuration % 2]
    return _CELT[configuration % 4]
