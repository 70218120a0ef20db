"""What an error ends: a leg, a session, or nothing more; and what its legs are told.

`on_error` says what an uncaught exception of a script ends, `on_failure` what becomes of answered
calls that are bridged when the script's process dies. Runs in the core.
"""

from __future__ import annotations

import enum
import re
from collections import deque
from collections.abc import Hashable, Iterable, Mapping
from typing import Final, Literal

import attrs

from runtime.decisions.limits import Limits
from runtime.decisions.problems import Calls

OnError = Literal["leg", "session"]
OnFailure = Literal["hangup", "keep"]

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
OUT_OF_MEMORY: Final = "MemoryError"
SLOW_HANDLER: Final = "HandlerTimeout"
"""The exception that the worker raises into a handler over its CPU time."""


class Cause(enum.StrEnum):
    """Why a session ended; shown in history, in the log and over HTTP."""

    TERMINATED = "terminated"
    IDLE = "idle"
    LENGTH = "limit:session-length"
    COMMANDS = "limit:commands"
    EVENTS = "limit:events"
    NO_LISTENER = "no-listener"
    OPERATOR = "operator"
    SHUTDOWN = "shutdown"
    SCRIPT_ERROR = "script-error"
    CPU_LIMIT = "cpu-limit"
    MEMORY = "memory"
    UNRESPONSIVE = "unresponsive"
    PROTOCOL = "protocol"
    CRASHED = "crashed"
    ZYGOTE_LOST = "zygote-lost"
    NOT_STARTED = "not-started"
    INTERNAL = "internal-error"


ORDERLY: Final = frozenset(
    {
        Cause.TERMINATED,
        Cause.IDLE,
        Cause.LENGTH,
        Cause.NO_LISTENER,
        Cause.OPERATOR,
        Cause.SHUTDOWN,
    }
)
"""Nobody failed: an unanswered caller is told 480, not 500."""
_WAITS_FOR_REQUESTS: Final = frozenset(
    {Cause.TERMINATED, Cause.IDLE, Cause.LENGTH, Cause.NO_LISTENER, Cause.SCRIPT_ERROR}
)
"""The script's own ends; an operator who ends a session, or everything, does not wait."""
_SCRIPT_STILL_RUNS: Final = ORDERLY | {Cause.SCRIPT_ERROR, Cause.CPU_LIMIT}


@attrs.frozen
class End:
    """The one reason why a session ends. `detail` is for people, on one line."""

    cause: Cause
    detail: str = ""
    dead: bool = False
    """The worker is gone, or must go at once."""

    @property
    def script_hears(self) -> bool:
        """Whether Terminating and Terminated are for it; otherwise it is not to be trusted."""
        return self.cause in _SCRIPT_STILL_RUNS and not self.dead

    @property
    def finishes_requests(self) -> bool:
        """Whether HTTP requests under way may come to their end (voxengine.md R7)."""
        return self.cause in _WAITS_FOR_REQUESTS

    @property
    def orderly(self) -> bool:
        return self.cause in ORDERLY

    @property
    def refusal(self) -> tuple[Calls, str]:
        """What an unanswered incoming leg is told."""
        told = "the scenario ended the session" if self.cause is Cause.TERMINATED else self.cause
        kind = Calls.SCENARIO_ENDED if self.orderly else Calls.SCENARIO_FAILED
        return kind, self.detail or str(told)


@attrs.frozen
class EndLeg:
    """The leg that the error belongs to is hung up; its own last handlers still run."""

    reason: str


@attrs.frozen
class EndSession:
    end: End


@attrs.frozen
class RecordOnly:
    """The leg has ended already; there is nothing left to end."""


Verdict = EndLeg | EndSession | RecordOnly


class Owner(enum.Enum):
    """Whose code failed."""

    LIVE_LEG = "a call"
    ENDED_LEG = "a call that has ended"
    NOBODY = "the session"


