"""The table of problems: numbers that are nobody else's, and texts that help."""

from __future__ import annotations

import re
from http import HTTPStatus

import pytest

from runtime.decisions.problems import (
    EVERY,
    Calls,
    Commands,
    Dials,
    Http,
    KnownProblem,
    Setup,
    Unreadable,
    of_status,
)

KINDS: tuple[type[KnownProblem], ...] = (Http, Unreadable, Calls, Dials, Commands, Setup)


BEGIN = {
    Http: "E1.",
    Unreadable: "E10",
    Calls: "E2[12]",
    Dials: "E23",
    Commands: "E24",
    Setup: "E3[01]",
}


def test_a_number_belongs_to_one_problem() -> None:
    assert [len(kind.__members__) for kind in KINDS] == [len(list(kind)) for kind in KINDS]
    assert len({each.number for each in EVERY}) == len(EVERY) == sum(map(len, KINDS))


@pytest.mark.parametrize("each", EVERY, ids=lambda each: each.number)
def test_a_problem_says_why_and_what_to_do(each: KnownProblem) -> None:
    assert re.fullmatch(BEGIN[type(each)] + r"\d\d", each.number)
    assert not each.title.endswith(".")
    assert each.why.endswith(".")
    assert each.remedy.endswith(".")


@pytest.mark.parametrize("each", [*Http, *Unreadable], ids=lambda each: each.number)
def test_http_s_have_a_status_of_http(each: KnownProblem) -> None:
    assert HTTPStatus(each.status) >= HTTPStatus.BAD_REQUEST


def test_what_the_sip_endpoint_refuses_is_numbered_by_its_status() -> None:
    assert [of_status(status).number for status in (403, 407, 481, 503)] == [
        "E2201",
        "E2202",
        "E2205",
        "E2206",
    ]
    assert of_status(0) is of_status(699) is Calls.SIGNALLING
