"""Whether a scenario that keeps crashing is given more calls. Runs in the core.

So many crashes within so long (five a minute, if nothing else is configured) open the breaker for
that version of the scenario: new sessions are refused at once instead of being lost one by one. It
closes by itself when the crashes are old, and a new version starts with a clean record (sandbox.md
4.6).
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Final

import attrs

from runtime.decisions.failure import Cause
from runtime.decisions.limits import Limits

MAX_SCENARIOS: Final = 1_000
"""Versions remembered; the ones that crashed last are kept."""
CRASHES: Final = frozenset(
    {
        Cause.CPU_LIMIT,
        Cause.MEMORY,
        Cause.UNRESPONSIVE,
        Cause.PROTOCOL,
        Cause.CRASHED,
        Cause.SCRIPT_ERROR,
    }
)
"""Ends that are the script's fault."""


@attrs.define
class CrashBreaker:
    """`crashes` within `window_s` open it; 0 crashes switch it off."""

    crashes: int
    window_s: float
    _seen: OrderedDict[tuple[str, str], deque[float]] = attrs.field(factory=OrderedDict)

    @classmethod
    def of(cls, limits: Limits, *, on: bool) -> CrashBreaker:
        return cls(limits.crashes if on else 0, limits.crashes_window_s)

    def ended(self, scenario: str, version: str, cause: Cause, now: float) -> None:
        """A session of that scenario is over."""
        if not self.crashes or cause not in CRASHES:
            return
        key = (scenario, version)
        times = self._seen.pop(key, None) or deque(maxlen=self.crashes)
        times.append(now)
        self._seen[key] = times
        while len(self._seen) > MAX_SCENARIOS:
            self._seen.popitem(last=False)

    def refusal(self, scenario: str, version: str, now: float) -> str | None:
        """Why a call is not given to that scenario; None when it is."""
        times = self._seen.get((scenario, version))
        if times is None or len(times) < self.crashes or now - times[0] > self.window_s:
            return None
        return (
            f"scenario {scenario} is failing: {self.crashes} sessions crashed within "
            f"{self.window_s:g} s; see their timelines, or load another version"
        )
