"""What is known of each numbered problem: where the `type` of a problem body leads. For everybody:
it tells nothing of this runtime."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runtime.control.problem import Problem
from runtime.decisions.problems import EVERY, Http, KnownProblem

BY_NUMBER: Final[dict[str, KnownProblem]] = {each.number: each for each in EVERY}


async def one_problem(request: Request) -> Response:
    number = str(request.path_params["problem"])
    found = BY_NUMBER.get(number)
    if found is None:
        raise Problem(Http.UNKNOWN, f"no problem has the number {number[:10]!r}")
    shown = {
        "code": found.number,
        "status": found.status or None,
        "title": found.title,
        "why": found.why,
        "what_to_do": found.remedy,
    }
    return JSONResponse(shown)
