"""What every SIP leg of this process has in common; made once at start-up and passed down."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from runtime.legs.sip.media_session import MediaSession, capabilities, local_media
from runtime.legs.sip.trace import TraceBook
from runtime.media.port import MediaLeg, MediaPort


@attrs.frozen(kw_only=True)
class LegSettings:
    """Engine, trace lines, clock and randomness of the legs."""

    media: MediaPort
    book: TraceBook
    now: Callable[[], float]
    """The trio clock, seconds."""
    new_number: Callable[[], int]
    """A random number below 2**31 for the o= line of each leg."""
    advertised_host: str = ""
    """Address written into session descriptions; empty = the engine's own."""
    codecs: tuple[str, ...] = ("PCMU", "PCMA")

    def audio_of(self, leg: MediaLeg, codecs: tuple[str, ...] | None = None) -> MediaSession:
        """The offer/answer state of a new leg."""
        local = local_media(leg.address, self.new_number(), self.advertised_host)
        return MediaSession(capabilities(codecs or self.codecs), local)
