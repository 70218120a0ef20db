"""The table of limits: that it is whole, and that an application can only lower what is in it."""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import pytest

from runtime.decisions.limit import Keeper, facts
from runtime.decisions.limits import (
    CallCounts,
    Limits,
    lowered,
    refuse_call,
    refuse_custom_data,
    worker_settings,
)

LIMITS = Limits()
NAMES = [field.name for field in attrs.fields(Limits)]
UNITS = ("_s", "_bytes", "_mib", "_chars", "_per_s", "_rate")
COUNTS = re.compile(
    r"sessions|sockets|recognisers|pairs|calls|callers|attempts|players|recorders|recordings|conferences|members|timers|listeners|handlers|"
    r"burst|arrears|active|queued|entries|files|crashes"
)
TESTS = Path(__file__).parents[1]


def counts(attempts: int = 0, unanswered: int = 0, live: int = 0) -> CallCounts:
    return CallCounts(attempts=attempts, unanswered=unanswered, live=live)


@pytest.mark.parametrize("name", NAMES)
def test_a_limit_has_its_unit_in_its_name_and_its_default_within_its_range(name: str) -> None:
    known = facts(Limits, name)
    assert name.endswith(UNITS) or COUNTS.search(name)
    assert known.what
    assert known.beyond or known.operator_only
    default = getattr(LIMITS, name)
    assert default == 0 if known.zero and default == 0 else known.least <= default <= known.most


@pytest.mark.parametrize("name", NAMES)
def test_a_limit_outside_of_its_range_says_what_is_allowed(name: str) -> None:
    known = facts(Limits, name)
    for value in (known.most + 1, -1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=re.escape(f"must be from {known.allowed}, not ")):
            attrs.evolve(LIMITS, **{name: value})


@pytest.mark.parametrize("name", NAMES)
def test_there_is_a_test_that_sets_it(name: str) -> None:
    wanted = re.compile(rf"\b{name}=|\b{name} = |\"{name}\"")
    own = Path(__file__).resolve()
    files = [path for path in TESTS.rglob("test_*.py") if path != own]
    assert any(wanted.search(path.read_text()) for path in files)


def test_what_a_process_alone_keeps_costs_nobody_else_anything() -> None:
    alone = [name for name in NAMES if facts(Limits, name).keeper is Keeper.SCRIPT]
    assert alone == ["timers", "listeners"]


def test_an_application_lowers_what_it_likes() -> None:
    own = lowered(Limits(players=20), {"players": 5, "idle_session_s": 10.0})
    assert (own.players, own.idle_session_s, own.timers) == (5, 10.0, 100)
    assert lowered(LIMITS, {}) == LIMITS
    assert lowered(LIMITS, {"players": 10}) == LIMITS


def test_an_application_that_wants_more_is_told_both_numbers() -> None:
    with pytest.raises(ValueError, match=r"players: 20 is above the operator's 10 \(\[limits\]"):
        lowered(LIMITS, {"players": 20})


def test_where_zero_means_no_limit_every_number_is_lower() -> None:
    assert lowered(LIMITS, {"max_sessions": 1_000}).max_sessions == 1_000
    with pytest.raises(ValueError, match="0 is above the operator's 5"):
        lowered(Limits(crashes=5), {"crashes": 0})


@pytest.mark.parametrize("name", ["slow_handlers_window_s", "crashes_window_s"])
def test_what_would_be_loosened_by_lowering_is_the_operators_alone(name: str) -> None:
    with pytest.raises(ValueError, match=f"only the operator can set it: .limits. {name}"):
        lowered(LIMITS, {name: 10.0})


def test_a_session_may_try_fifty_calls_ten_unanswered_and_thirty_two_live() -> None:
    assert refuse_call(LIMITS, counts(attempts=49, unanswered=9, live=31)) is None
    assert "50" in (refuse_call(LIMITS, counts(attempts=50)) or "")
    assert "10" in (refuse_call(LIMITS, counts(unanswered=10)) or "")
    assert "32" in (refuse_call(LIMITS, counts(live=32)) or "")


def test_custom_data_is_counted_in_bytes() -> None:
    assert refuse_custom_data(LIMITS, "\u00e9" * 100) is None
    assert refuse_custom_data(LIMITS, "\u00e9" * 101)


def test_the_process_is_told_what_it_keeps_and_nothing_else() -> None:
    assert worker_settings(LIMITS) == {
        "timers": 100,
        "listeners": 1_000,
        "custom_data_bytes": 200,
        "handler_cpu_s": 1.0,
        "import_cpu_s": 3.0,
        "memory_mib": 64,
        "http_active": 3,
        "http_queued": 32,
        "http_timeout_s": 90.0,
        "http_connect_timeout_s": 6.0,
        "http_request_bytes": 1024 * 1024,
        "http_waiting_bytes": 3 * 1024 * 1024,
        "mail_active": 2,
        "mail_queued": 8,
        "log_line_chars": 15_000,
        "commands_in_arrears": 2_000,
    }
