"""The worker's own limit on CPU time: one handler may not hold the event loop for long.

A timer that runs only while this process computes counts ticks; every step of a task starts the
count anew. Over the limit HandlerTimeout is raised in the script's own code, never in the midst of
trio or of the API: it gives the script's author the line. It can be swallowed, and code in C cannot
be interrupted; what then still holds the loop is ended from outside.
"""

from __future__ import annotations

import math
import signal
import sys
from collections.abc import Collection
from pathlib import Path
from types import FrameType
from typing import Any, Final

import trio

TICK_S: Final = 0.1
"""Of CPU time; the limit is kept to this."""
AGAIN_TICKS: Final = 2
"""A script that swallowed the interruption is interrupted again after this."""

_PROTECTED: Final = (
    f"{Path(trio.__file__).parent}/",
    f"{Path(__file__).parents[1]}/",
)
"""Code that must not be interrupted half-way: trio, and the scenario API under the script."""


class HandlerTimeout(BaseException):
    """A handler used too much CPU time at once. Not an Exception: a script's `except Exception`
    is not meant for it."""


class CpuGuard(trio.abc.Instrument):
    """Counts CPU ticks since the script's code was last entered. One per process."""

    def __init__(self, files: Collection[str]) -> None:
        """`files`: the script's own, as they stand in its code; may still grow."""
        self._files = files
        self._handler_s = self._limit_s = math.inf
        self._ticks = 0
        self._overdue = False
        self._counting = False

    def start(self, *, handler_s: float, import_s: float) -> None:
        """Begin with the import of the script; inside trio.run, in the main thread."""
        self._handler_s, self._limit_s = handler_s, import_s
        self._counting = True
        signal.signal(signal.SIGPROF, self._tick)
        signal.setitimer(signal.ITIMER_PROF, TICK_S, TICK_S)
        trio.lowlevel.add_instrument(self)

    def stop(self) -> None:
        if not self._counting:
            return
        self._counting = False
        signal.setitimer(signal.ITIMER_PROF, 0)
        trio.lowlevel.remove_instrument(self)

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self._ticks = 0
        self._overdue = False

    def entering(self) -> None:
        """A handler is about to be called: it has its own share."""
        self._ticks = 0
        self._overdue = False

    def imported(self) -> None:
        """The script's top level has run; from now on the limit of handlers holds."""
        self._limit_s = self._handler_s
        self.entering()

    def check(self) -> None:
        """At the API's door: raise in the script what could not be raised inside the API."""
        frame: FrameType | None = sys._getframe(1) if self._overdue else None
        while frame is not None:
            if frame.f_code.co_filename in self._files:
                self._raise()
            frame = frame.f_back

    def _tick(self, _: int, frame: FrameType | None) -> Any:
        self._ticks += 1
        if self._ticks * TICK_S < self._limit_s:
            return
        while frame is not None:
            path = frame.f_code.co_filename
            if path in self._files:
                self._raise()
            if path.startswith(_PROTECTED):
                break
            frame = frame.f_back
        self._overdue = True

    def _raise(self) -> None:
        self._overdue = False
        self._ticks -= AGAIN_TICKS
        raise HandlerTimeout(
            f"more than {self._limit_s:g} s of CPU time without giving other handlers a turn; do "
            "less at once, or split the work with await VoxEngine.sleep(0)"
        )
