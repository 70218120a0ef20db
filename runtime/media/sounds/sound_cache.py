"""Decoded sounds kept for the next caller who plays the same content, bounded in bytes and number.

The least recently played go first. A sound still in the making may be shared too, so that a
thousand calls that begin with one prompt decode it once.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from runtime.media.port import SoundError

from .sound import SoundSource

MAX_CACHED_BYTES: Final = 64 * 1024 * 1024
"""More than an hour of prompts at 16 kB a second."""
MAX_CACHED: Final = 200
"""Each costs the core two descriptors."""
MAX_HOPELESS: Final = 1000
"""Contents that are refused without trying them again; a key and a sentence each."""


class SoundCache:
    def __init__(self, limit_bytes: int = MAX_CACHED_BYTES, limit: int = MAX_CACHED) -> None:
        self._limit_bytes = limit_bytes
        self._limit = limit
        self._sources: OrderedDict[str, SoundSource] = OrderedDict()
        self._hopeless: OrderedDict[str, str] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sources)

    @property
    def size_bytes(self) -> int:
        return sum(source.size_bytes for source in self._sources.values())

    def get(self, key: str) -> SoundSource | None:
        """The sound of this content, if it is here and has not failed.

        Raises SoundError for content that was stopped for what it costs, the last time.
        """
        if (why := self._hopeless.get(key)) is not None:
            raise SoundError(why)
        source = self._sources.get(key)
        if source is None:
            return None
        if source.error is not None:
            self._drop(key)
            if source.hopeless:
                raise SoundError(self._remember(key, source.error))
            return None
        self._sources.move_to_end(key)
        return source

    def put(self, key: str, source: SoundSource) -> None:
        """Keep a sound, in place of another of that key, and let the oldest go that are too many
        now."""
        source.hold()
        if key in self._sources:
            self._drop(key)
        self._sources[key] = source
        while len(self._sources) > self._limit or self._oversize():
            self._drop(next(iter(self._sources)))

    def clear(self) -> None:
        while self._sources:
            self._drop(next(iter(self._sources)))

    def _remember(self, key: str, why: str) -> str:
        self._hopeless[key] = why
        if len(self._hopeless) > MAX_HOPELESS:
            self._hopeless.popitem(last=False)
        return why

    def _oversize(self) -> bool:
        return len(self._sources) > 1 and self.size_bytes > self._limit_bytes

    def _drop(self, key: str) -> None:
        self._sources.pop(key).release()
