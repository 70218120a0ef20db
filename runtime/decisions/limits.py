"""The one table of limits: default, range, meaning, what happens beyond, and who keeps each.

The keys of `[limits]` and `[application.limits]`, their checks, the worker's share, the page
docs/reference/limits.md and the tables of `callstage doctor` are all made from the fields below.
The operator may set any value of a range; an application may only lower what the operator set
(`lowered`). Runs in the core. Defaults follow design.md, then voxengine.md 3.8 and sandbox.md 4.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from runtime.decisions.call_limits import CallLimits
from runtime.decisions.limit import Keeper, facts, limit

CALL_LIMIT_REACHED: Final = "Call limit reached"
"""What Failed(403) says (voxengine.md 3.2)."""
MIB: Final = 1024 * 1024

_WAITS: Final = "the next one waits, within its own time"
_SLOWER: Final = "the script waits: its sends block"
_TOO_MANY_REQUESTS: Final = "429 with Retry-After"
_TRUNCATED: Final = "one line that says so, then silence"
_RAISED: Final = "LimitReached at the script's line"
_NOT_LOADED: Final = "the scenario is not loaded, with all reasons"
_LEFT_OUT: Final = "entries are left out and counted; the end of the session is always written"


@attrs.frozen(kw_only=True)
class Limits(CallLimits):
    """Of one session unless `what` says otherwise."""

    # --- processor and memory -------------------------------------------------------------------
    handler_cpu_s: float = limit(
        1.0,
        (0.1, 60.0),
        "CPU time of a handler without giving others a turn",
        beyond="HandlerTimeout with the line, an uncaught exception of that leg; what cannot be "
        "interrupted is killed: `cpu-limit`",
        keeper=Keeper.BOTH,
    )
    slow_handlers: int = limit(
        3,
        (1, 100),
        "handlers over `handler_cpu_s` within `slow_handlers_window_s`",
        beyond="the last of them ends the session: `cpu-limit`",
    )
    slow_handlers_window_s: float = limit(
        60.0, (1.0, 3600.0), "for `slow_handlers`", beyond="", operator_only=True
    )
    import_cpu_s: float = limit(
        3.0,
        (0.1, 60.0),
        "CPU time of a script's top level",
        beyond="the session ends: `script-error` with the line, or `cpu-limit`; 500 to the caller",
        keeper=Keeper.BOTH,
    )
    blocked_s: float = limit(
        5.0,
        (1.0, 60.0),
        "without an answer to a ping, or taking nothing of what is sent to it, not counting what "
        "the process computed or waited for a processor",
        beyond="the process is killed: `unresponsive`",
    )
    cpu_rate: float = limit(
        0.2,
        (0.001, 1.0),
        "seconds of CPU time a second in the long run, after the import",
        beyond="the process is killed when `cpu_burst_s` is used up: `cpu-limit`",
    )
    cpu_burst_s: float = limit(
        2.0, (0.1, 600.0), "CPU time that may be used ahead of `cpu_rate`", beyond="see `cpu_rate`"
    )
    total_cpu_s: int = limit(
        600,
        (1, 86_400),
        "CPU time of a session's process in its life",
        beyond="the process is killed: `cpu-limit`",
        keeper=Keeper.CORE_AND_KERNEL,
    )
    memory_mib: int = limit(
        64,
        (8, 65_536),
        "memory of a session's process beyond what it began with",
        beyond="MemoryError in the script; uncaught, or when the interpreter cannot go on, the "
        "session ends: `memory`",
        keeper=Keeper.KERNEL,
    )

    # --- what a script says ---------------------------------------------------------------------
    log_bytes_per_s: int = limit(
        64 * 1024, (100, 16 * MIB), "log of a script in the long run", beyond=_TRUNCATED
    )
    log_burst_bytes: int = limit(
        256 * 1024, (1_000, 64 * MIB), "log at once", beyond=_TRUNCATED + ", until there is room"
    )
    log_total_bytes: int = limit(
        10 * MIB, (1_000, 1_024 * MIB), "log of a session in its life", beyond=_TRUNCATED
    )
    log_line_chars: int = limit(
        15_000,
        (100, 15_000),
        "one line of the log",
        beyond="it is cut, with a mark",
        keeper=Keeper.BOTH,
    )
    commands_per_s: float = limit(
        100.0, (1.0, 10_000.0), "commands and errors in the long run", beyond=_SLOWER
    )
    commands_burst: float = limit(
        400.0, (1.0, 100_000.0), "commands and errors at once", beyond=_SLOWER
    )
    commands_in_arrears: int = limit(
        2_000,
        (10, 100_000),
        "commands that wait for their turn",
        beyond="LimitReached, raised at the script's line; beyond that `limit:commands`",
        keeper=Keeper.BOTH,
    )
    frames_per_s: float = limit(
        2_000.0, (10.0, 100_000.0), "messages of any kind in the long run", beyond=_SLOWER
    )
    frames_burst: float = limit(
        10_000.0, (10.0, 1_000_000.0), "messages of any kind at once", beyond=_SLOWER
    )
    bytes_per_s: float = limit(
        float(MIB),
        (64.0 * 1024, 64.0 * MIB),
        "bytes of all messages in the long run",
        beyond=_SLOWER,
    )
    bytes_burst: float = limit(
        4.0 * MIB, (64.0 * 1024, 256.0 * MIB), "bytes of all messages at once", beyond=_SLOWER
    )
    events_queued: int = limit(
        1_024,
        (64, 100_000),
        "events that the script has not taken yet",
        beyond="the session ends: `limit:events`",
    )
    timeline_entries: int = limit(
        50_000, (1, 10_000_000), "entries of a session's timeline", beyond=_LEFT_OUT
    )
    timeline_bytes: int = limit(
        16 * MIB, (64 * 1024, 4_096 * MIB), "size of a session's timeline", beyond=_LEFT_OUT
    )

    # --- HTTP -----------------------------------------------------------------------------------
    http_active: int = limit(
        3,
        (1, 100),
        "HTTP requests of a script under way at once",
        beyond="the next one waits",
        keeper=Keeper.BOTH,
    )
    http_queued: int = limit(
        32,
        (0, 1_000),
        "HTTP requests that wait behind them",
        beyond='"Exceeded the HTTP connection count limit!" raised at the script\'s line',
        keeper=Keeper.BOTH,
    )
    http_machine_active: int = limit(
        200,
        (1, 10_000),
        "HTTP requests of all scripts at once; of one scenario a quarter",
        beyond=_WAITS,
        operator_only=True,
    )
    http_timeout_s: float = limit(
        90.0,
        (1.0, 600.0),
        "an HTTP request, from the moment it is under way",
        beyond="code -7",
        keeper=Keeper.BOTH,
    )
    http_connect_timeout_s: float = limit(
        6.0,
        (0.1, 60.0),
        "of it for name, connection and TLS of each hop",
        beyond="code -7",
        keeper=Keeper.BOTH,
    )
    http_request_bytes: int = limit(
        MIB,
        (0, 16 * MIB),
        "body of an HTTP request",
        beyond="ValueError at the script's line",
        keeper=Keeper.BOTH,
    )
    http_waiting_bytes: int = limit(
        3 * MIB,
        (0, 64 * MIB),
        "bodies of all requests under way and waiting: the core holds them for redirects",
        beyond=_RAISED,
        keeper=Keeper.BOTH,
    )
    http_response_bytes: int = limit(
        2 * MIB, (1_000, 64 * MIB), "body of an answer", beyond="code -9"
    )
    mail_active: int = limit(
        2, (1, 20), "mails on their way at once", beyond="the next one waits", keeper=Keeper.BOTH
    )
    mail_queued: int = limit(
        8, (0, 100), "mails that wait behind them", beyond=_RAISED, keeper=Keeper.BOTH
    )

    # --- requests at the access URL -------------------------------------------------------------
    access_active: int = limit(
        10,
        (1, 100),
        "requests at a session's access URL that its handlers have not finished with: at most so "
        "many stand before an event of a call",
        beyond="503 with Retry-After",
    )
    access_per_s: float = limit(
        20.0,
        (0.1, 1_000.0),
        "such requests in the long run, so that a flood of them does not use up the script's CPU "
        "time",
        beyond=_TOO_MANY_REQUESTS,
    )
    access_burst: float = limit(50.0, (1.0, 1_000.0), "of them at once", beyond=_TOO_MANY_REQUESTS)
    access_reply_s: float = limit(
        20.0,
        (0.1, 25.0),
        "from such a request to the answer of a handler",
        beyond="504; what the handler returns later is dropped",
    )
    access_request_bytes: int = limit(
        64 * 1024, (0, 100_000), "body of such a request", beyond="413"
    )
    access_reply_bytes: int = limit(
        256 * 1024,
        (1_000, 4 * MIB),
        "what a handler answers",
        beyond="500, and a line in the log",
        keeper=Keeper.BOTH,
    )

    # --- scenarios ------------------------------------------------------------------------------
    bundle_bytes: int = limit(
        MIB,
        (1_000, 4 * MIB),
        "Python of a scenario, all files together",
        beyond=_NOT_LOADED,
        keeper=Keeper.LOADING,
    )
    bundle_files: int = limit(
        64, (1, 1_000), "Python files of a scenario", beyond=_NOT_LOADED, keeper=Keeper.LOADING
    )
    bundle_file_chars: int = limit(
        256 * 1024,
        (1_000, 256 * 1024),
        "one Python file",
        beyond=_NOT_LOADED,
        keeper=Keeper.LOADING,
    )
    crashes: int = limit(
        5,
        (1, 1_000),
        "sessions of a scenario's version that crashed within `crashes_window_s`",
        beyond="new sessions of it get 503 at once, with the reason",
        zero="never refuse",
    )
    crashes_window_s: float = limit(
        60.0, (1.0, 3600.0), "for `crashes`", beyond="", operator_only=True
    )


def excesses(operator: Limits, application: Mapping[str, float]) -> dict[str, str]:
    """What is wrong with the limits that an application wants: key -> the two numbers."""
    found: dict[str, str] = {}
    for name, value in application.items():
        highest, known = getattr(operator, name), facts(Limits, name)
        if known.operator_only:
            found[name] = f"only the operator can set it: [limits] {name}"
        elif known.height(value) > known.height(highest):
            found[name] = (
                f"{value:g} is above the operator's {highest:g} ([limits] {name}); an application "
                "can only lower it"
            )
    return found


def lowered(operator: Limits, application: Mapping[str, float]) -> Limits:
    """The limits of an application's sessions. Raises ValueError if one is above the operator's."""
    found = excesses(operator, application)
    if found:
        raise ValueError("; ".join(f"{name}: {problem}" for name, problem in found.items()))
    own: Mapping[str, Any] = application
    return attrs.evolve(operator, **own)


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


def refuse_custom_data(limits: Limits, value: str) -> str | None:
    """Why a script may not set this customData, if so; its own process should have told it."""
    size, most = len(value.encode("utf-8", "replace")), limits.custom_data_bytes
    return f"customData(): {size} bytes, the limit is {most}" if size > most else None


def worker_settings(limits: Limits) -> dict[str, float]:
    """The limits that the script's own process keeps too (StartFrame.settings)."""
    return {name: getattr(limits, name) for name in _IN_WORKER}


_IN_WORKER: Final = tuple(
    field.name for field in attrs.fields(Limits) if facts(Limits, field.name).in_worker
)
