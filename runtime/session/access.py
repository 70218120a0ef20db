"""What comes in at a session's access URL: requests, one event each, and what its script answers.

A flood must not reach the script's other work: so many requests are open at most, so many come in
a second, and each waits until the queue to the script is nearly empty. A request whose answer was
given up still counts until its handlers have returned. In an orderly end requests that the script
has been told of may still be answered (`VoxEngine.terminate()` in a handler is one); the others
are told that the session has ended.
"""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from itertools import count
from typing import Final

import attrs
import trio

from runtime.decisions.access import (
    AccessRefused,
    AccessReply,
    AccessRequest,
    reply_of,
    session_is_over,
)
from runtime.decisions.allowances import TokenBucket
from runtime.decisions.limits import Limits
from runtime.decisions.problems import Http
from runtime.decisions.timeline import shown_path
from runtime.sandbox.frames import AnswerFrame
from runtime.sandbox.wire import ProtocolError
from runtime.session.events import Events
from runtime.session.timeline import Timeline

RETRY_AFTER_S: Final = 1.0
"""What is told who came while all handlers were busy."""

ALLOWED_S: Final = 1.0
"""Who comes with a WebSocket right at the beginning finds the script at its first lines, before it
allows any."""

Content = Callable[[], Awaitable[bytes]]
"""Reads a request's body, once it is taken. Raises AccessRefused."""


class Gate(enum.Enum):
    OPEN = "requests are taken"
    LEAVING = "what the script was told of may be answered"
    CLOSED = "nothing is answered any more"


@attrs.define(eq=False)
class _Asked:
    """One request, from its coming to the return of its handlers."""

    number: int
    scope: trio.CancelScope
    told: bool = False
    """The script has got the event."""
    kind: str = ""
    body: bytearray = attrs.field(factory=bytearray, repr=False)
    answered: trio.Event = attrs.field(factory=trio.Event)


