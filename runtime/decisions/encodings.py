"""How audio is encoded in the messages of a WebSocket: VoxEngine's WebSocketAudioEncoding. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import attrs

from runtime.decisions import opus_packets

TICKS_PER_S: Final = 50
TICK_S: Final = 1 / TICKS_PER_S


@attrs.frozen(kw_only=True)
class Encoding:
    """`name` is WebSocketAudioEncoding's; `codec` the engine's."""

    name: str
    codec: str
    rate_hz: int
    sample_bytes: int
    """0: audio comes in packets, which tell how long they are."""

    @property
    def tick_bytes(self) -> int:
        return self.rate_hz // TICKS_PER_S * self.sample_bytes

    def samples(self, audio: bytes) -> int:
        """How long it is; 0 for what is no audio of the encoding."""
        if self.sample_bytes:
            return len(audio) // self.sample_bytes
        return opus_packets.samples_of(audio) or 0

    def seconds(self, audio: bytes) -> float:
        return self.samples(audio) / self.rate_hz

    def refusal(self, audio: bytes) -> str | None:
        """Why this is no audio of the encoding."""
        if not self.sample_bytes:
            return None if self.samples(audio) else "media is no Opus packet"
        return "media ends within a sample" if len(audio) % self.sample_bytes else None


ENCODINGS: Final[Mapping[str, Encoding]] = MappingProxyType(
    {
        each.name: each
        for each in (
            Encoding(name="PCM8", codec="L16/8000", rate_hz=8_000, sample_bytes=2),
            Encoding(name="PCM16", codec="L16", rate_hz=16_000, sample_bytes=2),
            Encoding(name="ALAW", codec="PCMA", rate_hz=8_000, sample_bytes=1),
            Encoding(name="ULAW", codec="PCMU", rate_hz=8_000, sample_bytes=1),
            Encoding(name="OPUS", codec="opus", rate_hz=opus_packets.CLOCK_HZ, sample_bytes=0),
        )
    }
)
_OTHER_NAMES: Final = MappingProxyType(
    {"AUDIO/X-MULAW": "ULAW", "AUDIO/X-ALAW": "ALAW", "PCMU": "ULAW", "PCMA": "ALAW"}
)
"""As VoxEngine's guide and other platforms call them."""


def find_encoding(name: str, rate_hz: object = None) -> Encoding | None:
    """An encoding by what a peer calls it; PCM16 at 8 kHz is PCM8."""
    known = _OTHER_NAMES.get(name.upper(), name.upper())
    if known == "PCM16" and rate_hz == 8_000:
        known = "PCM8"
    found = ENCODINGS.get(known)
    return found if found is None or rate_hz in (None, found.rate_hz) else None
