"""WebSockets that come in: real connections, hostile ones too, and the real audio engine."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import AsyncIterator

import pytest
import trio
from wsproto.events import TextMessage

from runtime.media.client import MediaClient
from runtime.media.port import MediaUnavailable
from runtime.sockets import (
    Arrival,
    Handshake,
    HandshakeFailed,
    SocketClosed,
    SocketGone,
    SocketText,
    Turn,
)
from tests.media.test_engine_loopback import running_engine
from tests.sockets.test_client import Told, at_once, client_of
from tests.sockets.visitor import Visitor, visiting

pytestmark = pytest.mark.loopback

GOOD = (
    b"GET /request/x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@contextlib.asynccontextmanager
async def taking(engine: MediaClient, told: Told, turn: Turn = at_once) -> AsyncIterator[str]:
    """A listener that takes every WebSocket; its URL."""

    async def serve(stream: trio.SocketStream) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += await stream.receive_some()
        arrival = Arrival(Handshake.read(stream, head), client_of(engine))
        socket = await arrival.accept(told)
        await socket.run(turn)

    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, serve, [listener])
        yield f"ws://127.0.0.1:{listener.socket.getsockname()[1]}/request/x"
        nursery.cancel_scope.cancel()


@contextlib.asynccontextmanager
async def visited(turn: Turn = at_once) -> AsyncIterator[tuple[Visitor, Told]]:
    told = Told()
    async with (
        running_engine() as engine,
        taking(engine, told, turn) as url,
        visiting(url) as visitor,
    ):
        await visitor.until(lambda: visitor.accepted)
        yield visitor, told


async def test_texts_come_in_and_the_goodbye_is_clean() -> None:
    async with visited() as (visitor, told):
        await visitor.says("hello")
        assert await told.hears(SocketText) == SocketText("hello")
        await visitor.leaves(4000)
        end = await told.hears(SocketClosed)
        assert (end.code, end.clean) == (4000, True)
        await visitor.until(lambda: visitor.gone)


async def test_nothing_is_unpacked_that_was_compressed() -> None:
    async with visited() as (visitor, told):
        assert visitor.accepted is not None
        assert visitor.accepted.extensions == []
        bomb = zlib.compress(bytes(10_000_000))[2:-4]
        head = b"\xc1\xfe" + len(bomb).to_bytes(2, "big") + bytes(4)
        await visitor.stream.send_all(head + bomb)
        assert (await told.hears(SocketClosed)).code == 1002


@pytest.mark.parametrize(
    "text", ["x" * (512 * 1024 + 1), "\u20ac" * 100_000, "\0" * 100_000, '"' * 300_000]
)
async def test_a_message_that_is_too_long_as_json_ends_the_connection(text: str) -> None:
    async with visited() as (visitor, told):
        with contextlib.suppress(trio.BrokenResourceError):
            await visitor.send(TextMessage(data=text))
        assert (await told.hears(SocketClosed)).code == 1009


async def test_a_peer_that_talks_too_much_is_read_when_it_is_its_turn() -> None:
    turns = trio.Semaphore(3)
    async with visited(turns.acquire) as (visitor, told):
        await visitor.starts("PCMU", 8000)
        for number in range(200):
            await visitor.plays(bytes(160))
            if number < 20:
                await visitor.says(str(number))
        await told.until(lambda: SocketText("2") in told.events)
        assert SocketText("3") not in told.events
        for _ in range(17):
            turns.release()
        await told.until(lambda: SocketText("19") in told.events)
        texts = [each.text for each in told.events if isinstance(each, SocketText)]
        assert texts == [str(number) for number in range(20)]


async def test_a_peer_that_vanishes_is_told_as_1006() -> None:
    async with visited() as (visitor, told):
        await trio.aclose_forcefully(visitor.stream)
        assert (await told.hears(SocketClosed)).code == 1006


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\0" * 100,
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /request/x HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n",
        b"GET /request/x HTTP/1.0\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"GET /request/x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        GOOD.replace(b"Host: a", b"Host: \xff"),
        GOOD.replace(b"Connection: Upgrade", b"Connection: Upgrade, \xff"),
        GOOD.replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Protocol: \xff\r\n\r\n"),
        GOOD.replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: \xff\r\n\r\n"),
    ],
)
async def test_what_is_no_handshake_is_refused(head: bytes) -> None:
    stream, _ = trio.testing.memory_stream_pair()
    with pytest.raises(HandshakeFailed):
        Handshake.read(stream, head)


async def test_without_a_leg_nothing_is_accepted_and_a_refusal_can_be_said() -> None:
    ours, theirs = trio.testing.memory_stream_pair()
    handshake = Handshake.read(ours, GOOD)
    async with running_engine() as engine:
        pass
    with pytest.raises(MediaUnavailable):
        await Arrival(handshake, client_of(engine)).accept(Told())
    await handshake.refuse(503, "text/plain", b"later")
    said = bytes(await theirs.receive_some(10_000))
    assert said.startswith(b"HTTP/1.1 503 ")
    assert said.endswith(b"\r\n\r\nlater")


async def test_who_is_gone_before_the_answer_costs_no_leg() -> None:
    async with running_engine() as engine:
        ours, theirs = trio.testing.memory_stream_pair()
        handshake = Handshake.read(ours, GOOD)
        await theirs.aclose()
        with pytest.raises(SocketGone, match="gone"):
            await Arrival(handshake, client_of(engine)).accept(Told())
        with pytest.raises(HandshakeFailed):
            await handshake.refuse(503, "text/plain", b"later")
