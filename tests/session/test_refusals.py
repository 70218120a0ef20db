"""The endpoint's log of calls that never got a session."""

from __future__ import annotations

from itertools import count

from runtime.decisions.problems import Calls
from runtime.session.refusals import (
    MAX_REASONS,
    MAX_SOURCES,
    Refusals,
    RefusalView,
    source_of,
)


def test_refusals_of_one_source_are_one_line_with_a_count() -> None:
    clock = count(100)
    told: list[RefusalView] = []
    log = Refusals(lambda: float(next(clock)), told.append)
    for port in range(10):
        log.add(f"udp:192.0.2.1:{port}", str(port), 404, "no rule", Calls.NO_RULE)
    (view,) = log.views()
    assert (view.source, view.count, view.destination) == ("udp:192.0.2.1", 10, "9")
    assert (view.first_at, view.last_at) == (100, 109)
    assert [one.count for one in told] == [1, 2, 4, 8]


def test_another_reason_is_told_at_once_up_to_a_bound() -> None:
    told: list[RefusalView] = []
    log = Refusals(lambda: 0.0, told.append)
    for reason in ("no c= line", "no c= line", "no codec in common", "port 0", "no c= line"):
        log.add("udp:192.0.2.1:5060", "1", 488, reason, Calls.NO_AUDIO_IN_COMMON)
    assert [(one.count, one.reason) for one in told] == [
        (1, "no c= line"),
        (2, "no c= line"),
        (3, "no codec in common"),
        (4, "port 0"),
    ]
    for number in range(27):
        why = f"the peer's word {number}"
        log.add("udp:192.0.2.1:5060", "1", 488, why, Calls.NO_AUDIO_IN_COMMON)
    assert MAX_REASONS == 8
    assert [one.count for one in told][4:] == [6, 7, 8, 9, 10, 16, 32]


def test_the_log_is_bounded_and_keeps_the_newest() -> None:
    log = Refusals(lambda: 0.0)
    for number in range(MAX_SOURCES + 10):
        log.add(f"udp:192.0.2.{number}:5060", "1", 404, "no rule" * 1_000, Calls.NO_RULE)
    views = log.views()
    assert len(views) == MAX_SOURCES
    assert views[0].source == f"udp:192.0.2.{MAX_SOURCES + 9}"
    assert len(views[0].reason) == 500


def test_the_port_of_a_source_does_not_matter() -> None:
    assert source_of("udp:192.0.2.1:5060") == "udp:192.0.2.1"
    assert source_of("tcp:[2001:db8::1]:5060") == "tcp:[2001:db8::1]"
    assert source_of("") == ""
    assert source_of("somewhere") == "somewhere"
