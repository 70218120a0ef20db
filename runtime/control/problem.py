"""What an HTTP error looks like: RFC 9457 problem bodies, for every status this API answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

MAX_REPEATED: Final = 100
"""Characters of what was sent that an answer says again."""


class Problem(Exception):
    """Raised by a handler; answered as application/problem+json.

    `errors` lists every bad field at once, each with its name and what is wrong.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = headers


def problem_response(
    status: int,
    detail: str,
    errors: Sequence[tuple[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    body: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": _written(detail),
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
    return problem_response(exc.status, exc.detail, exc.errors, exc.headers)


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
    return problem_response(exc.status_code, detail, headers=exc.headers)


async def on_fault(_: Request, __: Exception) -> JSONResponse:
    """A fault of ours; the server's log has it, and nobody else is told what it was."""
    return problem_response(
        HTTPStatus.INTERNAL_SERVER_ERROR, "a fault of this runtime; see its log"
    )


async def on_store_busy(_: Request, exc: Exception) -> JSONResponse:
    """The search asked for too much."""
    return problem_response(HTTPStatus.SERVICE_UNAVAILABLE, str(exc))


async def on_store_full(_: Request, __: Exception) -> JSONResponse:
    """Where the data lies is the operator's business alone."""
    return problem_response(
        HTTPStatus.INSUFFICIENT_STORAGE,
        "nothing was changed: the disk of the runtime's data folder is full",
    )
