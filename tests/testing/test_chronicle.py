"""What the timelines of sessions become: events, log lines, faults, and a text for people."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.decisions.timeline import Entry
from runtime.testing import ScenarioFailed
from runtime.testing.chronicle import Chronicle, Row
from runtime.testing.faults import Faults
from runtime.testing.timeline_text import timeline_text


def chronicle() -> tuple[Chronicle, Faults]:
    faults = Faults()
    return Chronicle(lambda: 10.0, faults), faults


def entry(kind: str, what: str, t: float = 1.5, **detail: Any) -> Entry:
    return Entry(t=t, kind=kind, what=what, leg="s1-2", detail=detail)


def test_times_of_a_session_become_times_of_the_simulation() -> None:
    told, _ = chronicle()
    told.sink("s1").write(entry("event", "Call.Connected", code=200))
    told.sink("s1").write(entry("log", "hello"))
    (event,) = told.events
    assert (event.t, event.session, event.leg, event.fields) == (11.5, "s1", "s1-2", {"code": 200})
    assert told.logs == ["hello"]
    assert str(event) == "   11.50  Call.Connected  {'code': 200}"


def test_an_exception_is_a_fault_once_and_the_end_that_follows_is_not_another() -> None:
    told, faults = chronicle()
    sink = told.sink("s1")
    sink.write(entry("error", "KeyError: 'x'", traceback="File scenario.py, line 3"))
    sink.write(entry("session", "ends: script-error"))
    assert [fault.what for fault in faults.all] == ["KeyError: 'x'"]
    with pytest.raises(ScenarioFailed, match=r"at 11\.50 s \(session s1\): KeyError[\s\S]*line 3"):
        faults.check()


def test_an_error_that_the_script_is_told_as_an_event_is_no_fault() -> None:
    told, faults = chronicle()
    told.sink("s1").write(entry("error", "recording 1: no space left"))
    faults.check()


@pytest.mark.parametrize("cause", ["crashed", "unresponsive", "limit:commands", "protocol"])
def test_an_end_that_nobody_wanted_is_a_fault(cause: str) -> None:
    told, faults = chronicle()
    told.sink("s1").write(entry("session", f"ends: {cause}", detail="what happened"))
    with pytest.raises(ScenarioFailed, match=f"{cause}: what happened"):
        faults.check()


@pytest.mark.parametrize("cause", ["terminated", "idle", "operator", "shutdown"])
def test_an_orderly_end_is_no_fault(cause: str) -> None:
    told, faults = chronicle()
    told.sink("s1").write(entry("session", f"ends: {cause}"))
    faults.check()


def test_an_expected_fault_is_wanted_and_others_still_are_not() -> None:
    told, faults = chronicle()
    faults.expect("KeyError")
    assert faults.missing == ["KeyError"]
    told.sink("s1").write(entry("error", "KeyError: 'x'", traceback="..."))
    assert faults.missing == []
    faults.check()
    told.sink("s2").write(entry("error", "ValueError: y", traceback="..."))
    with pytest.raises(ScenarioFailed, match="ValueError"):
        faults.check()


def test_nothing_is_written_after_the_end_of_the_test() -> None:
    told, _ = chronicle()
    told.frozen = True
    told.note("caller", "hangs up")
    assert told.rows == []


def test_the_text_is_in_the_order_of_time_with_tracebacks_below_their_line() -> None:
    rows = [
        Row(t=2.0, session="s1", kind="error", what="KeyError", detail={"traceback": "a\nb"}),
        Row(t=1.0, session="s1", kind="command", what="say", leg="s1-2", detail={"text": "hi"}),
        Row(t=1.0, session="", kind="act", what="caller presses 1"),
    ]
    assert timeline_text(rows, []).splitlines() == [
        "    1.000  command  s1-2: say  text='hi'",
        "    1.000  act      caller presses 1",
        "    2.000  error    KeyError",
        "                    a",
        "                    b",
    ]


def test_a_long_story_keeps_its_beginning_and_its_end() -> None:
    rows = [Row(t=t, session="", kind="act", what=f"step {t}") for t in range(1000)]
    lines = timeline_text(rows, []).splitlines()
    assert len(lines) == 401
    assert lines[0].endswith("step 0")
    assert "600 lines left out" in lines[200]
    assert lines[-1].endswith("step 999")
    assert timeline_text([], []) == "(nothing happened)"
    wide = Row(t=0, session="", kind="log", what="x" * 1000)
    assert len(timeline_text([wide], [])) == 160