class AccessDesk:
    """Of one session."""

    def __init__(self, limits: Limits, events: Events, timeline: Timeline) -> None:
        self._limits = limits
        self._events = events
        self._timeline = timeline
        self._gate = Gate.OPEN
        self._bucket = TokenBucket(limits.access_per_s, limits.access_burst)
        self._open: dict[int, _Asked] = {}
        self._numbers = count(1)
        self._refused = 0
        self._allowed = trio.Event()
        """WebSockets may come in as well."""

    async def ask(self, request: AccessRequest, content: Content) -> AccessReply:
        """Let the script answer. Raises AccessRefused."""
        began = trio.current_time()
        try:
            asked = self._admit()
        except AccessRefused as exc:
            self._note_refusal(request, exc)
            raise
        size, code, why = 0, int(HTTPStatus.OK), None
        try:
            reply = await self._answer(asked, request, content)
            size = len(reply.body)
        except AccessRefused as exc:
            code, why = exc.code, str(exc)
            raise
        finally:
            if not asked.told:
                self._open.pop(asked.number, None)
            self._timeline.record(
                "http",
                f"from outside: {shown_request(request)}: {code}",
                request=asked.number,
                seconds=round(trio.current_time() - began, 3),
                bytes=size,
                remote=request.remote or None,
                error=why,
            )
        return reply

    def allow_sockets(self) -> None:
        self._allowed.set()

    async def let_in(self, request: AccessRequest) -> None:
        """Return when somebody may open a WebSocket; as a request it needs a place and a turn until
        the script is ready. Raises AccessRefused."""
        try:
            await self._until_ready(self._admit())
            if not self._allowed.is_set():
                why = "the scenario takes no WebSockets: VoxEngine.allowWebSocketConnections()"
                raise AccessRefused(Http.NO_SOCKETS, why)
        except AccessRefused as exc:
            self._note_refusal(request, exc)
            raise

    async def _until_ready(self, asked: _Asked) -> None:
        asked.scope.deadline = trio.current_time() + self._limits.access_reply_s
        try:
            with asked.scope:
                await self._events.opened()
                with trio.move_on_after(ALLOWED_S):
                    await self._allowed.wait()
        finally:
            self._open.pop(asked.number, None)
        if self._gate is not Gate.OPEN:
            raise session_is_over()
        if asked.scope.cancelled_caught:
            raise AccessRefused(Http.SCRIPT_TOO_SLOW, "the scenario is not ready")

    def _admit(self) -> _Asked:
        """Raises AccessRefused."""
        if self._gate is not Gate.OPEN:
            raise session_is_over()
        if len(self._open) >= self._limits.access_active:
            why = f"{len(self._open)} requests wait for this session's handlers, the limit"
            raise AccessRefused(Http.ACCESS_BUSY, why, RETRY_AFTER_S)
        now = trio.current_time()
        if not self._bucket.take(now):
            why = f"more than {self._limits.access_per_s:g} requests a second to this session"
            wait_s = self._bucket.wait_s(now)
            raise AccessRefused(Http.ACCESS_TOO_FAST, why, wait_s)
        asked = _Asked(next(self._numbers), trio.CancelScope())
        self._open[asked.number] = asked
        return asked

    async def _answer(self, asked: _Asked, request: AccessRequest, content: Content) -> AccessReply:
        body = await content()
        asked.scope.deadline = trio.current_time() + self._limits.access_reply_s
        with asked.scope:
            if self._gate is Gate.OPEN:
                await self._events.opened()
                await self._events.room()
                self._tell(asked, request, body)
                await asked.answered.wait()
        if asked.answered.is_set():
            return reply_of(asked.kind, bytes(asked.body))
        if self._gate is not Gate.OPEN:
            raise session_is_over()
        what = "answer" if asked.told else "begin to answer"
        raise AccessRefused(
            Http.SCRIPT_TOO_SLOW,
            f"the scenario did not {what} within {self._limits.access_reply_s:g} s",
        )

    def _tell(self, asked: _Asked, request: AccessRequest, body: bytes) -> None:
        asked.told = True
        self._events.emit(
            "Application.HttpRequest",
            fields={
                "request": asked.number,
                "method": request.method,
                "path": request.path,
                "content": body.decode("utf-8", "replace"),
                "headers": [list(header) for header in request.headers],
            },
        )

    def _note_refusal(self, request: AccessRequest, exc: AccessRefused) -> None:
        """At the first and at each doubling: a flood must not fill the timeline."""
        self._refused += 1
        if self._refused & (self._refused - 1) == 0:
            self._timeline.refuse(
                exc.kind,
                f"from outside: {shown_request(request)}: {exc.code}: {exc}",
                remote=request.remote or None,
                count=self._refused,
            )

    # --- what the worker says -------------------------------------------------------------------

    def answer(self, frame: AnswerFrame) -> None:
        """An answer, or a piece of it; of one that was given up it is dropped."""
        asked = self._open.get(frame.request)
        if asked is None or not asked.told:
            raise ProtocolError(f"an answer to request {frame.request}, which nobody made")
        asked.body += frame.content
        if len(asked.body) > self._limits.access_reply_bytes:
            raise ProtocolError(f"the answer to request {frame.request} is too long")
        if not frame.more:
            del self._open[frame.request]
            asked.kind = frame.kind
            asked.answered.set()

    # --- the session ends -----------------------------------------------------------------------

    def leave(self) -> None:
        """Take nothing more; what the script was told of may still be answered."""
        if self._gate is Gate.OPEN:
            self._gate = Gate.LEAVING
        for asked in self._open.values():
            if not asked.told:
                asked.scope.cancel()

    def close(self) -> None:
        """The script answers nothing any more. Safe twice."""
        self._gate = Gate.CLOSED
        for asked in self._open.values():
            asked.scope.cancel()


def shown_request(request: AccessRequest) -> str:
    return f"{request.method[:20]} {shown_path(request.path)}"
