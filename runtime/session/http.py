"""The HTTP requests of one session: who runs, who waits, and what the script hears.

A request is a command whose body follows in pieces; at most `http_active` run, the others wait in
order. An answer's body goes on to the script as it arrives, a piece whenever the queue to the
script has room; the core never holds a whole one. When a session ends, running requests may come
to their end, and Terminating may make one more (voxengine.md R7).
"""

from __future__ import annotations

import enum
from collections import deque
from functools import partial

import attrs
import trio

from runtime.decisions.limits import Limits
from runtime.decisions.problems import Commands
from runtime.decisions.secrets import Mask, SecretBook, shown
from runtime.decisions.timeline import shown_url
from runtime.net import Body, Fetcher, FetchError, FetchRefused, Request
from runtime.sandbox.commands import RequestHttp
from runtime.sandbox.frames import BodyFrame, ResponseFrame, body_frames
from runtime.sandbox.wire import ProtocolError
from runtime.session.dressing import Dressing
from runtime.session.events import Events
from runtime.session.tasks import Tasks
from runtime.session.timeline import Timeline


class Gate(enum.Enum):
    OPEN = "requests are taken"
    FINISHING = "those under way come to their end"
    LAST = "one more is taken: Terminating's"
    CLOSED = "nothing is taken any more"


class HttpRefused(Exception):
    """The request is not taken; str() says why."""

    def __init__(self, kind: Commands, why: str) -> None:
        super().__init__(why)
        self.kind = kind


@attrs.define(eq=False)
class _Exchange:
    """One request, from its command to its answer."""

    req: int
    command: RequestHttp
    body: bytearray = attrs.field(factory=bytearray, repr=False)

    @property
    def whole(self) -> bool:
        return len(self.body) == self.command.body_bytes

    @property
    def asked(self) -> str:
        return f"{self.command.method} {shown_url(self.command.url, whole=self.command.shown)}"


