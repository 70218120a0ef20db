"""Is the worker's event loop alive? A ping follows each burst of events; silence is a verdict.

What silence means is decided in decisions/watchdog.py, what a script may use of a processor in
decisions/limits.py; here are the clocks, the pings and the nonces.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import trio

from runtime.decisions.allowances import CpuBudget
from runtime.decisions.failure import NEARLY_ALL, Cause, End
from runtime.decisions.limits import Limits
from runtime.decisions.watchdog import LOOK_S, Silence, Usage, Verdict
from runtime.processes.usage import cpu_of, usage_of
from runtime.sandbox.frames import CoreFrame, PingFrame
from runtime.sandbox.wire import ProtocolError
from runtime.session.alarms import Alarms
from runtime.session.rounds import Rounds

IDLE: Final = 6
"""So many times what a worker may block for, and then it is pinged unasked: timers may hang as well
as handlers. A ping costs as much as the audio of two seconds."""
ROUND_S: Final = 2.0
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
        rounds: Rounds,
    ) -> None:
        self._alarms = alarms
        self._rounds = rounds
        self._send = send
        self._fail = fail
        self._new_nonce = new_nonce
        self._pid = pid
        self._limits = limits
        self._budget = CpuBudget(limits.cpu_rate, limits.cpu_burst_s)
        self._nonce: str | None = None
        self._silence: Silence | None = None
        self._ping_due = False
        self._heard_at = -math.inf
        """When the worker last answered."""
        self._memory_bytes = 0
        """What the process began with."""

    # --- import ---------------------------------------------------------------------------------

    def importing(self) -> None:
        """The script's top level runs: no ping would be answered before it is done."""
        self._memory_bytes = usage_of(self._pid()).memory_bytes
        self._await_answer(Silence.of_import(self._limits, trio.current_time(), self._cpu_s()))

    def imported(self) -> None:
        """From now on the CPU budget counts, and a worker that is a process is pinged unasked."""
        self._answered()
        if self._pid() is not None:
            self._budget.exhausted(trio.current_time(), self._cpu_s())
            self._rounds.join(self._look_in)

    def close(self) -> None:
        """The session is over."""
        self._rounds.leave(self._look_in)

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

    def _ping(self) -> None:
        """One at a time: whichever alarm brought us here, the other has nothing left to do."""
        self._alarms.clear("ping")
        self._ping_due = False
        self._nonce = self._new_nonce()
        self._send(PingFrame(nonce=self._nonce))
        silence = Silence.of_handlers(self._limits, trio.current_time(), self._cpu_s())
        self._await_answer(silence)

    def _look_in(self) -> None:
        """The regular round: the CPU budget, and a ping for who was silent for long."""
        why = self._over_budget(self._cpu_s())
        if why is not None:
            self.close()
            self._fail(End(Cause.CPU_LIMIT, why, dead=True))
        elif (
            self._nonce is None
            and trio.current_time() - self._heard_at >= IDLE * self._limits.blocked_s
        ):
            self._ping()

    def _over_budget(self, used_s: float) -> str | None:
        if used_s > self._limits.total_cpu_s:
            return f"the script has used {self._limits.total_cpu_s} s of CPU time, the limit"
        if self._budget.exhausted(trio.current_time(), used_s):
            return f"the script uses more than {self._budget.rate * 100:g} % of a processor"
        return None

    # --- verdicts -------------------------------------------------------------------------------

    def _await_answer(self, silence: Silence) -> None:
        self._silence = silence
        self._alarms.set("pong", LOOK_S, self._look)

    def _answered(self) -> None:
        self._silence = None
        self._heard_at = trio.current_time()
        self._alarms.clear("pong")

    def _look(self) -> None:
        assert self._silence is not None
        usage = usage_of(self._pid())
        verdict = self._silence.look(trio.current_time(), usage)
        if verdict is None:
            self._alarms.set("pong", LOOK_S, self._look)
        elif verdict is Verdict.BLOCKS and self._is_full(usage):
            self._fail(End(Cause.MEMORY, "the script used up its memory and hangs", dead=True))
        else:
            self._fail(_end(verdict, self._silence.allowed_s, importing=self._nonce is None))

    def _is_full(self, usage: Usage) -> bool:
        """An interpreter that is refused memory in a wrong moment waits for ever."""
        grown = usage.memory_bytes - self._memory_bytes
        return grown > NEARLY_ALL * (self._limits.memory_mib << 20)

    def _cpu_s(self) -> float:
        pid = self._pid()
        return 0.0 if pid is None else cpu_of(pid)


def _end(verdict: Verdict, allowed_s: float, *, importing: bool) -> End:
    """Why the session is over; the worker is killed at once in each case."""
    what = "the script's top level" if importing else "a handler"
    if verdict is Verdict.BURNS:
        text = f"{what} computed for too long and could not be interrupted"
        return End(Cause.CPU_LIMIT, text, dead=True)
    if importing:
        return End(Cause.UNRESPONSIVE, f"{what} was not done after {allowed_s:g} s")
    text = f"the script's process did not react for {allowed_s:g} s ({what} blocks)"
    return End(Cause.UNRESPONSIVE, text)
