"""The part of the table of limits that is about sessions, calls, and what a script holds.

It belongs to limits.py, which says how the table is used.
"""

from __future__ import annotations

from typing import Final

import attrs

from runtime.decisions.limit import Keeper, limit

_FAILED_403: Final = 'the call is Failed(403, "Call limit reached")'
_KIND_ERROR: Final = "the unit's Error event, and CommandFailed where it is awaited"
_LIMIT_REACHED: Final = "LimitReached, raised at the script's line"


@attrs.frozen(kw_only=True)
class CallLimits:
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
    call_requests_per_s: float = limit(
        20.0,
        (0.1, 1_000.0),
        "requests inside a call that its script hears of (INFO, MESSAGE, changes, transfers) in "
        "the long run, each KiB of them another one: others of a shared session must not suffer",
        beyond="the call is ended, with the reason",
    )
    call_requests_burst: float = limit(
        200.0, (1.0, 1_000.0), "of them at once", beyond="the call is ended, with the reason"
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
    sockets: int = limit(
        10, (0, 100), "WebSockets that the script opened, at once", beyond=_KIND_ERROR
    )
    incoming_sockets: int = limit(
        3,
        (0, 100),
        "WebSockets that came in, at once, beside one for each call",
        beyond="503 to who comes, NewWebSocketFailed to the script",
    )
    socket_messages_per_s: float = limit(
        100.0,
        (1.0, 10_000.0),
        "messages of a WebSocket's other end in the long run, audio not counted, so that a flood "
        "of them does not use up the script's CPU time",
        beyond="they are read later",
    )
    socket_messages_burst: float = limit(
        200.0, (1.0, 10_000.0), "of them at once", beyond="they are read later"
    )
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
