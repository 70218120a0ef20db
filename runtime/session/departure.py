"""That a session's worker has left: also wakes who waits for an answer that it still owed."""

from __future__ import annotations

import attrs
import trio


@attrs.define(eq=False)
class Departure:
    """Set once, when the worker is gone or has nothing more to say."""

    _event: trio.Event = attrs.field(factory=trio.Event)
    _answer: trio.Event | None = None

    def set(self) -> None:
        self._event.set()
        if self._answer is not None:
            self._answer.set()

    def is_set(self) -> bool:
        return self._event.is_set()

    async def wait(self) -> None:
        await self._event.wait()

    async def wait_or(self, answer: trio.Event) -> None:
        """Return when `answer` is set, which a departure does too; one waits at a time.

        Without a task for each of the two, because every session waits so twice.
        """
        if self.is_set():
            answer.set()
        self._answer = answer
        try:
            await answer.wait()
        finally:
            self._answer = None
