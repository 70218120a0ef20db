"""All metrics of the runtime in one table: name, kind, labels, meaning, and where it is read.

Names and units as Prometheus has them: base units, `_total` for what only grows. Every label has a
bounded set of values: those of our own enumerations, or as many as a named constant says.
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice, product
from typing import Final, Literal

import attrs

from runtime.control.figures import Figures, TrunkFigures
from runtime.decisions.bounded_counts import BoundedCounts
from runtime.decisions.call_state import CallState
from runtime.decisions.failure import Cause
from runtime.decisions.session_state import SessionState
from runtime.sandbox.levels import Level
from runtime.session.tally import Standing, Tally

MAX_TRUNKS: Final = 100
"""Trunks that have metrics of their own, in the order of the configuration."""
WAYS: Final[tuple[Literal["in", "out"], ...]] = ("in", "out")
RESULTS: Final[tuple[Literal["answered", "failed"], ...]] = ("answered", "failed")
STORE_ERRORS: Final = ("busy", "full", "other")

Samples = Iterable[tuple[Sequence[str], float]]


@attrs.frozen(kw_only=True)
class Facts:
    """What the metrics are read from, at one moment."""

    version: str
    draining: bool
    now: Standing
    most_sessions: int
    tally: Tally
    refusals: BoundedCounts[tuple[int, str]]
    answered: Counter[int]
    machine: Figures


@attrs.frozen
class Figure:
    """One metric. `what` is its HELP line, `labels` the names of the values that `read` gives."""

    name: str
    kind: Literal["counter", "gauge"]
    labels: tuple[str, ...]
    what: str
    read: Callable[[Facts], Samples]


def _counter(name: str, what: str, read: Callable[[Facts], float]) -> Figure:
    return Figure(name, "counter", (), what, lambda facts: [((), read(facts))])


def _gauge(name: str, what: str, read: Callable[[Facts], float]) -> Figure:
    return Figure(name, "gauge", (), what, lambda facts: [((), read(facts))])


def _code(code: int) -> str:
    match code:
        case 0:
            return "none"
        case -1:
            return "other"
        case _:
            return str(code)


def _flags(
    trunks: Mapping[str, TrunkFigures], read: Callable[[TrunkFigures], bool | None]
) -> Samples:
    for name, trunk in islice(trunks.items(), MAX_TRUNKS):
        flag = read(trunk)
        if flag is not None:
            yield (name,), flag


def _trunk_calls(facts: Facts) -> Samples:
    for name, trunk in islice(facts.machine.trunks.items(), MAX_TRUNKS):
        yield (name, "in"), trunk.calls_in
        yield (name, "out"), trunk.calls_out


_STATE: Final = (
    Figure(
        "callstage_build_info",
        "gauge",
        ("version", "python"),
        "1; its labels say what runs.",
        lambda f: [((f.version, platform.python_version()), 1)],
    ),
    _gauge(
        "callstage_draining",
        "1 while the runtime shuts down and takes no new calls.",
        lambda f: f.draining,
    ),
    Figure(
        "callstage_sandbox_level",
        "gauge",
        ("level",),
        "1 for the level of the least locked kind of process.",
        lambda f: [((level.value,), level.value == f.machine.sandbox) for level in Level],
    ),
)
_SESSIONS: Final = (
    Figure(
        "callstage_sessions",
        "gauge",
        ("state",),
        "Sessions now.",
        lambda f: [
            ((state.value.lower(),), f.now.sessions[state.value])
            for state in SessionState
            if state is not SessionState.ENDED
        ],
    ),
    _gauge(
        "callstage_sessions_limit",
        "Sessions that may run at once; further calls get 503.",
        lambda f: f.most_sessions,
    ),
    _counter(
        "callstage_sessions_started_total",
        "Sessions that began.",
        lambda f: f.tally.sessions_started,
    ),
    Figure(
        "callstage_sessions_ended_total",
        "counter",
        ("cause",),
        "Sessions that are over, by the cause that the history shows.",
        lambda f: [((cause.value,), f.tally.sessions_ended[cause.value]) for cause in Cause],
    ),
)
_CALLS: Final = (
    Figure(
        "callstage_calls",
        "gauge",
        ("direction", "state"),
        "Calls now.",
        lambda f: [
            ((way, state.value.lower()), f.now.calls[way, state.value])
            for way, state in product(WAYS, CallState)
            if state is not CallState.TERMINATED
        ],
    ),
    Figure(
        "callstage_calls_started_total",
        "counter",
        ("direction",),
        "Calls that began, of sessions.",
        lambda f: [((way,), f.tally.calls_started[way]) for way in WAYS],
    ),
    Figure(
        "callstage_calls_ended_total",
        "counter",
        ("direction", "result"),
        "Calls that are over: were they ever connected?",
        lambda f: [
            ((way, result), f.tally.calls_ended[way, result])
            for way, result in product(WAYS, RESULTS)
        ],
    ),
    Figure(
        "callstage_calls_talk_seconds_total",
        "counter",
        ("direction",),
        "Time from connected to the end, of calls that are over.",
        lambda f: [((way,), f.tally.talk_s[way]) for way in WAYS],
    ),
    Figure(
        "callstage_call_setup_failures_total",
        "counter",
        ("direction", "code"),
        "Calls of sessions that were never connected, by the SIP status that the script was told.",
        lambda f: [((way, _code(code)), count) for (way, code), count in f.tally.failures],
    ),
    Figure(
        "callstage_refusals_total",
        "counter",
        ("code", "problem"),
        "Calls and requests refused before any session, by SIP status (or none) and number.",
        lambda f: [((_code(code), number), count) for (code, number), count in f.refusals],
    ),
)
_AUDIO: Final = (
    _gauge("callstage_engine_legs", "Legs of the audio engine.", lambda f: f.machine.engine.legs),
    _counter(
        "callstage_engine_frames_total",
        "Ticks of 20 ms that the engine has done.",
        lambda f: f.machine.engine.frames,
    ),
    _counter(
        "callstage_engine_skipped_frames_total",
        "Ticks of 20 ms that it was too late for: every call had a gap.",
        lambda f: f.machine.engine.skipped_frames,
    ),
    _counter(
        "callstage_engine_sends_refused_total",
        "RTP packets to peers where nobody listens (ICMP).",
        lambda f: f.machine.engine.sends_refused,
    ),
    _counter(
        "callstage_engine_sends_failed_total",
        "RTP packets that the system did not take.",
        lambda f: f.machine.engine.sends_failed,
    ),
    _counter(
        "callstage_engine_cpu_seconds_total",
        "CPU time of the engine.",
        lambda f: f.machine.engine.cpu_s,
    ),
    _counter(
        "callstage_engine_restarts_total",
        "Engines that ended and were replaced; their calls were lost.",
        lambda f: f.machine.engine.restarts,
    ),
    _counter(
        "callstage_rtp_packets_sent_total",
        "RTP packets to peers, of legs that are over.",
        lambda f: f.machine.engine.packets_sent,
    ),
    _counter(
        "callstage_rtp_packets_received_total",
        "RTP packets of peers, of legs that are over.",
        lambda f: f.machine.engine.packets_received,
    ),
    _counter(
        "callstage_rtp_packets_lost_total",
        "RTP packets of peers that never came, of legs that are over.",
        lambda f: f.machine.engine.packets_lost,
    ),
    _gauge(
        "callstage_recordings_active",
        "Recordings in progress.",
        lambda f: f.machine.recordings_active,
    ),
    _counter(
        "callstage_recordings_finished_total",
        "Recordings whose file is complete.",
        lambda f: f.tally.recordings,
    ),
)
_SIGNALLING: Final = (
    _gauge(
        "callstage_registrations",
        "Contacts at which users can be reached.",
        lambda f: f.machine.registrations,
    ),
    Figure(
        "callstage_trunk_up",
        "gauge",
        ("trunk",),
        "Whether the trunk answers; of trunks that are pinged and have been asked.",
        lambda f: _flags(f.machine.trunks, lambda trunk: trunk.up),
    ),
    Figure(
        "callstage_trunk_registered",
        "gauge",
        ("trunk",),
        "Whether we are registered with the trunk; of trunks with [trunk.register].",
        lambda f: _flags(f.machine.trunks, lambda trunk: trunk.registered),
    ),
    Figure(
        "callstage_trunk_calls",
        "gauge",
        ("trunk", "direction"),
        "Calls over the trunk now.",
        _trunk_calls,
    ),
    _gauge(
        "callstage_sources_banned",
        "Addresses that are ignored for what they did.",
        lambda f: f.machine.sources_banned,
    ),
    _counter(
        "callstage_stranger_requests_total",
        "SIP requests of addresses that may not call, refused or ignored.",
        lambda f: f.machine.strangers_turned_away,
    ),
    Figure(
        "callstage_signalling_entries",
        "gauge",
        ("table",),
        "Entries of the tables that messages from outside can fill, as in /healthz.",
        lambda f: [((name,), size) for name, size in f.machine.signalling.items()],
    ),
)
_REST: Final = (
    _gauge(
        "callstage_blank_workers",
        "Processes that wait for a session.",
        lambda f: f.machine.blank_workers,
    ),
    Figure(
        "callstage_http_requests_total",
        "counter",
        ("code",),
        "HTTP requests answered, by class of status; access URLs included, WebSockets not.",
        lambda f: [((f"{first}xx",), f.answered[first]) for first in range(2, 6)],
    ),
    Figure(
        "callstage_store_errors_total",
        "counter",
        ("kind",),
        "Reads and writes of the database that failed: busy, full (the disk), other.",
        lambda f: [((kind,), f.machine.store_errors.get(kind, 0)) for kind in STORE_ERRORS],
    ),
)
TABLE: Final = (*_STATE, *_SESSIONS, *_CALLS, *_AUDIO, *_SIGNALLING, *_REST)
