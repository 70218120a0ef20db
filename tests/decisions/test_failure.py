"""What an error ends."""

from __future__ import annotations

import pytest

from runtime.decisions.failure import (
    Cause,
    End,
    EndLeg,
    EndSession,
    Errors,
    OnError,
    Owner,
    RecordOnly,
    Verdict,
    bridged,
    end_of_worker,
    one_line,
)
from runtime.decisions.limits import Limits
from runtime.decisions.problems import Calls


def judge(
    errors: Errors,
    *,
    kind: str = "handler",
    owner: Owner = Owner.LIVE_LEG,
    message: str = "ValueError: no",
    now: float = 0.0,
) -> Verdict:
    return errors.judge(kind=kind, owner=owner, message=message, where="ivr.py:3", now=now)


def errors(on_error: OnError = "leg") -> Errors:
    return Errors(Limits(), on_error)


def test_an_error_in_a_legs_handler_ends_that_leg() -> None:
    verdict = judge(errors())
    assert verdict == EndLeg("scenario error: ValueError: no (ivr.py:3)")


def test_an_error_after_the_leg_has_ended_ends_nothing_more() -> None:
    assert judge(errors(), owner=Owner.ENDED_LEG) == RecordOnly()


@pytest.mark.parametrize("kind", ["handler", "task", "timer"])
def test_an_error_that_belongs_to_no_leg_ends_the_session(kind: str) -> None:
    verdict = judge(errors(), kind=kind, owner=Owner.NOBODY)
    assert isinstance(verdict, EndSession)
    assert verdict.end.cause is Cause.SCRIPT_ERROR


@pytest.mark.parametrize("owner", list(Owner))
def test_an_error_at_import_or_with_on_error_session_ends_the_session(owner: Owner) -> None:
    assert isinstance(judge(errors(), kind="import", owner=owner), EndSession)
    assert isinstance(judge(errors("session"), owner=owner), EndSession)


def test_the_third_slow_handler_within_a_minute_ends_the_session() -> None:
    slow = "HandlerTimeout: the handler used 1 s of CPU"
    book = errors()
    assert isinstance(judge(book, message=slow, now=0.0), EndLeg)
    assert isinstance(judge(book, message=slow, now=30.0), EndLeg)
    # The first one is more than a minute ago.
    assert isinstance(judge(book, message=slow, now=61.0), EndLeg)
    verdict = judge(book, message=slow, now=62.0)
    assert isinstance(verdict, EndSession)
    assert verdict.end.cause is Cause.CPU_LIMIT


def test_running_out_of_memory_ends_the_session() -> None:
    verdict = judge(errors(), message="MemoryError")
    assert isinstance(verdict, EndSession)
    assert verdict.end.cause is Cause.MEMORY


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        ("exit 0", Cause.CRASHED),
        ("exit 1", Cause.CRASHED),
        ("signal 9", Cause.CRASHED),
        ("signal 11", Cause.CRASHED),
        ("signal 24", Cause.CPU_LIMIT),
        ("signal 31", Cause.CRASHED),
        ("signal 77", Cause.CRASHED),
        ("zygote-lost", Cause.ZYGOTE_LOST),
        ("", Cause.CRASHED),
    ],
)
def test_the_end_of_a_worker_has_an_exact_reason(status: str, cause: Cause) -> None:
    end = end_of_worker(status)
    assert end.cause is cause
    assert end.detail


def test_an_unanswered_caller_is_told_480_or_500() -> None:
    assert End(Cause.TERMINATED).refusal == (Calls.SCENARIO_ENDED, "the scenario ended the session")
    assert End(Cause.CRASHED, "it crashed").refusal == (Calls.SCENARIO_FAILED, "it crashed")


def test_only_connected_legs_that_hear_each_other_are_kept() -> None:
    edges = [("playback", 2), (2, 4), (6, 6), (8, 9)]
    assert bridged(edges, frozenset({2, 4, 6, 8})) == {2, 4}


def test_a_reason_is_one_short_line_without_control_characters() -> None:
    assert one_line("Traceback\n  File\nValueError: a\tb\x00c\n\n") == "ValueError: a b c"
    assert one_line("") == ""
    assert len(one_line("x" * 1_000)) == 160


def test_neither_an_error_nor_its_place_moves_the_reader_s_cursor() -> None:
    verdict = errors().judge(
        kind="task",
        owner=Owner.LIVE_LEG,
        message="x\x9b2J",
        where="a.py\u2028\x1b]0;over\x07",
        now=0.0,
    )
    assert isinstance(verdict, EndLeg)
    assert verdict.reason == "scenario error: x 2J ( ]0;over )"
