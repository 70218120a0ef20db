"""From encoded bytes to a sound: out of the cache, or by a file worker; the core never parses them.

Sounds are shared by content, also while they are being decoded.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Hashable
from typing import Final

import attrs

from runtime.media.port import SoundError

from .alive import AliveSounds
from .sound import SoundSource
from .sound_cache import SoundCache
from .sound_workers import SoundWorkers, WorkerKind

DECODERS: Final = 4
"""Three for one scenario, so that its long files do not hold up its others; whatever it plays, the
fourth is free for the next scenario."""
ARRIVING: Final = 2
"""Of them may wait for downloads; who wants a third gets it when it is complete."""
DECODING_CPU_S: Final = 20.0
"""The longest that one file may take. An hour of mp3 takes 9 s, of Opus 13 s; a file made for it
would take minutes."""


def file_decoders(warn: Callable[[str], object]) -> SoundWorkers:
    """The pool of file workers that a library needs; its owner runs it."""
    kind = WorkerKind(
        module="runtime.media.sounds.files",
        name="the file decoder",
        count=DECODERS,
        queue=400,
        owner_queue=200,
        owner_busy=DECODERS - 1,
        job_s=30.0,
        cpu_s=DECODING_CPU_S,
        nice=5,
    )
    return SoundWorkers(kind, warn)


@attrs.frozen
class Content:
    """Encoded bytes behind a descriptor, which is the holder's to close."""

    fd: int
    key: str
    limit: int


class Decoders:
    """The pool, what it has made, and what it is making."""

    def __init__(self, workers: SoundWorkers, alive: AliveSounds, rate_hz: int) -> None:
        """Files are decoded to `rate_hz`, one of the rates of the engine's rows."""
        self.cache = SoundCache()
        self._alive = alive
        self._workers = workers
        self._rate_hz = rate_hz
        self._arriving: weakref.WeakSet[SoundSource] = weakref.WeakSet()

    @property
    def can_follow(self) -> bool:
        """Whether one more download may be decoded while it arrives."""
        return sum(not source.complete for source in self._arriving) < ARRIVING

    def whole(self, content: Content, owner: Hashable) -> SoundSource:
        """The sound of a file. Raises SoundError."""
        cached = self.cache.get(content.key)
        if cached is not None:
            return cached
        source = self.new_source(owner)
        try:
            request = {"limit": content.limit}
            self._workers.submit(request, [os.dup(content.fd)], source, owner=owner)
        except (SoundError, OSError):
            source.buffer.close()
            raise
        self.cache.put(content.key, source)
        return source

    def arriving(self, pipe: int, owner: Hashable, patience_s: float) -> SoundSource:
        """The sound of what comes out of `pipe`, for `patience_s` at most. Takes the pipe over.

        Whoever fills it keeps the sound in the cache once its content is known. Raises SoundError.
        """
        try:
            source = self.new_source(owner)
        except (SoundError, OSError):
            os.close(pipe)
            raise
        try:
            self._workers.submit({}, [pipe], source, owner=owner, patience_s=patience_s)
        except SoundError:
            source.buffer.close()
            raise
        self._arriving.add(source)
        return source

    def new_source(self, owner: Hashable) -> SoundSource:
        """An empty sound, counted among those that are alive. Raises SoundError."""
        return self._alive.new(self._rate_hz, owner)
