"""Request bodies: JSON within the limit that the gate has checked, as long as it comes in time."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from starlette.requests import ClientDisconnect, Request

from runtime.control.problem import Problem


async def json_body(request: Request) -> Any:
    """Raises Problem."""
    try:
        return json.loads(await request.body())
    except ClientDisconnect:
        raise Problem(HTTPStatus.BAD_REQUEST, "the body did not come whole") from None
    except (ValueError, RecursionError) as exc:
        raise Problem(HTTPStatus.BAD_REQUEST, f"the body is not JSON: {exc}"[:200]) from exc


def flag(request: Request, name: str) -> bool:
    """Whether a parameter asks for it."""
    return request.query_params.get(name) in ("1", "true")
