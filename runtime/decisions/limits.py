"""The one table of limits, and the buckets that measure rates. Runs in the core; the worker gets
its share of the numbers in the start frame (`worker_settings`).

Every number can be set by the operator; the defaults follow design.md, then voxengine.md 3.8 and
sandbox.md 4.4.
"""

from __future__ import annotations

import enum
from typing import Final

import attrs

CALL_LIMIT_REACHED: Final = "Call limit reached"
"""What Failed(403) says (voxengine.md 3.2)."""


@attrs.frozen(kw_only=True)
class Limits:
    """Of one session, if nothing else is said."""

    call_attempts: int = 50
    """Legs in a session's life, in and out, failed ones too."""
    unanswered_calls: int = 10
    """Legs that are not answered yet, at once."""
    live_calls: int = 32
    conference_callers: int = 500
    """Callers who joined a shared session; they do not count for the three limits above."""
    idle_s: float = 60.0
    """Without any leg, from the start of the session or the end of its last leg."""
    unanswered_s: float = 60.0
    """An incoming leg without answer; 408."""
    session_s: float = 12 * 3600.0
    players: int = 10
    recorders: int = 10
    conferences: int = 10
    timers: int = 100
    listeners: int = 1_000
    handler_cpu_s: float = 1.0
    """CPU of one handler before it counts as failed."""
    import_cpu_s: float = 3.0
    cpu_rate: float = 0.2
    """CPU seconds a second that a session's script may use in the long run, after its import."""
    cpu_burst_s: float = 2.0
    slow_handlers: int = 3
    """Handlers over their CPU time within `slow_handlers_window_s` that end the session."""
    slow_handlers_window_s: float = 60.0
    log_bytes_per_s: float = 64 * 1024
    log_burst_bytes: float = 256 * 1024
    log_total_bytes: int = 10 * 1024 * 1024
    commands_per_s: float = 100.0
    commands_burst: float = 400.0
    commands_in_arrears: int = 2_000
    """Commands that wait for their turn; a script that gets further behind is ended."""
    frames_per_s: float = 2_000.0
    """Frames of any kind; what a log line costs the core is bounded by this."""
    frames_burst: float = 10_000.0
    http_active: int = 3
    """HTTP requests of a script under way at once (voxengine.md 3.8)."""
    http_queued: int = 32
    """HTTP requests that wait behind them; the next one is an exception."""
    http_timeout_s: float = 90.0
    http_connect_timeout_s: float = 6.0
    http_request_bytes: int = 1024 * 1024
    http_waiting_bytes: int = 4 * 1024 * 1024
    """Bodies of all requests under way and waiting: the core holds them for redirects."""
    http_response_bytes: int = 2 * 1024 * 1024
    timeline_entries: int = 50_000
    timeline_bytes: int = 16 * 1024 * 1024


@attrs.frozen(kw_only=True)
class CallCounts:
    """The legs of a session, without the callers who joined it."""

    attempts: int
    unanswered: int
    live: int


def refuse_call(limits: Limits, counts: CallCounts) -> str | None:
    """Why one more leg is too many, for the timeline; None when it is not."""
    if counts.attempts >= limits.call_attempts:
        return f"{counts.attempts} call attempts so far, the limit is {limits.call_attempts}"
    if counts.unanswered >= limits.unanswered_calls:
        return (
            f"{counts.unanswered} calls are not answered yet, the limit is "
            f"{limits.unanswered_calls} at once"
        )
    if counts.live >= limits.live_calls:
        return f"{counts.live} calls are live, the limit is {limits.live_calls} at once"
    return None


def worker_settings(limits: Limits) -> dict[str, float]:
    """The limits that the worker itself keeps (StartFrame.settings)."""
    return {
        "timers": limits.timers,
        "listeners": limits.listeners,
        "players": limits.players,
        "http_active": limits.http_active,
        "http_queued": limits.http_queued,
        "http_timeout_s": limits.http_timeout_s,
        "http_connect_timeout_s": limits.http_connect_timeout_s,
        "http_request_bytes": limits.http_request_bytes,
        "http_waiting_bytes": limits.http_waiting_bytes,
        "handler_cpu_s": limits.handler_cpu_s,
        "import_cpu_s": limits.import_cpu_s,
        "log_bytes_per_s": limits.log_bytes_per_s,
        "log_burst_bytes": limits.log_burst_bytes,
    }


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
    TRUNCATE = "truncate"
    """Write one line instead that says that lines are missing."""
    DROP = "drop"


@attrs.define
class LogAllowance:
    """What a script may write: a rate, a burst and a total; told once when it is over."""

    limits: Limits
    _bucket: TokenBucket = attrs.field(init=False)
    _total: int = attrs.field(init=False, default=0)
    _muted: bool = attrs.field(init=False, default=False)
    dropped: int = attrs.field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self._bucket = TokenBucket(self.limits.log_bytes_per_s, self.limits.log_burst_bytes)

    def admit(self, now: float, size: int) -> LogVerdict:
        over = self._total + size > self.limits.log_total_bytes
        if over or self._still_muted(now) or not self._bucket.take(now, size):
            self.dropped += 1
            first, self._muted = not self._muted, True
            return LogVerdict.TRUNCATE if first else LogVerdict.DROP
        self._total += size
        self._muted = False
        return LogVerdict.WRITE

    def _still_muted(self, now: float) -> bool:
        """Once over, until a second's worth is saved up: not one line and one notice by turns."""
        enough = min(self.limits.log_bytes_per_s, self.limits.log_burst_bytes)
        return self._muted and self._bucket.wait_s(now, enough) > 0
