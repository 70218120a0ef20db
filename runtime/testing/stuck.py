"""A script that computes without end would hang its test: no clock can jump over that.

In production the script's own process is interrupted (runtime/sandbox/cpu.py); in tests it shares
ours. A timer that runs only while this process computes looks now and then what has been running
since the last await; when that is a script, HandlerTimeout is raised in it and fails the test.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any, Final

import trio

from runtime.sandbox.cpu import HandlerTimeout

LIMIT_S: Final = 10.0
"""Of CPU time between two awaits. Far above the 1 s of production: tests run under debuggers,
coverage and load, and must not fail for it."""
TICK_S: Final = 0.1
SCRIPT: Final = "@"
"""Modules of scenarios, and only these, have it in their names (sandbox/loader.py)."""


class StuckGuard(trio.abc.Instrument):
    """One per simulation; does nothing outside the main thread, or without such timers."""

    def __init__(self) -> None:
        self._ticks = 0
        self._before: Any = None

    def start(self) -> None:
        """Inside trio.run."""
        if hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGVTALRM, self._tick)
            signal.setitimer(signal.ITIMER_VIRTUAL, TICK_S, TICK_S)
            trio.lowlevel.add_instrument(self)

    def stop(self) -> None:
        if self._before is not None:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            signal.signal(signal.SIGVTALRM, self._before)
            trio.lowlevel.remove_instrument(self)
            self._before = None

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self._ticks = 0

    def _tick(self, _: int, frame: FrameType | None) -> None:
        self._ticks += 1
        if self._ticks * TICK_S < LIMIT_S:
            return
        while frame is not None:
            if SCRIPT in str(frame.f_globals.get("__name__")):
                self._ticks = 0
                raise HandlerTimeout(
                    f"{LIMIT_S:g} s of CPU time without an await, and no end in sight; where calls "
                    "are real, a handler is interrupted after 1 s"
                )
            frame = frame.f_back