@attrs.define
class Errors:
    """The errors of one session so far."""

    limits: Limits
    on_error: OnError
    _slow: deque[float] = attrs.field(factory=deque)

    def judge(self, *, kind: str, owner: Owner, message: str, where: str, now: float) -> Verdict:
        """What an uncaught exception ends."""
        place = one_line(where)
        text = "scenario error: " + one_line(message) + (f" ({place})" if place else "")
        if message.startswith(OUT_OF_MEMORY):
            return EndSession(End(Cause.MEMORY, text))
        if self._too_slow(message, now):
            return EndSession(End(Cause.CPU_LIMIT, text))
        if kind == "import" or owner is Owner.NOBODY or self.on_error == "session":
            return EndSession(End(Cause.SCRIPT_ERROR, text))
        return EndLeg(text) if owner is Owner.LIVE_LEG else RecordOnly()

    def _too_slow(self, message: str, now: float) -> bool:
        if not message.startswith(SLOW_HANDLER):
            return False
        self._slow.append(now)
        while self._slow[0] < now - self.limits.slow_handlers_window_s:
            self._slow.popleft()
        return len(self._slow) >= self.limits.slow_handlers


_SIGNALS: Final[Mapping[str, tuple[Cause, str]]] = {
    "24": (Cause.CPU_LIMIT, "the script used up its CPU time"),
    "31": (Cause.CRASHED, "the script's process made a forbidden system call"),
    "11": (Cause.CRASHED, "the script's process crashed (segmentation fault)"),
    "6": (Cause.CRASHED, "the script's process aborted"),
    "9": (Cause.CRASHED, "the script's process was killed"),
}
_STATUSES: Final[Mapping[str, tuple[Cause, str]]] = {
    "zygote-lost": (
        Cause.ZYGOTE_LOST,
        "the process that starts scripts died, and this script with it",
    ),
    "oom-killed": (Cause.MEMORY, "the kernel killed the script's process: no memory was left"),
    "exit 71": (Cause.MEMORY, "the script's process could not go on without more memory"),
}
_FOR_LACK_OF_MEMORY: Final = frozenset({"6", "7", "11"})
"""How an interpreter or a library ends that is refused memory where it cannot do without."""
NEARLY_ALL: Final = 0.75
"""Of its memory: address space that was never touched is not seen in what a process has used."""


def end_of_worker(status: str, memory_used: float = 0.0) -> End:
    """Why a worker that was not told to stop is gone ("exit 1", "signal 9", "zygote-lost").

    `memory_used`: the most that it had of what it was allowed, as a share.
    """
    kind, _, number = status.partition(" ")
    if status in _STATUSES:
        return End(*_STATUSES[status], dead=True)
    if kind == "signal" and number in _FOR_LACK_OF_MEMORY and memory_used >= NEARLY_ALL:
        text = f"the script's process ended by signal {number} when its memory was used up"
        return End(Cause.MEMORY, text, dead=True)
    if kind == "signal":
        unknown = (Cause.CRASHED, f"the script's process ended by signal {number}")
        return End(*_SIGNALS.get(number, unknown), dead=True)
    text = f"the script's process ended by itself ({status or 'no status'})"
    return End(Cause.CRASHED, text, dead=True)


def bridged(edges: Iterable[tuple[Hashable, Hashable]], connected: frozenset[int]) -> set[int]:
    """The connected legs that hear or are heard by another one: what `keep` keeps."""
    kept: set[int] = set()
    for source, sink in edges:
        if source != sink and source in connected and sink in connected:
            kept |= {node for node in (source, sink) if isinstance(node, int)}
    return kept


def one_line(message: str) -> str:
    """The last line of an error's text, short enough for a SIP reason phrase."""
    lines = [line for line in message.splitlines() if line.strip()]
    return _CONTROLS.sub(" ", lines[-1].strip() if lines else "")[:160]
