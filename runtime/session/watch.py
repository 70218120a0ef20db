"""Is the worker's event loop alive? A ping follows each burst of events; silence is a verdict.

Stuck is who burns CPU time without answering, although the worker's own timer should have stopped
it, and who does not answer for long without having waited for a processor (sandbox.md 4.5).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import attrs
import trio

from runtime.decisions.failure import Cause, End
from runtime.decisions.limits import CpuBudget
from runtime.sandbox.frames import CoreFrame, PingFrame
from runtime.sandbox.wire import ProtocolError
from runtime.session.alarms import Alarms

LOOK_S: Final = 0.25
"""From events to the ping that follows them, and between looks at a worker that owes an answer:
often enough for the verdicts below, and nothing to do for a worker that is well."""
BURNT_S: Final = 1.25
"""CPU time without an answer: the worker interrupts a handler after 1 s by itself."""
IDLE_S: Final = 10.0
"""A worker that is a process is also pinged unasked: timers may hang as well as handlers."""
SILENT_S: Final = 5.0
"""Blocked without using CPU time (sandbox.md 4.4)."""


@attrs.frozen(kw_only=True)
class Usage:
    """What a process has used up so far."""

    cpu_s: float = 0.0
    waited_s: float = 0.0
    """For a free processor: an overloaded machine is not the script's fault."""


class Watch:
    """Pings one worker."""

    def __init__(
        self,
        alarms: Alarms,
        *,
        send: Callable[[CoreFrame], None],
        fail: Callable[[End], None],
        new_nonce: Callable[[], str],
        usage: Callable[[], Usage],
        budget: CpuBudget,
    ) -> None:
        self._alarms = alarms
        self._send = send
        self._fail = fail
        self._new_nonce = new_nonce
        self._usage = usage
        self._budget = budget
        self._nonce: str | None = None
        self._pinged_at = 0.0
        self._before: Usage | None = None
        self._ping_due = False

    def look_regularly(self) -> None:
        """From now on, which is after the import: the CPU budget counts and idle pings are sent."""
        self._budget.exhausted(trio.current_time(), self._usage().cpu_s)
        self._alarms.set("idle-ping", IDLE_S, self._idle)

    def _idle(self) -> None:
        self._alarms.set("idle-ping", IDLE_S, self._idle)
        if self._budget.exhausted(trio.current_time(), self._usage().cpu_s):
            percent = round(self._budget.rate * 100)
            text = f"the script uses more than {percent} % of a processor"
            self._fail(End(Cause.CPU_LIMIT, text, dead=True))
        elif self._nonce is None:
            self._ping()

    def event_sent(self) -> None:
        """Something for the worker to do was queued."""
        if not self._ping_due:
            self._ping_due = True
            if self._nonce is None:
                self._alarms.set("ping", LOOK_S, self._ping)

    def pong(self, nonce: str) -> None:
        """Raises ProtocolError for an answer to no ping."""
        if nonce != self._nonce:
            raise ProtocolError("pong to no ping")
        self._nonce = None
        self._alarms.clear("pong")
        if self._ping_due:
            self._alarms.set("ping", LOOK_S, self._ping)

    def _ping(self) -> None:
        self._ping_due = False
        self._nonce = self._new_nonce()
        self._pinged_at = trio.current_time()
        self._before = None
        self._send(PingFrame(nonce=self._nonce))
        self._alarms.set("pong", LOOK_S, self._look)

    def _look(self) -> None:
        usage = self._usage()
        before = self._before = self._before or usage
        waited = usage.waited_s - before.waited_s
        if usage.cpu_s - before.cpu_s > BURNT_S:
            text = f"a handler used {BURNT_S:g} s of CPU time and could not be interrupted"
            self._fail(End(Cause.CPU_LIMIT, text, dead=True))
        elif trio.current_time() - self._pinged_at - waited > SILENT_S - 1e-6:
            text = f"the script's process did not react for {SILENT_S:g} s (a handler blocks)"
            self._fail(End(Cause.UNRESPONSIVE, text))
        else:
            self._alarms.set("pong", LOOK_S, self._look)


def usage_of(pid: int | None) -> Usage:
    """Of a process; nothing where the kernel does not tell, or for a worker that is none."""
    if pid is None:
        return Usage()
    try:
        # Linux: the CPU clock of another process, without any privilege (sandbox.md 4.5).
        cpu_s = time.clock_gettime((~pid << 3) | 2)
        fields = Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()
        return Usage(cpu_s=cpu_s, waited_s=int(fields[1]) / 1e9)
    except (OSError, IndexError, ValueError):
        return Usage()
