"""Is the worker's event loop alive? A ping follows each burst of events; silence is a verdict.

What silence means is decided in decisions/watchdog.py, what a script may use of a processor in
decisions/limits.py; here are the clocks, the pings and the nonces.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import trio

from runtime.decisions.failure import Cause, End
from runtime.decisions.limits import CpuBudget, Limits
from runtime.decisions.watchdog import BURNT_S, LOOK_S, SILENT_S, Silence, Usage, Verdict
from runtime.sandbox.frames import CoreFrame, PingFrame
from runtime.sandbox.wire import ProtocolError
from runtime.session.alarms import Alarms
from runtime.session.settings import IMPORT_S

IDLE_S: Final = 10.0
"""A worker that is a process is also pinged unasked: timers may hang as well as handlers."""
BUDGET_S: Final = 2.0
"""Between looks at the CPU budget: its burst is as long as that on one processor."""


class Watch:
    """Pings one worker."""

    def __init__(
        self,
        alarms: Alarms,
        *,
        send: Callable[[CoreFrame], None],
        fail: Callable[[End], None],
        new_nonce: Callable[[], str],
        pid: Callable[[], int | None],
        limits: Limits,
    ) -> None:
        self._alarms = alarms
        self._send = send
        self._fail = fail
        self._new_nonce = new_nonce
        self._pid = pid
        self._limits = limits
        self._budget = CpuBudget(limits.cpu_rate, limits.cpu_burst_s)
        self._nonce: str | None = None
        self._silence: Silence | None = None
        self._ping_due = False

    # --- import ---------------------------------------------------------------------------------

    def importing(self) -> None:
        """The script's top level runs: no ping would be answered before it is done."""
        self._await_answer(
            Silence(
                trio.current_time(),
                self._cpu_s(),
                allowed_cpu_s=self._limits.import_cpu_s + BURNT_S,
                allowed_s=IMPORT_S,
            )
        )

    def imported(self) -> None:
        """From now on the CPU budget counts, and a worker that is a process is pinged unasked."""
        self._answered()
        if self._pid() is not None:
            self._budget.exhausted(trio.current_time(), self._cpu_s())
            self._alarms.set("idle-ping", IDLE_S, self._idle)
            self._alarms.set("budget", BUDGET_S, self._count)

    # --- pings ----------------------------------------------------------------------------------

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
        self._answered()
        if self._ping_due:
            self._alarms.set("ping", LOOK_S, self._ping)

    def _idle(self) -> None:
        self._alarms.set("idle-ping", IDLE_S, self._idle)
        if self._nonce is None:
            self._ping()

    def _ping(self) -> None:
        """One at a time: whichever alarm brought us here, the other has nothing left to do."""
        self._alarms.clear("ping")
        self._ping_due = False
        self._nonce = self._new_nonce()
        self._send(PingFrame(nonce=self._nonce))
        self._await_answer(Silence(trio.current_time(), self._cpu_s()))

    def _count(self) -> None:
        if self._budget.exhausted(trio.current_time(), self._cpu_s()):
            percent = round(self._budget.rate * 100)
            text = f"the script uses more than {percent} % of a processor"
            self._fail(End(Cause.CPU_LIMIT, text, dead=True))
        else:
            self._alarms.set("budget", BUDGET_S, self._count)

    # --- verdicts -------------------------------------------------------------------------------

    def _await_answer(self, silence: Silence) -> None:
        self._silence = silence
        self._alarms.set("pong", LOOK_S, self._look)

    def _answered(self) -> None:
        self._silence = None
        self._alarms.clear("pong")

    def _look(self) -> None:
        assert self._silence is not None
        verdict = self._silence.look(trio.current_time(), usage_of(self._pid()))
        if verdict is None:
            self._alarms.set("pong", LOOK_S, self._look)
        else:
            self._fail(_end(verdict, importing=self._nonce is None))

    def _cpu_s(self) -> float:
        pid = self._pid()
        return 0.0 if pid is None else cpu_of(pid)


def _end(verdict: Verdict, *, importing: bool) -> End:
    """Why the session is over; the worker is killed at once in each case."""
    what = "the script's top level" if importing else "a handler"
    if verdict is Verdict.BURNS:
        text = f"{what} computed for too long and could not be interrupted"
        return End(Cause.CPU_LIMIT, text, dead=True)
    if importing:
        return End(Cause.UNRESPONSIVE, f"{what} was not done after {IMPORT_S:g} s")
    text = f"the script's process did not react for {SILENT_S:g} s ({what} blocks)"
    return End(Cause.UNRESPONSIVE, text)


def cpu_of(pid: int) -> float:
    """Linux: the CPU clock of another process, without any privilege, in a microsecond."""
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0


def usage_of(pid: int | None) -> Usage:
    """Of a process; nothing where the kernel does not tell, or for a worker that is none."""
    if pid is None:
        return Usage()
    try:
        scheduled = Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return Usage(
            cpu_s=cpu_of(pid),
            waited_s=int(scheduled[1]) / 1e9,
            # After the name, which is in parentheses and may hold anything.
            runnable=state.rpartition(")")[2].split()[0] == "R",
        )
    except (OSError, IndexError, ValueError):
        return Usage()
