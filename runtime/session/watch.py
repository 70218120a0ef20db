"""Is the worker's event loop alive? A ping follows each burst of events; silence is a verdict.

The time that a worker waited for a free processor does not count against it (sandbox.md 4.5);
CPU time is the business of the worker's own timer and of the kernel's limits.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import trio

from runtime.decisions.failure import Cause, End
from runtime.sandbox.frames import CoreFrame, PingFrame
from runtime.sandbox.wire import ProtocolError
from runtime.session.alarms import Alarms

SILENT_S: Final = 5.0
"""Blocked without using its CPU time (sandbox.md 4.4)."""


class Watch:
    """Pings one worker."""

    def __init__(
        self,
        alarms: Alarms,
        *,
        send: Callable[[CoreFrame], None],
        fail: Callable[[End], None],
        new_nonce: Callable[[], str],
        starved_s: Callable[[], float],
    ) -> None:
        self._alarms = alarms
        self._send = send
        self._fail = fail
        self._new_nonce = new_nonce
        self._starved_s = starved_s
        self._nonce: str | None = None
        self._pinged_at = 0.0
        self._starved_before = 0.0
        self._again = False

    def event_sent(self) -> None:
        """Something for the worker to do was queued."""
        if self._nonce is None:
            self._ping()
        else:
            self._again = True

    def pong(self, nonce: str) -> None:
        """Raises ProtocolError for an answer to no ping."""
        if nonce != self._nonce:
            raise ProtocolError("pong to no ping")
        self._nonce = None
        self._alarms.clear("pong")
        if self._again:
            self._ping()

    def _ping(self) -> None:
        self._again = False
        self._nonce = self._new_nonce()
        self._pinged_at = trio.current_time()
        self._starved_before = self._starved_s()
        self._send(PingFrame(nonce=self._nonce))
        self._alarms.set("pong", SILENT_S, self._judge)

    def _judge(self) -> None:
        starved = self._starved_s() - self._starved_before
        silent = trio.current_time() - self._pinged_at - starved
        if silent < SILENT_S - 1e-6:
            self._alarms.set("pong", SILENT_S - silent, self._judge)
            return
        text = f"the script's process did not react for {SILENT_S:g} s (a handler blocks)"
        self._fail(End(Cause.UNRESPONSIVE, text))


def run_queue_wait_s(pid: int | None) -> float:
    """How long a process has waited for a processor so far; 0 where the kernel does not tell."""
    if pid is None:
        return 0.0
    try:
        fields = Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()
        return int(fields[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0
