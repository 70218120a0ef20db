"""Request bodies: JSON within the limit that the gate has checked, as long as it comes in time."""

from __future__ import annotations

import json
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request

from runtime.control.problem import Problem
from runtime.decisions.problems import Http

_YES: Final = frozenset({"1", "true"})
_NO: Final = frozenset({"0", "false"})


async def json_body(request: Request) -> Any:
    """Raises Problem."""
    try:
        return json.loads(await request.body())
    except ClientDisconnect:
        raise Problem(Http.BODY_NOT_WHOLE, "the body did not come whole") from None
    except (ValueError, RecursionError) as exc:
        raise Problem(Http.NOT_JSON, f"the body is not JSON: {exc}"[:200]) from exc


def flag(request: Request, name: str) -> bool:
    """Whether the only parameter there is asks for it. Raises Problem: what is written wrongly must
    not do the opposite of what was meant."""
    faults = [
        (given[:64], f"is no parameter; there is {name}")
        for given in request.query_params
        if given != name
    ]
    value = request.query_params.get(name, "0")
    if value not in _YES | _NO:
        faults.append((name, f"must be 1 or 0, not {value[:20]!r}"))
    if faults:
        raise Problem(Http.BAD_FIELDS, "nothing was changed", errors=faults)
    return value in _YES
