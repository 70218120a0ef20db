"""Waits until no task of this trio run can go on by itself.

As trio.testing does; but that package loads pytest where it is installed: a fifth of the zygote's
start, and memory of every worker.
"""

from __future__ import annotations

import trio


class _Idleness(trio.abc.Instrument):
    """Sees the loop when it is about to wait."""

    def __init__(self, token: trio.lowlevel.TrioToken, reached: trio.Event) -> None:
        self._token = token
        self._reached = reached

    def before_io_wait(self, timeout: float) -> None:
        if timeout > 0:
            # An event set here would be seen after the wait only; this ends the wait.
            self._token.run_sync_soon(self._reached.set, idempotent=True)


async def all_tasks_blocked() -> None:
    """Return when every task but this one waits for time, a message or the network."""
    reached = trio.Event()
    idleness = _Idleness(trio.lowlevel.current_trio_token(), reached)
    trio.lowlevel.add_instrument(idleness)
    try:
        await reached.wait()
    finally:
        trio.lowlevel.remove_instrument(idleness)
