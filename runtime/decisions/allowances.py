"""What a rate leaves over: of frames and commands, of a processor, of the log. Runs in the core.

Each takes its numbers from the table of limits (limits.py) and the time as an argument.
"""

from __future__ import annotations

import enum

import attrs

from runtime.decisions.limits import Limits


@attrs.define
class TokenBucket:
    """`rate` tokens a second, at most `burst` saved up; full at first use."""

    rate: float
    burst: float
    _tokens: float = attrs.field(init=False)
    _filled: float | None = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self._tokens = self.burst

    def take(self, now: float, amount: float = 1.0) -> bool:
        """Take `amount` if it is there; otherwise nothing."""
        self._fill(now)
        if self._tokens + 1e-9 < amount:
            return False
        self._tokens -= amount
        return True

    def wait_s(self, now: float, amount: float = 1.0) -> float:
        """How long until `amount` can be taken."""
        self._fill(now)
        return max(0.0, (amount - self._tokens) / self.rate)

    def _fill(self, now: float) -> None:
        if self._filled is not None and now > self._filled:
            self._tokens = min(self.burst, self._tokens + (now - self._filled) * self.rate)
        if self._filled is None or now > self._filled:
            self._filled = now


@attrs.define
class CpuBudget:
    """What a script may use of a processor; looked at now and then, in its favour."""

    rate: float
    burst_s: float
    _level_s: float = attrs.field(init=False)
    _last: tuple[float, float] | None = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self._level_s = self.burst_s

    def exhausted(self, now: float, used_s: float) -> bool:
        """`used_s`: CPU time of the process so far. The first look is where counting begins."""
        last, self._last = self._last, (now, used_s)
        if last is not None:
            earned = (now - last[0]) * self.rate
            self._level_s = min(self.burst_s, self._level_s + earned - (used_s - last[1]))
        return self._level_s < 0


class LogVerdict(enum.Enum):
    """What becomes of one log line."""

    WRITE = "write"
    TOO_FAST = "too fast"
    """Write one line instead that says that lines are missing."""
    TOO_MUCH = "too much"
    """Write one line instead that says that nothing follows."""
    DROP = "drop"


@attrs.define
class LogAllowance:
    """What a script may write: a rate, a burst and a total; told once when it is over."""

    limits: Limits
    _bucket: TokenBucket = attrs.field(init=False)
    _total: int = attrs.field(init=False, default=0)
    _muted: bool = attrs.field(init=False, default=False)
    _over: bool = attrs.field(init=False, default=False)
    dropped: int = attrs.field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self._bucket = TokenBucket(self.limits.log_bytes_per_s, self.limits.log_burst_bytes)

    def admit(self, now: float, size: int) -> LogVerdict:
        verdict = self._judge(now, size)
        if verdict is LogVerdict.WRITE:
            self._total += size
        else:
            self.dropped += 1
        return verdict

    def _judge(self, now: float, size: int) -> LogVerdict:
        if self._over:
            return LogVerdict.DROP
        if self._total + size > self.limits.log_total_bytes:
            self._over = True
            return LogVerdict.TOO_MUCH
        if self._still_muted(now) or not self._bucket.take(now, size):
            first, self._muted = not self._muted, True
            return LogVerdict.TOO_FAST if first else LogVerdict.DROP
        self._muted = False
        return LogVerdict.WRITE

    def _still_muted(self, now: float) -> bool:
        """Once over, until a second's worth is saved up: not one line and one notice by turns."""
        enough = min(self.limits.log_bytes_per_s, self.limits.log_burst_bytes)
        return self._muted and self._bucket.wait_s(now, enough) > 0
