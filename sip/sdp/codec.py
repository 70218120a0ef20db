"""A codec as SDP names it, and the payload types that need no rtpmap (RFC 3551 6)."""

from __future__ import annotations

from typing import Final

import attrs

from .error import quoted

TELEPHONE_EVENT: Final = "telephone-event"
"""RFC 4733: digits beside the audio."""

COMFORT_NOISE: Final = "cn"
"""RFC 3389: sent beside the audio by peers that suppress silence."""


@attrs.frozen
class Codec:
    """One RTP payload format under one payload type.

    `clock_rate` is that of the RTP timestamps (8000 for G.722). An empty `name` stands for a
    payload type that its sender did not explain.
    """

    name: str
    payload_type: int
    clock_rate: int = 8000
    channels: int = 1
    fmtp: str = ""

    @property
    def label(self) -> str:
        """For people: `PCMU/8000`, fit for a quoted string."""
        if not self.name:
            return f"payload type {self.payload_type} without rtpmap"
        channels = f"/{self.channels}" if self.channels != 1 else ""
        return quoted(f"{self.name}/{self.clock_rate}{channels}")

    @property
    def rtpmap(self) -> str:
        """The value of its rtpmap attribute."""
        channels = f"/{self.channels}" if self.channels != 1 else ""
        return f"{self.payload_type} {self.name}/{self.clock_rate}{channels}"

    def same_format(self, other: Codec) -> bool:
        """Equal but for payload type and parameters; names have no case (RFC 8866 6.6)."""
        return (
            self.name.lower() == other.name.lower()
            and self.clock_rate == other.clock_rate
            and self.channels == other.channels
        )


PCMU: Final = Codec("PCMU", 0)
PCMA: Final = Codec("PCMA", 8)
G722: Final = Codec("G722", 9)
"""16 kHz audio on a clock that says 8000 (RFC 3551 4.5.2)."""
OPUS: Final = Codec(
    "opus",
    96,
    48000,
    2,
    "maxplaybackrate=16000;sprop-maxcapturerate=16000;stereo=0;sprop-stereo=0;useinbandfec=1",
)
"""RFC 7587 7: always 48000 and two channels in the rtpmap, whatever is sent."""
L16_WIDE: Final = Codec("L16", 97, 16000)
L16_NARROW: Final = Codec("L16", 98)
"""RFC 3551 4.5.11; other rates than 44100 have dynamic payload types."""

G711: Final = frozenset({"PCMU", "PCMA"})
"""Names of the codecs of which we can send packets shorter than 20 ms."""

STATIC_CODECS: Final = {
    codec.payload_type: codec
    for codec in (
        PCMU,
        Codec("GSM", 3),
        Codec("G723", 4),
        Codec("DVI4", 5),
        Codec("DVI4", 6, 16000),
        Codec("LPC", 7),
        PCMA,
        G722,
        Codec("L16", 10, 44100, 2),
        Codec("L16", 11, 44100),
        Codec("QCELP", 12),
        Codec("CN", 13),
        Codec("MPA", 14, 90000),
        Codec("G728", 15),
        Codec("DVI4", 16, 11025),
        Codec("DVI4", 17, 22050),
        Codec("G729", 18),
        Codec("CelB", 25, 90000),
        Codec("JPEG", 26, 90000),
        Codec("nv", 28, 90000),
        Codec("H261", 31, 90000),
        Codec("MPV", 32, 90000),
        Codec("MP2T", 33, 90000),
        Codec("H263", 34, 90000),
    )
}

FIRST_DYNAMIC: Final = 96
LAST_PAYLOAD_TYPE: Final = 127

DEFAULT_DTMF_PAYLOAD_TYPE: Final = 101
"""What nearly every peer uses for telephone-event, some without looking at the rtpmap."""

DTMF_EVENTS: Final = "0-16"
"""The sixteen keys and flash (RFC 4733 3.2)."""
