"""The table of problems: numbers that are nobody else's, and texts that help."""

from __future__ import annotations

import re
from http import HTTPStatus

import pytest

from runtime.decisions.problems import Calls, Http, KnownProblem, of_status

ALL: tuple[KnownProblem, ...] = (*Http, *Calls)


def test_a_number_belongs_to_one_problem() -> None:
    assert len(set(Http.__members__)) == len(list(Http))
    assert len({each.number for each in ALL}) == len(ALL)


@pytest.mark.parametrize("each", ALL, ids=lambda each: each.number)
def test_a_problem_says_why_and_what_to_do(each: KnownProblem) -> None:
    assert re.fullmatch(r"E1\d{3}" if isinstance(each, Http) else r"E2\d{3}", each.number)
    assert not each.title.endswith(".")
    assert each.why.endswith(".")
    assert each.remedy.endswith(".")


@pytest.mark.parametrize("each", Http, ids=lambda each: each.number)
def test_http_s_have_a_status_of_http(each: Http) -> None:
    assert HTTPStatus(each.status) >= HTTPStatus.BAD_REQUEST


def test_what_the_sip_endpoint_refuses_is_numbered_by_its_status() -> None:
    assert [of_status(status).number for status in (403, 407, 481, 503)] == [
        "E2201",
        "E2202",
        "E2205",
        "E2206",
    ]
    assert of_status(0) is of_status(699) is Calls.SIGNALLING
