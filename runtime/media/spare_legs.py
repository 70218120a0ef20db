"""Legs that are open in advance, so that a call never waits for its ports.

Decides how many the engine is asked for and when waiting is of no use. While the engine has no
ports it is asked for one leg at a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

import trio

from runtime.media.port import MediaUnavailable
from runtime.media.proxies import LegProxy

WAIT_S: Final = 8.0
"""Longest wait of a call for ports; usually they are there. An engine that is being restarted on a
busy machine is back by then, and a caller who waits is better off than one who is refused."""


class SpareLegs:
    """Spare legs of one engine after the other; between two engines there are none."""

    def __init__(self, wanted: int, ask: Callable[[], None]) -> None:
        self._wanted = wanted
        self._ask = ask
        self._spares: deque[LegProxy] = deque()
        self._running = False
        self._limit = 0
        self._open = 0
        """Legs the engine has or was asked for, spare ones included."""
        self._asked = 0
        self._refusal = ""
        self._news = trio.Event()
        self._queue = trio.Lock()
        """Whoever holds it has the next leg; trio lets the others in in the order they came."""
        self._waiting = 0

    async def take(self) -> LegProxy:
        """The next spare leg, in the order of asking. Raises MediaUnavailable."""
        self._waiting += 1
        try:
            self._ask_for_more()
            with trio.move_on_after(WAIT_S):
                async with self._queue:
                    while not self._spares:
                        self._check_hope()
                        await self._news.wait()
                    return self._spares.popleft()
        finally:
            self._waiting -= 1
        raise MediaUnavailable(f"the media engine gave no ports within {WAIT_S:.0f} s")

    # --- what the engine did --------------------------------------------------------------------

    def start(self, limit: int) -> None:
        """A new engine is ready; it carries so many legs."""
        self._running, self._limit = True, limit
        self._ask_for_more()

    def stop(self) -> None:
        """The engine is gone, with all legs."""
        self._running = False
        self._open = self._asked = 0
        self._spares.clear()
        self._refusal = ""
        self._tell()

    def opened(self, leg: LegProxy) -> None:
        self._asked -= 1
        self._spares.append(leg)
        self._tell()

    def refused(self, reason: str) -> None:
        self._asked -= 1
        self._open -= 1
        self._refusal = reason
        self._tell()

    def closed(self) -> None:
        """A leg that had been taken is closed, and its ports are free."""
        self._open -= 1
        self._refusal = ""
        self._ask_for_more()

    # --- inside ---------------------------------------------------------------------------------

    def _ask_for_more(self) -> None:
        # Those who wait get theirs in one turn of the engine, however slow this machine turns.
        wanted = 1 if self._refusal else self._wanted + self._waiting
        while (
            self._running and self._asked + len(self._spares) < wanted and self._open < self._limit
        ):
            self._asked += 1
            self._open += 1
            self._ask()

    def _check_hope(self) -> None:
        """Raise MediaUnavailable when waiting is of no use."""
        if self._asked or not self._running:
            return  # an engine that is being restarted takes up those who wait
        if self._refusal:
            raise MediaUnavailable(self._refusal)
        raise MediaUnavailable(f"all {self._limit} legs of the media engine are in use")

    def _tell(self) -> None:
        self._news.set()
        self._news = trio.Event()
