"""What happens now, as server-sent events: sessions and calls that begin and end.

Each reader has a bounded queue; one that is too slow misses events and is told how many. A comment
every 15 s keeps proxies from closing the stream, and shows a reader that it is still there.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any, Final, TypeVar

import attrs
import trio
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from runtime.control.problem import Problem
from runtime.control.scopes import LOCAL, Caller, caller_of
from runtime.decisions.problems import Http
from runtime.session.history import CallPicture, History, RecordingPicture, SessionPicture

EVENT_STREAM: Final = "text/event-stream"
MAX_READERS: Final = 50
"""At once; each event is written once for each of them."""
QUEUE: Final = 1_000
"""Events that a reader may be behind."""
MAX_KNOWN: Final = 20_000
"""Sessions whose application is remembered, as many as may wait to be written."""
COMMENT_S: Final = 15.0

_UNSTORED: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}

T = TypeVar("T")
Event = tuple[str, str]
"""Its name, and its JSON."""


@attrs.define(eq=False)
class Reader:
    """One that follows."""

    caller: Caller
    missed: int = 0


class LiveFeed:
    """The registry's `history`, between it and the one that writes."""

    def __init__(self, then: History) -> None:
        self._then = then
        self._readers: dict[trio.MemorySendChannel[Event], Reader] = {}
        self._applications: OrderedDict[str, str] = OrderedDict()
        """By session, of those begun last: calls and recordings name their session alone."""

    def session(self, picture: SessionPicture) -> None:
        self._then.session(picture)
        self._applications[picture.id] = picture.application
        while len(self._applications) > MAX_KNOWN:
            self._applications.popitem(last=False)
        self._tell("session", picture, picture.id)

    def call(self, picture: CallPicture) -> None:
        self._then.call(picture)
        self._tell("call", picture, picture.session_id)

    def recording(self, picture: RecordingPicture) -> None:
        self._then.recording(picture)
        self._tell("recording", picture, picture.session_id)

    def _tell(self, name: str, picture: Any, session: str) -> None:
        if not self._readers:
            return
        text = json.dumps(attrs.asdict(picture), separators=(",", ":"))
        application = self._applications.get(session, "")
        for send, reader in list(self._readers.items()):
            if reader.caller.reaches(application):
                self._pass_on(send, reader, (name, text))

    def _pass_on(self, send: trio.MemorySendChannel[Event], reader: Reader, event: Event) -> None:
        try:
            if reader.missed:
                send.send_nowait(("missed", json.dumps({"events": reader.missed})))
                reader.missed = 0
            send.send_nowait(event)
        except trio.WouldBlock:
            reader.missed += 1
        except trio.BrokenResourceError:
            self._readers.pop(send, None)

    async def stream(self, request: Request) -> Response:
        """Everything from now on."""
        if request.method == "HEAD":
            return head_of_stream(EVENT_STREAM)
        if len(self._readers) >= MAX_READERS:
            raise Problem(Http.TOO_MANY_STREAMS, f"{MAX_READERS} streams run, the limit")
        return event_stream(partial(self.follow, caller_of(request)), _as_it_is)

    @asynccontextmanager
    async def follow(self, caller: Caller = LOCAL) -> AsyncIterator[AsyncIterator[Event]]:
        """Everything from now on that the caller reaches."""
        send, receive = trio.open_memory_channel[Event](QUEUE)
        self._readers[send] = Reader(caller)
        try:
            yield receive
        finally:
            self._readers.pop(send, None)
            send.close()
            receive.close()


def _as_it_is(event: Event) -> Event:
    return event


def head_of_stream(media_type: str) -> Response:
    """Over at once: who asks for the head alone would hold a reader's place for nothing."""
    return Response(headers=_UNSTORED, media_type=media_type)


def event_stream(
    follow: Callable[[], AbstractAsyncContextManager[AsyncIterator[T]]],
    shown: Callable[[T], Event],
) -> Response:
    """As server-sent events (HTML Living Standard 9.2), until there are no more.

    What `follow` gives must bear that waiting for the next event is cancelled.
    """
    return StreamingResponse(_written(follow, shown), media_type=EVENT_STREAM, headers=_UNSTORED)


async def _written(
    follow: Callable[[], AbstractAsyncContextManager[AsyncIterator[T]]],
    shown: Callable[[T], Event],
) -> AsyncIterator[str]:
    """With a comment where nothing happens for a while."""
    async with follow() as events:
        yield ": open\n\n"
        while True:
            with trio.move_on_after(COMMENT_S) as patience:
                try:
                    name, text = shown(await anext(events))
                except StopAsyncIteration:
                    return
            if patience.cancelled_caught:
                yield ": still here\n\n"
            else:
                yield f"event: {name}\ndata: {text}\n\n"
