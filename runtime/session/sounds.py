"""Loads the sound of a prompt: in the background, bounded in time, with one kind of error."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import trio

from runtime.media.port import Sound, SoundError

LOAD_S: Final = 30.0
"""VoxEngine gives a download 12 s; a long text on a busy machine may take longer to be spoken."""

Loader = Callable[[], Awaitable[Sound]]


async def load_sound(loader: Loader, keep: Callable[[Sound], None]) -> None:
    """Load until the length is known. `keep` gets the sound as soon as there is one, so that its
    owner can give it back when it is not needed any more. Raises SoundError.
    """
    with trio.move_on_after(LOAD_S) as patience:
        sound = await loader()
        keep(sound)
        await sound.ready()
    if patience.cancelled_caught:
        raise SoundError(f"Timeout is reached: the sound was not there after {LOAD_S:g} s")


def duration_ms(sound: Sound) -> int:
    return round((sound.duration_s or 0.0) * 1000)
