"""Key presses as an async iterator, and their collection with `Call.gather`.

Keys wait in a bounded buffer from the moment the iterator is made, so none is lost between two
awaits. The rules of a collection stand in decisions/gather.py; here they only meet the clock.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Final

import trio

from runtime.api.handle import Handle
from runtime.api.names import StrictNames
from runtime.api.values import Gathered, GatherReason, PlaybackOutcome
from runtime.decisions.gather import Action, Done, Gather, Plan, StopPrompt

if TYPE_CHECKING:
    from runtime.api.call import Call

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


class Gathering(StrictNames):
    """A collection of digits under way; awaiting it gives Gathered. See Call.gather."""

    __slots__ = ("_call", "_core", "_digits", "_prompt", "_reading", "_result", "_tones")

    def __init__(
        self, call: Call, plan: Plan, tones: Tones, prompt: Handle[PlaybackOutcome] | None
    ) -> None:
        self._call = call
        self._core = Gather(plan, trio.current_time(), prompting=prompt is not None)
        self._tones = tones
        self._prompt = prompt
        self._result: Gathered | None = None
        self._reading = trio.Lock()
        if prompt is not None:
            prompt._then.append(tones._notice)

    def __repr__(self) -> str:
        return f"<Call.gather {'pending' if self._result is None else self._result}>"

    def __await__(self) -> Generator[Any, Any, Gathered]:
        return self._collect().__await__()

    async def _collect(self) -> Gathered:
        async with self._reading:
            while self._result is None:
                actions = self._next_input()
                if actions is not None:
                    self._act(actions)
                    continue
                deadline = self._core.next_timeout()
                with trio.move_on_at(math.inf if deadline is None else deadline):
                    await self._tones._changed()
            return self._result

    def _next_input(self) -> list[Action] | None:
        """Feed the core one thing that happened, keys first; None when nothing has."""
        now = trio.current_time()
        if self._tones._keys:
            return self._core.on_digit(self._tones._keys.popleft(), now)
        if self._tones._ended:
            return self._core.on_call_ended()
        if self._prompt is not None and self._prompt.done:
            self._prompt = None
            return self._core.on_prompt_over(now)
        deadline = self._core.next_timeout()
        return self._core.on_time(now) if deadline is not None and deadline <= now else None

    def _act(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case StopPrompt():
                    self._call.stopPlayback()
                    self._prompt = None
                case Done(digits, reason):
                    self._result = Gathered(digits=digits, reason=GatherReason[reason.name])