class HttpDesk:
    """Takes a session's requests."""

    def __init__(
        self,
        fetcher: Fetcher,
        limits: Limits,
        secrets: SecretBook,
        *,
        events: Events,
        timeline: Timeline,
        tasks: Tasks,
    ) -> None:
        self._fetcher = fetcher
        self._limits = limits
        self._secrets = secrets
        self._events = events
        self._timeline = timeline
        self._tasks = tasks
        self._gate = Gate.OPEN
        self._waiting: deque[_Exchange] = deque()
        self._active: dict[int, trio.CancelScope] = {}
        self._held = 0
        self._changed = trio.Event()

    # --- requests come ----------------------------------------------------------------------

    def request(self, command: RequestHttp, req: int) -> None:
        """Take one request. Raises HttpRefused."""
        limits = self._limits
        if self._gate in (Gate.FINISHING, Gate.CLOSED):
            raise HttpRefused(Commands.WRONG_MOMENT, "the session is ending; nothing was sent")
        if len(self._active) + len(self._waiting) >= limits.http_active + limits.http_queued:
            raise HttpRefused(
                Commands.TOO_MANY,
                f"Exceeded the HTTP connection count limit! {limits.http_active} requests run and "
                f"{limits.http_queued} wait",
            )
        if command.body_bytes > limits.http_request_bytes:
            raise HttpRefused(
                Commands.TOO_MANY,
                f"postData has {command.body_bytes:,} bytes, the limit is "
                f"{limits.http_request_bytes:,}",
            )
        if self._held + command.body_bytes > limits.http_waiting_bytes:
            raise HttpRefused(
                Commands.TOO_MANY,
                f"requests that wait hold {self._held:,} bytes of postData already, the limit is "
                f"{limits.http_waiting_bytes:,}",
            )
        if self._gate is Gate.LAST:
            self._gate = Gate.FINISHING
        self._held += command.body_bytes
        self._waiting.append(_Exchange(req, command))
        self._start_next()

    def piece(self, frame: BodyFrame) -> None:
        """A piece of a request's body; of one that was refused or dropped it is ignored."""
        exchange = next((each for each in self._waiting if each.req == frame.req), None)
        if exchange is None:
            return
        exchange.body += frame.content
        if len(exchange.body) > exchange.command.body_bytes:
            raise ProtocolError(f"the body of request {frame.req} is longer than was said")
        self._start_next()

    def _start_next(self) -> None:
        while len(self._active) < self._limits.http_active and self._waiting:
            if not self._waiting[0].whole:  # its pieces are right behind it
                return
            exchange = self._waiting.popleft()
            self._active[exchange.req] = self._tasks.start(partial(self._run, exchange))

    # --- the session ends -------------------------------------------------------------------

    def leave(self) -> None:
        """Drop what waits, silently; what runs may come to its end."""
        self._gate = Gate.FINISHING
        self._drop_waiting()

    async def finished(self) -> None:
        """Return when nothing runs any more."""
        with trio.move_on_after(self._limits.http_timeout_s):
            while self._active:
                self._changed = trio.Event()
                await self._changed.wait()

    def allow_one(self) -> None:
        """Terminating may make a request."""
        self._gate = Gate.LAST

    def close(self) -> None:
        """Take nothing, and end what runs. Safe twice."""
        self._gate = Gate.CLOSED
        self._drop_waiting()
        for scope in self._active.values():
            scope.cancel()

    def _drop_waiting(self) -> None:
        self._held -= sum(each.command.body_bytes for each in self._waiting)
        self._waiting.clear()

    # --- one request ------------------------------------------------------------------------

    async def _run(self, exchange: _Exchange) -> None:
        try:
            response = await self._answer(exchange)
            await self._events.room()
            self._events.respond(response)
        finally:
            self._active.pop(exchange.req, None)
            self._held -= exchange.command.body_bytes
            self._changed.set()
        self._start_next()

    async def _answer(self, exchange: _Exchange) -> ResponseFrame:
        """What the script is told; the timeline is told too."""
        began = trio.current_time()
        dressing, body = Dressing(self._secrets), None
        refused, told = None, None
        try:
            async with self._fetcher.request(self._request(exchange), dressing.dress) as reply:
                mask = dressing.mask()
                body = Body(reply, limit=self._limits.http_response_bytes)
                await self._pass_on(exchange.req, body, mask)
                headers = [(mask.text(name), mask.text(value)) for name, value in reply.headers]
                response = ResponseFrame(req=exchange.req, code=reply.status, headers=headers)
        except FetchError as exc:
            error = dressing.mask().text(str(exc))
            response = ResponseFrame(req=exchange.req, code=exc.failure, error=error)
            refused = Commands.FORBIDDEN_ADDRESS if isinstance(exc, FetchRefused) else None
            told = shown(error) if exchange.command.shown else exc.failure.name
        self._timeline.record(
            "refusal" if refused else "http",
            f"{exchange.asked}: {response.code:d}",
            request=exchange.req,
            seconds=round(trio.current_time() - began, 3),
            bytes=body.size if body is not None else 0,
            error=told,
            problem=refused.number if refused else None,
        )
        return response

    def _request(self, exchange: _Exchange) -> Request:
        command, limits = exchange.command, self._limits
        return Request(
            url=command.url,
            method=command.method,
            headers=command.headers,
            content=bytes(exchange.body),
            timeout_s=min(command.timeout_s, limits.http_timeout_s),
            connect_s=min(command.connect_timeout_s, limits.http_connect_timeout_s),
        )

    async def _pass_on(self, req: int, body: Body, mask: Mask) -> None:
        """Send the body to the script."""
        while (piece := await body.piece()) is not None:
            await self._send(req, mask.feed(piece))
        await self._send(req, mask.end())

    async def _send(self, req: int, data: bytes) -> None:
        for frame in body_frames(req, data):
            await self._events.room()
            self._events.send(frame)
