"""What the world answers to a scenario's HTTP requests: a table, and nothing real is contacted.

The requests go through the production code (queue, redirects, secrets, limits, time-outs); only the
last step, from here to a server, is this table.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Hashable, Mapping
from fnmatch import fnmatchcase
from http import HTTPStatus
from inspect import isawaitable
from typing import Any, Final

import attrs
import trio

from runtime.net import Failure, FetchError, Hop
from runtime.testing.faults import Fault, Faults

PIECE: Final = 16 * 1024
"""As a network would hand out a long body."""


@attrs.frozen(kw_only=True)
class SimRequest:
    """One request as its server got it: with secrets put in."""

    t: float
    """Seconds since the simulation began."""
    method: str
    url: str
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


@attrs.frozen(kw_only=True)
class WebAnswer:
    """What a server says."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    after: float


@attrs.frozen(kw_only=True)
class WebFailure:
    """The request does not get an answer."""

    failure: Failure
    why: str
    after: float


Response = WebAnswer | WebFailure
Server = Callable[[SimRequest], Response | Awaitable[Response]]
"""Plain or async: it looks at the request and says what to answer."""


def responds(
    content: object = b"",
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    after: float = 0.0,
) -> WebAnswer:
    """Answers with text, bytes, or (anything else) JSON, `after` so many seconds."""
    body, kind = encoded(content)
    given = dict(headers or {})
    if kind and not any(name.lower() == "content-type" for name in given):
        given["Content-Type"] = kind
    HTTPStatus(status)
    return WebAnswer(status=status, headers=tuple(given.items()), body=body, after=after)


def encoded(content: object) -> tuple[bytes, str]:
    if isinstance(content, bytes):
        return content, ""
    if isinstance(content, str):
        return content.encode(), "text/plain; charset=utf-8"
    return json.dumps(content).encode(), "application/json"


def fails(code: int, why: str = "", *, after: float = 0.0) -> WebFailure:
    """Does not answer: -3 host not found, -4 connection error, -6 network error, -7 timeout ...

    For a server that hangs, `responds(..., after=100)` lets the scenario's own timeout decide.
    """
    try:
        failure = Failure(code)
    except ValueError:
        known = ", ".join(f"{each.value} {each.name.lower()}" for each in Failure)
        raise ValueError(f"fails({code}): the codes of failures are {known}") from None
    text = why or failure.name.replace("_", " ").capitalize()
    return WebFailure(failure=failure, why=text, after=after)


class SimWeb:
    """The world as seen by HTTP: `sim.http`."""

    def __init__(self, now: Callable[[], float], faults: Faults) -> None:
        self.requests: list[SimRequest] = []
        """Every request that was made, in order."""
        self._now = now
        self._faults = faults
        self._sites: list[tuple[str, str, list[Response | Server]]] = []

    def on(self, url: str, *responses: Response | Server, method: str = "*") -> None:
        """What a URL answers (`*` matches anything, the query counts): `responds(...)`,
        `fails(...)`, or a function of the request. Several are given one after the other, the last
        one again and again. The newest `on` that matches counts; a request that none matches fails
        the test.
        """
        for each in responses:
            if not isinstance(each, Response) and not callable(each):
                raise TypeError(
                    f"on({url!r}): what a URL answers is responds(), fails() or a function, not "
                    f"{each!r}"
                )
        if not responses:
            raise TypeError(f"on({url!r}): say what it answers, as in on(url, responds('...'))")
        self._sites.append((url, method.upper(), list(responses)))

    async def send(self, hop: Hop, connect_s: float, owner: Hashable = None) -> SimReply:
        """The transport of runtime/net/fetch.py."""
        await trio.lowlevel.checkpoint()
        request = SimRequest(
            t=self._now(),
            method=hop.method,
            url=str(hop.url),
            headers={name.lower(): value for name, value in hop.headers},
            body=hop.content,
        )
        self.requests.append(request)
        answer = self._answer_to(request)
        if isinstance(answer, WebAnswer | WebFailure):
            found = answer
        else:
            made = answer(request)
            found = await made if isawaitable(made) else made
        await trio.sleep(found.after)
        if isinstance(found, WebFailure):
            raise FetchError(found.failure, found.why)
        return SimReply(found, head_only=hop.method == "HEAD")

    def _answer_to(self, request: SimRequest) -> Response | Server:
        for pattern, method, responses in reversed(self._sites):
            if fnmatchcase(request.url, pattern) and method in ("*", request.method):
                return responses.pop(0) if len(responses) > 1 else responses[0]
        known = ", ".join(pattern for pattern, *_ in self._sites) or "nothing"
        what = (
            f"{request.method} {request.url}: the test does not say what this URL answers; say "
            f"sim.http.on({request.url!r}, responds(...)) before (known: {known})"
        )
        self._faults.add(Fault(t=self._now(), session="", what=what))
        return fails(Failure.HOST_NOT_FOUND, "the test does not say what this URL answers")


class SimReply:
    """An answer as it is read."""

    def __init__(self, answer: WebAnswer, *, head_only: bool) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self.declared: int | None = None
        self._body = b"" if head_only else answer.body

    async def piece(self) -> bytes | None:
        await trio.lowlevel.checkpoint()
        piece, self._body = self._body[:PIECE], self._body[PIECE:]
        return piece or None

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()
