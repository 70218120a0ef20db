"""What an HTTP error looks like: RFC 9457 problem bodies, for every status this API answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from runtime.decisions.problems import Http, KnownProblem

MAX_REPEATED: Final = 100
"""Characters of what was sent that an answer says again."""
PAGES: Final = "/api/v1/problems/"
_ROUTING: Final[Mapping[int, Http]] = {404: Http.NO_SUCH_PATH, 405: Http.WRONG_METHOD}


class Problem(Exception):
    """Raised by a handler; answered as application/problem+json, with the status of its kind.

    `errors` lists every bad field at once, each with its name and what is wrong.
    """

    def __init__(
        self,
        kind: KnownProblem,
        detail: str,
        *,
        errors: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.errors = errors
        self.headers = headers


def problem_response(
    kind: KnownProblem,
    detail: str,
    errors: Sequence[tuple[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """`type` leads to what is known of the kind (problems.py), on this same listener."""
    status = kind.status
    body: dict[str, object] = {
        "type": f"{PAGES}{kind.number}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": _written(detail),
        "code": kind.number,
    }
    if errors:
        body["errors"] = [
            {"field": _written(field), "detail": _written(what)} for field, what in errors
        ]
    if status == HTTPStatus.UNAUTHORIZED:
        headers = {"www-authenticate": "Bearer", **(headers or {})}
    return JSONResponse(
        body, status_code=status, media_type="application/problem+json", headers=headers
    )


def _written(text: str) -> str:
    """What was sent is repeated in it, and JSON can carry half a character, which UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode()


async def on_problem(_: Request, exc: Exception) -> JSONResponse:
    assert isinstance(exc, Problem)
    return problem_response(exc.kind, exc.detail, exc.errors, exc.headers)


async def on_http_exception(request: Request, exc: Exception) -> JSONResponse:
    """Starlette's own refusals (unknown path, wrong method) in the same shape."""
    assert isinstance(exc, HTTPException)
    detail, path = exc.detail, request.url.path[:MAX_REPEATED]
    if exc.status_code == HTTPStatus.NOT_FOUND:
        detail = f"nothing is served at {path}; the API starts at /api/v1"
    elif exc.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        detail = f"{request.method[:MAX_REPEATED]} is not possible at {path}"
        allowed = (exc.headers or {}).get("Allow", "")
        detail = f"{detail}; {allowed or 'nothing'} is"
    kind = _ROUTING.get(exc.status_code, Http.FAULT)
    return problem_response(kind, detail, headers=exc.headers)


async def on_fault(_: Request, __: Exception) -> JSONResponse:
    """A fault of ours; the server's log has it, and nobody else is told what it was."""
    return problem_response(Http.FAULT, "a fault of this runtime; see its log")


async def on_store_busy(_: Request, exc: Exception) -> JSONResponse:
    """The search asked for too much."""
    return problem_response(Http.STORE_BUSY, str(exc))


async def on_store_full(_: Request, __: Exception) -> JSONResponse:
    """Where the data lies is the operator's business alone."""
    return problem_response(
        Http.DISK_FULL,
        "nothing was changed: the disk of the runtime's data folder is full",
    )
