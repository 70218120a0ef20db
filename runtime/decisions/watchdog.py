"""Is a worker stuck? Verdicts on one that owes an answer, from clocks that somebody else read.

Stuck is who burns CPU time, although the worker's own timer should have stopped it, and who does
nothing for long without having waited for a processor. Which of the two it was, its CPU clock says
and never the wall's. A starved worker is not a stuck one, and a core that looks late has itself to
blame (sandbox.md 4.5). Runs in the core.
"""

from __future__ import annotations

import enum
from typing import Final

import attrs

from runtime.decisions.limits import Limits

TICK_S: Final = 0.25
"""CPU time that the worker needs to interrupt a handler over its share, and to say so."""
MORE_S: Final = 1.0
"""Time besides: a compiler is interrupted only between two statements, and a handler that computes
all its time is not one that blocks."""
IMPORT_S: Final = 10.0
"""3 s of CPU are allowed to an import; the rest is for a machine whose cores are busy."""
LOOK_S: Final = 0.25
"""Between looks at a worker that owes an answer: often enough for the verdicts."""
LATE_S: Final = 2 * LOOK_S
"""A look counts no more than this: if it comes later, the core was busy, and the answer may have
been waiting for it."""
ROUNDING_S: Final = 1e-6


@attrs.frozen(kw_only=True)
class Usage:
    """What a process has used up so far."""

    cpu_s: float = 0.0
    waited_s: float = 0.0
    """For a free processor: an overloaded machine is not the script's fault."""
    runnable: bool = False
    """It computes, or waits for a processor now: that wait is not in `waited_s` yet."""
    memory_bytes: int = 0
    """Address space, used or not: what the limit of memory is about."""


class Verdict(enum.Enum):
    BURNS = "uses CPU time without an answer"
    BLOCKS = "does nothing without an answer"


@attrs.define
class Silence:
    """One answer that is owed, from the moment it was asked for."""

    since: float
    cpu_s: float
    """The CPU clock at that moment."""
    allowed_cpu_s: float
    """Its share: with more it has computed too long, whatever it did besides."""
    allowed_s: float
    """Without computing, and without waiting for a processor."""
    grace_cpu_s: float = 0.0
    """Beyond its share, until it is not waited for any more."""
    _silent_s: float = attrs.field(init=False, default=0.0)
    _last: tuple[float, Usage] | None = attrs.field(init=False, default=None)

    @classmethod
    def of_handlers(cls, limits: Limits, since: float, cpu_s: float) -> Silence:
        """A ping was sent; whatever handler runs may use its share before it is answered."""
        allowed_s = max(limits.blocked_s, limits.handler_cpu_s + MORE_S)
        return cls(since, cpu_s, limits.handler_cpu_s, allowed_s, TICK_S)

    @classmethod
    def of_import(cls, limits: Limits, since: float, cpu_s: float) -> Silence:
        """The script's top level runs."""
        allowed_s = max(IMPORT_S, limits.import_cpu_s + limits.blocked_s)
        return cls(since, cpu_s, limits.import_cpu_s, allowed_s, MORE_S + TICK_S)

    def look(self, now: float, usage: Usage) -> Verdict | None:
        """None: it still has time. Look again LOOK_S later."""
        began, before = self._last or (self.since, attrs.evolve(usage, cpu_s=self.cpu_s))
        self._last = (now, usage)
        burnt_s = usage.cpu_s - self.cpu_s
        if burnt_s > self.allowed_cpu_s + self.grace_cpu_s:
            return Verdict.BURNS
        if usage.runnable and (before.runnable or usage.cpu_s == before.cpu_s):
            # It computed as much as it was let. What it waited is told only when the wait is over,
            # and what a hypervisor took never.
            return None
        waited = usage.waited_s - before.waited_s
        self._silent_s += min(max(0.0, now - began - waited), LATE_S)
        if self._silent_s <= self.allowed_s - ROUNDING_S:
            return None
        return Verdict.BURNS if burnt_s >= self.allowed_cpu_s else Verdict.BLOCKS
