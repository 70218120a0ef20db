"""A session's access URL as its worker sees it, and what a hostile worker makes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import attrs
import pytest
import trio
from trio.testing import MockClock

from runtime.decisions.access import AccessRefused, AccessReply, AccessRequest
from runtime.decisions.limits import Limits
from runtime.sandbox.frames import answer_frames, worker_frame_to_json
from runtime.session.settings import SessionSettings
from runtime.sockets import Socket, SocketListener, Turn
from tests.session.bench import Bench, bench
from tests.session.fakes.media import FakeMediaLeg
from tests.session.fakes.worker import FakeWorker

HTTP_REQUEST = "Application.HttpRequest"


async def nothing() -> bytes:
    await trio.lowlevel.checkpoint()
    return b""


@attrs.define
class Client:
    """Who asks; what is answered is kept."""

    bench: Bench
    nursery: trio.Nursery
    answers: list[AccessReply | AccessRefused] = attrs.field(factory=list)

    @property
    def statuses(self) -> list[int]:
        return [
            each.status if isinstance(each, AccessReply) else each.code for each in self.answers
        ]

    async def _ask(self) -> None:
        token = self.bench.registry.access_url("s1")
        request = AccessRequest(method="GET", path=f"/request/{token}")
        try:
            self.answers.append(
                await self.bench.registry.access.find(token).requests.ask(request, nothing)
            )
        except AccessRefused as exc:
            self.answers.append(exc)

    async def asks(self, times: int = 1) -> None:
        for _ in range(times):
            self.nursery.start_soon(self._ask)
        await self.bench.quiet()


@asynccontextmanager
async def asked(limits: Limits | None = None) -> AsyncIterator[tuple[Client, FakeWorker]]:
    settings = SessionSettings(limits=limits or Limits(), access_url=str)
    async with bench(settings) as b, trio.open_nursery() as nursery:
        worker = await b.started()
        yield Client(b, nursery), worker
        nursery.cancel_scope.cancel()


async def answer(worker: FakeWorker, request: int, kind: str = "text", body: bytes = b"ok") -> None:
    for frame in answer_frames(request, kind, body):
        await worker.send(worker_frame_to_json(frame))
    await trio.testing.wait_all_tasks_blocked()


async def test_the_script_gets_one_event_and_its_answer_comes_back(
    autojump_clock: MockClock,
) -> None:
    async with asked() as (client, worker):
        await client.asks()
        assert worker.last(HTTP_REQUEST).fields["request"] == 1
        await answer(worker, 1, body=b"x" * 100_000)
        [reply] = client.answers
        assert isinstance(reply, AccessReply)
        assert reply.body == b"x" * 100_000


async def test_before_the_script_is_ready_requests_wait(autojump_clock: MockClock) -> None:
    settings = SessionSettings(access_url=str)
    async with bench(settings) as b, trio.open_nursery() as nursery:
        await b.registry.start("ivr", "")
        client = Client(b, nursery)
        await client.asks()
        assert b.worker.names() == []
        await b.worker.ready()
        assert b.worker.names() == ["Application.Started", HTTP_REQUEST]
        await answer(b.worker, 1)
        assert client.statuses == [200]


async def test_a_script_that_never_gets_ready_is_504(autojump_clock: MockClock) -> None:
    settings = SessionSettings(access_url=str)
    async with bench(settings) as b, trio.open_nursery() as nursery:
        await b.registry.start("ivr", "")
        client = Client(b, nursery)
        await client.asks()
        await trio.sleep(21)
        assert client.statuses in ([504], [410])


async def test_handlers_that_never_return_take_places_only(autojump_clock: MockClock) -> None:
    async with asked(Limits(access_active=3)) as (client, worker):
        await client.asks(3)
        await trio.sleep(21)
        assert client.statuses == [504, 504, 504]
        await client.asks()
        assert client.statuses[-1] == 503
        await answer(worker, 2)
        await client.asks()
        await answer(worker, 4)
        assert client.statuses[-1] == 200
        assert worker.names().count(HTTP_REQUEST) == 4


async def test_whoever_goes_away_leaves_an_answer_that_is_dropped(
    autojump_clock: MockClock,
) -> None:
    async with asked() as (client, worker):
        async with trio.open_nursery() as browser:
            client.nursery = browser
            await client.asks()
            browser.cancel_scope.cancel()
        await answer(worker, 1)
        assert client.answers == []
        assert client.bench.view().state == "RUNNING"


async def test_a_worker_that_dies_answers_410(autojump_clock: MockClock) -> None:
    async with asked() as (client, worker):
        await client.asks(2)
        await worker.leave("signal 9")
        await client.bench.quiet()
        assert client.statuses == [410, 410]


async def test_after_terminate_an_answer_still_counts(autojump_clock: MockClock) -> None:
    async with asked() as (client, worker):
        await client.asks(2)
        await worker.post("session.terminate")
        await answer(worker, 1)
        assert client.statuses[0] == 200
        await trio.sleep(30)
        assert client.statuses == [200, 410]


@pytest.mark.parametrize(
    ("numbers", "body"),
    [([7], b""), ([1, 1], b""), ([1], b"x" * 1_001)],
    ids=["that nobody asked", "twice", "too long"],
)
async def test_a_worker_that_answers_wrongly_ends_its_session(
    autojump_clock: MockClock, numbers: list[int], body: bytes
) -> None:
    async with asked(Limits(access_reply_bytes=1_000)) as (client, worker):
        await client.asks()
        for number in numbers:
            await answer(worker, number, body=body)
        await trio.sleep(5)
        assert client.bench.view().end_cause == "protocol"


async def test_big_requests_wait_for_a_script_that_is_behind(autojump_clock: MockClock) -> None:
    async def big() -> bytes:
        await trio.lowlevel.checkpoint()
        return b"\0" * 60_000  # six characters each as JSON

    async with asked() as (client, worker):
        token = client.bench.registry.access_url("s1")
        desk = client.bench.registry.access.find(token).requests
        request = AccessRequest(method="POST", path=f"/request/{token}")
        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(desk.ask, request, big)
            await client.bench.quiet()
            for number in range(1, 11):
                await answer(worker, number)
        assert client.bench.view().state == "RUNNING"


@attrs.define
class Talkative:
    """Opens a WebSocket, and says something whenever it is its turn."""

    media: FakeMediaLeg
    times: list[float] = attrs.field(factory=list)

    async def accept(self, listener: SocketListener) -> Socket:
        await trio.lowlevel.checkpoint()
        return cast("Socket", self)

    async def run(self, turn: Turn) -> None:
        began = trio.current_time()
        for _ in range(6):
            await turn()
            self.times.append(trio.current_time() - began)


async def test_who_talks_too_much_in_a_websocket_is_read_later(autojump_clock: MockClock) -> None:
    limits = Limits(socket_messages_per_s=2, socket_messages_burst=3)
    async with bench(SessionSettings(limits=limits, access_url=str)) as b:
        worker = await b.started()
        await worker.command("session.allow_sockets")
        visitor = Talkative(FakeMediaLeg("visitor"))
        token = b.registry.access_url("s1")
        request = AccessRequest(method="GET", path=f"/request/{token}")
        await b.registry.access.find(token).sockets.knock(request, visitor)
    assert visitor.times == [0, 0, 0, 0.5, 1.0, 1.5]
