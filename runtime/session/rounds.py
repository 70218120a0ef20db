"""One look at everything, every so often: what would be a timer of each session is one for all.

A task that wakes costs some hundred microseconds when a thousand others ran since; a call beside
its like costs a few.
"""

from __future__ import annotations

from collections.abc import Callable

import trio


class Rounds:
    """Calls whoever has joined, one after the other, every `every_s` seconds."""

    def __init__(self, every_s: float) -> None:
        self.every_s = every_s
        self._members: dict[Callable[[], None], None] = {}
        self._joined = trio.Event()

    def join(self, member: Callable[[], None]) -> None:
        """Call it in each round from now on. It must not block or raise. Joining twice is once."""
        self._members[member] = None
        self._joined.set()

    def leave(self, member: Callable[[], None]) -> None:
        self._members.pop(member, None)

    async def run(self) -> None:
        """Go round until cancelled; sleeps while nobody is a member."""
        while True:
            if not self._members:
                self._joined = trio.Event()
                await self._joined.wait()
            await trio.sleep(self.every_s)
            for member in list(self._members):
                if member in self._members:
                    member()
