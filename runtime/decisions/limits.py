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

from runtime.decisions.limit import Keeper, facts, limit

CALL_LIMIT_REACHED: Final = "Call limit reached"
"""What Failed(403) says (voxengine.md 3.2)."""
MIB: Final = 1024 * 1024

_FAILED_403: Final = 'the call is Failed(403, "Call limit reached")'
_KIND_ERROR: Final = "the unit's Error event, and CommandFailed where it is awaited"
_LIMIT_REACHED: Final = "LimitReached, raised at the script's line"
_WAITS: Final = "the next one waits, within its own time"
_SLOWER: Final = "the script waits: its sends block"
_TRUNCATED: Final = "one line that says so, then silence"
_RAISED: Final = "LimitReached at the script's line"
_NOT_LOADED: Final = "the scenario is not loaded, with all reasons"
_LEFT_OUT: Final = "entries are left out and counted; the end of the session is always written"


@attrs.frozen(kw_only=True)
class Limits:
    """Of one session unless `what` says otherwise."""

    # --- sessions and calls ---------------------------------------------------------------------
    max_sessions: int = limit(
        0,
        (1, 1_000_000),
        "sessions at once, of the machine and of the application",
        beyond="503 to the caller, with Retry-After and the reason; 503 over HTTP",
        zero="as many as fit into the memory available at start",
    )
    started_sessions: int = limit(
        200,
        (1, 1_000_000),
        "sessions of the application that were started over HTTP, at once",
        beyond="503 with the reason",
    )
    session_s: float = limit(
        12 * 3600.0,
        (1, 30 * 24 * 3600.0),
        "length of a session",
        beyond="it ends: `limit:session-length`",
    )
    idle_session_s: float = limit(
        60.0,
        (0.1, 24 * 3600.0),
        "without any leg, from the start or from the end of the last leg",
        beyond="it ends: `idle`, after Terminating",
    )
    farewell_s: float = limit(
        10.0,
        (0.1, 60.0),
        "for the handlers of Terminating, and again for those of Terminated",
        beyond="they are not waited for any longer",
    )
    unanswered_s: float = limit(
        60.0,
        (1.0, 600.0),
        "an incoming call that the script does not answer",
        beyond="480 to the caller with the reason, Disconnected(408)",
    )
    call_attempts: int = limit(
        50,
        (1, 10_000),
        "legs in a session's life, in and out, failed ones too, with those of the sessions that "
        "come of its calls to this runtime itself",
        beyond=_FAILED_403 + "; 482 to a call of its own",
    )
    unanswered_calls: int = limit(
        10, (1, 1_000), "legs that are not answered yet, at once", beyond=_FAILED_403
    )
    live_calls: int = limit(32, (1, 1_000), "legs at once", beyond=_FAILED_403)
    conference_callers: int = limit(
        500,
        (1, 10_000),
        "callers of a shared session, beside the three limits above",
        beyond="486 to the caller, with the reason",
    )

    # --- what a script holds --------------------------------------------------------------------
    players: int = limit(10, (0, 100), "players at once", beyond=_KIND_ERROR)
    recorders: int = limit(10, (0, 100), "recorders at once", beyond=_KIND_ERROR)
    recordings: int = limit(
        1_000,
        (0, 100_000),
        "files that a session records in its life",
        beyond="RecordError, or the recorder's Error event",
    )
    conferences: int = limit(10, (0, 100), "conferences at once", beyond=_KIND_ERROR)
    conference_members: int = limit(
        50,
        (1, 1_000),
        "calls that speak or listen in one conference",
        beyond="the conference's Error event, and CommandFailed where sendMediaTo() is awaited",
    )
    sockets: int = limit(10, (0, 100), "WebSockets at once", beyond=_KIND_ERROR)
    recognisers: int = limit(10, (0, 100), "speech recognitions at once", beyond=_KIND_ERROR)
    timers: int = limit(
        100, (0, 10_000), "active timers", beyond=_LIMIT_REACHED, keeper=Keeper.SCRIPT
    )
    listeners: int = limit(
        1_000,
        (1, 100_000),
        "registered listeners of all objects",
        beyond=_LIMIT_REACHED,
        keeper=Keeper.SCRIPT,
    )
    custom_data_bytes: int = limit(
        200,
        (0, 8_192),
        "customData that a script sets; rules and the start of a session give up to 8,192",
        beyond="ValueError at the script's line",
        keeper=Keeper.BOTH,
    )

    stored_pairs: int = limit(
        10_000,
        (0, 100_000),
        "pairs of ApplicationStorage, of all sessions of the application together",
        beyond="CommandFailed where put() is awaited",
    )

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
        "without an answer to a ping, not counting what the process waited for a processor",
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
        200, (1, 10_000), "HTTP requests of all scripts at once", beyond=_WAITS, operator_only=True
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
    return {
        field.name: getattr(limits, field.name)
        for field in attrs.fields(Limits)
        if facts(Limits, field.name).in_worker
    }
