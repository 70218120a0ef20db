"""All sound that is in memory together, and for whom: memory is for calls first.

A sound costs what it holds by now: a file's what is decoded of it, a text's what is spoken of it.
So there is one look when it is asked for and one when its turn comes; meanwhile others have grown.
"""

from __future__ import annotations

import weakref
from collections.abc import Hashable
from functools import partial
from typing import Final

from runtime.media.pcm import MAX_SOUND_S, PcmBuffer
from runtime.media.port import SoundError

from .sound import SoundSource

MAX_ALIVE_BYTES: Final = 1024 * 1024 * 1024
"""Decoded and spoken audio of all sessions together; beyond it no further sound is made."""
MAX_OWNER_BYTES: Final = 512 * 1024 * 1024
"""Of it for one scenario: four hours of wide speech. A sequence of a few characters that are pauses
of ten minutes would otherwise take what the prompts of everybody else need."""


class AliveSounds:
    """Shared by whoever makes sounds."""

    def __init__(self) -> None:
        self._owners: weakref.WeakKeyDictionary[SoundSource, Hashable] = weakref.WeakKeyDictionary()

    def new(self, rate_hz: int, owner: Hashable, *, capacity_s: float = MAX_SOUND_S) -> SoundSource:
        """An empty sound. Raises SoundError when there is no room, OSError when there is none of
        the system's."""
        why = self.refusal(owner)
        if why is not None:
            raise SoundError(why)
        buffer = PcmBuffer.create(rate_hz, capacity_s=capacity_s)
        source = SoundSource(buffer, partial(self.refusal, owner))
        self._owners[source] = owner
        return source

    def refusal(self, owner: Hashable) -> str | None:
        """Why no more may be made for this owner now, if so."""
        everybody = own = 0
        for source, whose in self._owners.items():
            size = source.size_bytes
            everybody += size
            own += size if whose == owner else 0
        if everybody > MAX_ALIVE_BYTES:
            return f"{everybody:,} bytes of sound are being played; try again later"
        if own > MAX_OWNER_BYTES:
            return f"this scenario holds {own:,} bytes of sound; play it, or stop some of it"
        return None
