"""Server-sent events: what happens now, to readers that may be slow."""

from __future__ import annotations

import json
from functools import partial

import trio
from starlette.responses import StreamingResponse
from trio.testing import MockClock, wait_all_tasks_blocked

from runtime.control.live import QUEUE, LiveFeed, event_stream
from runtime.control.scopes import LOCAL, Caller
from runtime.session.history import NoHistory
from tests.store.pictures import call, session


class Reader:
    """What a client of the stream has read so far."""

    def __init__(self, feed: LiveFeed, caller: Caller = LOCAL) -> None:
        response = event_stream(partial(feed.follow, caller), lambda event: event)
        assert isinstance(response, StreamingResponse)
        assert response.media_type == "text/event-stream"
        self.body = response.body_iterator
        self.seen: list[str] = []

    async def read(self) -> None:
        async for text in self.body:
            self.seen.append(str(text))


async def test_sessions_and_calls_are_told_as_they_happen(autojump_clock: MockClock) -> None:
    feed = LiveFeed(NoHistory())
    reader = Reader(feed)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(reader.read)
        await wait_all_tasks_blocked()
        feed.session(session("s1", duration_s=None, end_cause=None))
        feed.call(call("c1", "s1"))
        await wait_all_tasks_blocked()
        opened, first, second = reader.seen
        assert opened == ": open\n\n"
        name, data = first.splitlines()[:2]
        assert name == "event: session"
        assert json.loads(data.removeprefix("data: "))["id"] == "s1"
        assert second.startswith('event: call\ndata: {"id":"c1"')
        assert second.endswith("\n\n")
        nursery.cancel_scope.cancel()


async def test_a_quiet_stream_shows_that_it_is_still_there(autojump_clock: MockClock) -> None:
    feed = LiveFeed(NoHistory())
    reader = Reader(feed)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(reader.read)
        await trio.sleep(31)
        assert reader.seen == [": open\n\n", ": still here\n\n", ": still here\n\n"]
        feed.call(call("c1", "s1"))
        await wait_all_tasks_blocked()
        assert reader.seen[-1].startswith("event: call")
        nursery.cancel_scope.cancel()


async def test_a_slow_reader_is_told_how_much_it_missed() -> None:
    feed = LiveFeed(NoHistory())
    async with feed.follow() as events:
        for number in range(QUEUE + 5):
            feed.session(session(f"s{number}"))
        for _ in range(QUEUE):
            await anext(events)
        feed.session(session("later"))
        assert await anext(events) == ("missed", '{"events": 5}')
        name, text = await anext(events)
        assert (name, json.loads(text)["id"]) == ("session", "later")
    assert feed._readers == {}
