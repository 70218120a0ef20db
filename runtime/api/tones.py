"""Key presses as an async iterator.

Keys wait in a bounded buffer from the moment the iterator is made, so none is lost between two
awaits.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import trio

from runtime.api.names import StrictNames

MAX_WAITING: Final = 256
"""Key presses kept for a reader that does not read; then the oldest are dropped."""


class Tones(StrictNames):
    """The key presses of one call, in order; ends when the call ends. See Call.tones."""

    __slots__ = ("__weakref__", "_ended", "_keys", "_wake")

    def __init__(self, *, ended: bool) -> None:
        self._keys: deque[str] = deque(maxlen=MAX_WAITING)
        self._ended = ended
        self._wake = trio.Event()

    def __repr__(self) -> str:
        return f"<Call.tones {len(self._keys)} waiting{', ended' if self._ended else ''}>"

    def __aiter__(self) -> Tones:
        return self

    async def __anext__(self) -> str:
        while not self._keys:
            if self._ended:
                raise StopAsyncIteration
            await self._changed()
        return self._keys.popleft()

    def _press(self, key: str) -> None:
        self._keys.append(key)
        self._notice()

    def _end(self) -> None:
        self._ended = True
        self._notice()

    def _notice(self) -> None:
        self._wake.set()

    async def _changed(self) -> None:
        await self._wake.wait()
        self._wake = trio.Event()
