"""Is the worker's event loop alive? A ping follows each burst of events; silence is a verdict.

Whether it takes what is sent to it is judged in the same way.
What silence means is decided in decisions/watchdog.py, what a script may use of a processor in
decisions/limits.py; here are the clocks, the pings and the nonces.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final, assert_never

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


class Owed(enum.Enum):
    """What a worker has not done yet; by this name its alarm is known."""

    IMPORT = "import"
    PONG = "pong"
    TAKING = "taking"


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
        self._importing = False
        self._ping_due = False
        self._heard_at = -math.inf
        """When the worker last answered."""
        self._memory_bytes = 0
        """What the process began with."""

    # --- import ---------------------------------------------------------------------------------

    def importing(self) -> None:
        """The script's top level runs: no ping would be answered before it is done."""
        self._memory_bytes = usage_of(self._pid()).memory_bytes
        self._importing = True
        self._await(Owed.IMPORT)

    def imported(self) -> None:
        """From now on the CPU budget counts, and a worker that is a process is pinged unasked."""
        self._importing = False
        self._answered(Owed.IMPORT)
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
        self._answered(Owed.PONG)
        if self._ping_due:
            self._alarms.set("ping", LOOK_S, self._ping)

    def _ping(self) -> None:
        """One at a time: whichever alarm brought us here, the other has nothing left to do."""
        self._alarms.clear("ping")
        self._ping_due = False
        self._nonce = self._new_nonce()
        self._send(PingFrame(nonce=self._nonce))
        self._await(Owed.PONG)

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

    @property
    def _silent_s(self) -> float:
        return trio.current_time() - self._heard_at

    def _over_budget(self, used_s: float) -> str | None:
        if used_s > self._limits.total_cpu_s:
            return f"the script has used {self._limits.total_cpu_s} s of CPU time, the limit"
        if self._budget.exhausted(trio.current_time(), used_s):
            return f"the script uses more than {self._budget.rate * 100:g} % of a processor"
        return None

    # --- verdicts -------------------------------------------------------------------------------

    @contextmanager
    def taking(self) -> Iterator[None]:
        """While the worker has no room for what is sent to it."""
        self._await(Owed.TAKING)
        try:
            yield
        finally:
            self._alarms.clear(Owed.TAKING)

    def _await(self, owed: Owed) -> None:
        begin = Silence.of_import if self._importing else Silence.of_handlers
        silence = begin(self._limits, trio.current_time(), self._cpu_s())
        self._alarms.set(owed, LOOK_S, partial(self._look, owed, silence))

    def _answered(self, owed: Owed) -> None:
        self._heard_at = trio.current_time()
        self._alarms.clear(owed)

    def _look(self, owed: Owed, silence: Silence) -> None:
        usage = usage_of(self._pid())
        verdict = silence.look(trio.current_time(), usage)
        if verdict is None:
            self._alarms.set(owed, LOOK_S, partial(self._look, owed, silence))
        elif verdict is Verdict.BLOCKS and self._is_full(usage):
            self._fail(End(Cause.MEMORY, "the script used up its memory and hangs", dead=True))
        else:
            self._fail(_end(verdict, owed, silence.allowed_s))

    def _is_full(self, usage: Usage) -> bool:
        """An interpreter that is refused memory in a wrong moment waits for ever."""
        grown = usage.memory_bytes - self._memory_bytes
        return grown > NEARLY_ALL * (self._limits.memory_mib << 20)

    def _cpu_s(self) -> float:
        pid = self._pid()
        return 0.0 if pid is None else cpu_of(pid)


_WHO: Final = {
    Owed.IMPORT: "the script's top level",
    Owed.PONG: "a handler",
    Owed.TAKING: "the script's process",
}


def _end(verdict: Verdict, owed: Owed, allowed_s: float) -> End:
    """Why the session is over; the worker is killed at once in each case."""
    if verdict is Verdict.BURNS:
        text = f"{_WHO[owed]} computed for too long and could not be interrupted"
        return End(Cause.CPU_LIMIT, text, dead=True)
    match owed:
        case Owed.IMPORT:
            text = f"the script's top level was not done after {allowed_s:g} s"
        case Owed.PONG:
            text = f"the script's process did not react for {allowed_s:g} s (a handler blocks)"
        case Owed.TAKING:
            text = f"the script's process took nothing for {allowed_s:g} s"
        case _:
            assert_never(owed)
    return End(Cause.UNRESPONSIVE, text)
