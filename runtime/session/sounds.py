"""Loads the sound of a prompt: in the background, bounded in time, with one kind of error."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import trio

from runtime.media.port import Sound, SoundError

LOAD_S: Final = 30.0
"""VoxEngine gives a download 12 s; a long text on a busy machine may take longer to be spoken."""

FRAMES_PER_S: Final = 50
"""Of the engine, whose events count frames."""
WAITS: Final = "all that came of its sound is played; silence until more comes"

Loader = Callable[[], Awaitable[Sound]]


async def load_sound(
    loader: Loader, keep: Callable[[Sound], None], *, progressive: bool = False
) -> None:
    """Load until all of it is there, or, if `progressive`, its beginning. `keep` gets the sound as
    soon as there is one, so that its owner can give it back when it is not needed any more.
    Raises SoundError.
    """
    with trio.move_on_after(LOAD_S) as patience:
        sound = await loader()
        keep(sound)
        if not progressive:
            await sound.ready()
    if patience.cancelled_caught:
        raise SoundError(f"Timeout is reached: the sound was not there after {LOAD_S:g} s")


def duration_ms(sound: Sound) -> int:
    return round((sound.duration_s or 0.0) * 1000)


def why_ended(sound: Sound | None, error: str | None) -> str | None:
    """Why a playback ended with `error` (None: it did not): the engine only sees that no more
    comes, the sound knows why."""
    if error is None or sound is None:
        return error
    return sound.error or error


def went_on(missed_frames: int) -> str:
    """For the timeline, when more of a sound came that was waited for."""
    return f"goes on after {missed_frames / FRAMES_PER_S:.2f} s of silence"
