"""What a request at a session's access URL is answered, whatever became of it in the script.

A handler's return value is the answer, as in VoxEngine: a text or number as it is, anything else
as JSON. The rest are problems that say whose turn it is. Runs in the core and in the worker.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final

import attrs

from runtime.decisions.problems import Http

ACCESS: Final = "/request/"
"""What access URLs begin with: two parts before what a client appends, as on VoxEngine's platform,
where scripts take the third part of the path for a command."""

TEXT: Final = "text"
JSON: Final = "json"
BYTES: Final = "bytes"
EMPTY: Final = "empty"
"""Handlers ran and returned nothing."""
UNHEARD: Final = "unheard"
"""There is no handler."""
FAILED: Final = "failed"
"""The handlers failed, or returned what is no answer."""
ENDING: Final = "ending"
"""The session ends, and with it what would have answered."""

CONTENT_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        TEXT: "text/plain; charset=utf-8",
        JSON: "application/json",
        BYTES: "application/octet-stream",
        EMPTY: "text/plain; charset=utf-8",
    }
)
_NO_ANSWER: Final[Mapping[str, tuple[Http, str]]] = MappingProxyType(
    {
        UNHEARD: (
            Http.NO_REQUEST_LISTENER,
            "the scenario has no listener for AppEvents.HttpRequest",
        ),
        FAILED: (
            Http.SCRIPT_FAILED,
            "the scenario failed to answer; the session's timeline says why",
        ),
        ENDING: (Http.SESSION_OVER, "the session has ended"),
    }
)
ANSWERS: Final = (*CONTENT_TYPES, *_NO_ANSWER)
"""What a worker may say."""


class AccessRefused(Exception):
    """There is no answer of the script's; `kind` and str() are for who asked."""

    def __init__(self, kind: Http, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.kind = kind
        self.code = kind.status
        self.retry_after_s = retry_after_s


@attrs.frozen(kw_only=True)
class AccessRequest:
    """What somebody asks at an access URL. The path is that of the request line, with the query:
    it holds the URL's secret."""

    method: str
    path: str = attrs.field(repr=False)
    headers: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    remote: str = ""


@attrs.frozen(kw_only=True)
class AccessReply:
    """What the script answers: always 200."""

    content_type: str
    body: bytes

    status: int = HTTPStatus.OK.value


def reply_of(kind: str, body: bytes) -> AccessReply:
    """The answer of a script's handlers. Raises AccessRefused where there is none."""
    if kind in _NO_ANSWER:
        raise AccessRefused(*_NO_ANSWER[kind])
    return AccessReply(content_type=CONTENT_TYPES[kind], body=body)


def token_of(path: str) -> str:
    """The secret in the path of a request."""
    return path.removeprefix(ACCESS).partition("?")[0].partition("/")[0]


def session_is_over() -> AccessRefused:
    """What is asked after the end, or not answered before it."""
    return AccessRefused(*_NO_ANSWER[ENDING])
