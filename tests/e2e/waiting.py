"""Waiting for what can only be looked at: bounded, with a message that says what was missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import trio

WAIT_S: Final = 60.0
"""For anything that is promised within a second or two: the machine may be busy."""
POLL_S: Final = 0.01


async def until(
    condition: Callable[[], object],
    what: str,
    *,
    within_s: float = WAIT_S,
    seen: Callable[[], str] = str,
) -> None:
    """Return once `condition` holds; AssertionError with `what` and `seen` otherwise."""
    if not await holds(condition, within_s):
        raise AssertionError(f"not within {within_s:g} s: {what}\n{seen()}")


async def holds(condition: Callable[[], object], within_s: float) -> bool:
    """Whether it does, as soon as it does."""
    with trio.move_on_after(within_s):
        while not condition():  # noqa: ASYNC110 - another process's doing has no event here
            await trio.sleep(POLL_S)
        return True
    return False
