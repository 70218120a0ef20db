"""Running a coroutine so that its starter learns when it first pauses.

An async handler starts in the order of events and runs to its first await before the next event is
delivered. That is seen here, at the coroutine's own first pause, and not left to the order in which
trio runs tasks, which it shuffles on purpose.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any


@types.coroutine
def announce_first_pause(
    coroutine: Coroutine[Any, Any, object], paused: Callable[[], None]
) -> Generator[Any, Any, object]:
    """Run `coroutine` to its end, and return what it returns; call `paused` when it first pauses,
    if it does."""
    try:
        trap = coroutine.send(None)
    except StopIteration as end:
        return end.value
    paused()
    advance: Callable[[Any], Any]
    while True:
        try:
            answer = yield trap
        except GeneratorExit:
            coroutine.close()
            raise
        except BaseException as exc:  # noqa: BLE001 - passed into the coroutine, as `yield from` does
            advance, argument = coroutine.throw, exc
        else:
            advance, argument = coroutine.send, answer
        try:
            trap = advance(argument)
        except StopIteration as end:
            return end.value
