"""What a worker may do to its process when it is one of its own and serves nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol


class OwnProcess(Protocol):
    """Given to `serve_session` in a process of its own; there the CPU time of handlers is limited
    too."""

    def limit_memory(self, memory_bytes: int) -> None:
        """Let the session have so much, for good; before it sees its script."""

    def out_of_memory(self) -> None:
        """End the process at once, with the status that says why. Needs no memory."""


async def or_end(own: OwnProcess | None, run: Callable[[], Awaitable[None]]) -> None:
    """Run a task of the worker's own. One that is refused memory is the end of the process: trio
    cannot be relied on to unwind without any, and might wait for ever."""
    try:
        await run()
    except MemoryError:
        if own is not None:
            own.out_of_memory()
        raise
