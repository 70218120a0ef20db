"""Sounds in the core: audio that a worker is making, shared by everybody who plays it.

A SoundSource is one piece of audio and its fate; a PcmSound is one user's hold on it. When the last
hold is gone the memory is given back, and a worker that is still filling it is told to stop, by
the state in the shared header.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import trio

from runtime.media.pcm import MAX_SOUND_S, PcmBuffer
from runtime.media.port import SoundError

MAX_LABEL: Final = 100
"""Characters of a text or URL that an error message repeats."""
MAX_ERROR: Final = 500
"""Characters of a worker's own error sentence."""


class SoundSource:
    """Audio in the making: the Work of a sound worker (sound_workers.py). Its replies end in
    `audible`, then `finish` or `fail`."""

    def __init__(self, buffer: PcmBuffer, refusal: Callable[[], str | None] = lambda: None) -> None:
        """`refusal`: why it may not be begun now, if so."""
        self.buffer = buffer
        self._refusal = refusal
        self.error: str | None = None
        self.hopeless = False
        """It failed by what it costs, on any machine at any time: not worth trying again."""
        self.duration_s: float | None = None
        self._broken_off: str | None = None
        self._audible = trio.Event()
        self._complete = trio.Event()
        self._users = 0

    @property
    def complete(self) -> bool:
        return self._complete.is_set()

    @property
    def playable(self) -> bool:
        """Whether there is something to play, be it the beginning of what broke off."""
        begun = self._broken_off is not None and self.buffer.valid_samples > 0
        return self.error is None or begun

    @property
    def wanted(self) -> bool:
        """Whether anybody still holds it; a job that nobody wants is not worth starting."""
        return self._users > 0

    @property
    def refusal(self) -> str | None:
        """Why the work on it may not begin now, if so."""
        return self._refusal()

    @property
    def shared(self) -> tuple[int, ...]:
        """Where the worker writes."""
        return (self.buffer.fd,)

    def told(self, reply: dict[str, Any]) -> bool:
        """What the worker says; True at its end."""
        match reply.get("state"):
            case "audible":
                self.audible(_seconds(reply.get("expected_s")))
            case "done":
                self.finish()
                return True
            case "failed":
                self.fail(str(reply.get("error"))[:MAX_ERROR])
                return True
        return False

    @property
    def size_bytes(self) -> int:
        """Memory that it takes now."""
        return self.buffer.valid_samples * 2

    def audible(self, expected_s: float | None = None) -> None:
        """The first samples are there; players may start. `expected_s`: how long it is going to
        be, as it says itself."""
        self.duration_s = expected_s
        self._audible.set()

    def break_off(self, error: str) -> None:
        """No more than what is there will come; once that is decoded, the sound has failed."""
        self._broken_off = error

    def finish(self) -> None:
        """The last sample is there."""
        if self._broken_off is not None:
            self.fail(self._broken_off)
        elif not self.complete:
            self.duration_s = self.buffer.duration_s
            self.buffer.finish()
            self._end()

    def fail(self, error: str, *, hopeless: bool = False) -> None:
        """Nothing follows; players that began it end with this error."""
        if not self.complete:
            self.error = self._broken_off or error
            self.hopeless = hopeless
            self.buffer.finish(failed=True)
            self._end()

    async def wait_audible(self) -> None:
        """Until something can be played, or there will be nothing (see `error`)."""
        await self._audible.wait()

    async def wait_complete(self) -> None:
        """Until the length is known, or the sound turned out broken (see `error`)."""
        await self._complete.wait()

    def hold(self) -> None:
        self._users += 1

    def release(self) -> None:
        self._users -= 1
        if self._users == 0:
            self.fail("nobody plays it any more")
            self.buffer.close()

    def _end(self) -> None:
        self._audible.set()
        self._complete.set()


class PcmSound:
    """One user's hold on a source; implements the `Sound` of the media port."""

    def __init__(self, label: str, source: SoundSource) -> None:
        self.label = label
        self._source: SoundSource | None = source
        self._last = source
        source.hold()

    def __repr__(self) -> str:
        return f"<PcmSound {self.label!r} {self.duration_s} s>"

    @property
    def buffer(self) -> PcmBuffer:
        """The samples, for the engine; its state tells the engine when the sound ends."""
        return self._last.buffer

    @property
    def error(self) -> str | None:
        """Why the buffer's state is FAILED, as the author of the script reads it."""
        if self._last.error is None:
            return None
        return f"{_shortened(self.label)} cannot be played: {self._last.error}"

    @property
    def duration_s(self) -> float | None:
        return self._last.duration_s

    @property
    def growing(self) -> bool:
        """Whether its end is not there yet."""
        return not self._last.complete

    async def audible(self) -> None:
        """Return when there is something to play; raise SoundError when there will be nothing."""
        await self._last.wait_audible()
        if not self._last.playable:
            self._check()

    async def ready(self) -> None:
        await self._last.wait_complete()
        self._check()

    def close(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            source.release()

    def _check(self) -> None:
        if self.error is not None:
            raise SoundError(self.error)


def _shortened(label: str) -> str:
    return label if len(label) <= MAX_LABEL else f"{label[:MAX_LABEL]}..."


def _seconds(said: Any) -> float | None:
    """A length that a worker reports; it has read a stranger's file, and may be one by now."""
    return float(said) if isinstance(said, int | float) and 0 < said <= MAX_SOUND_S else None
